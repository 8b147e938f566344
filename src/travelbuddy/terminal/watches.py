"""Fare watches in the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from travelbuddy.terminal.client import Answer, ServiceClient
from travelbuddy.terminal.screen import show
from travelbuddy.terminal.texts import one_line
from travelbuddy.terminal.view import clock


def begin(service: ServiceClient, query: Answer, wish: Answer, *, as_json: bool) -> None:
    """Begin a watch, and print it."""
    _show(service.watch(query, wish), as_json=as_json)


def list_all(
    service: ServiceClient, user: str | None, session: str | None, status: str | None, *, as_json: bool
) -> None:
    """Print a user's watches."""
    answer = service.watches(user, session, status)
    found = answer["watches"]
    show(answer, table(found) if found else Text("No fare is watched.", "tb.quiet"), as_json=as_json)


def end(service: ServiceClient, watch_id: str, user: str | None, *, as_json: bool) -> None:
    """End a watch, and print it."""
    _show(service.unwatch(watch_id, user), as_json=as_json)


def table(found: list[Answer]) -> Table:
    """Watches, each with its prices."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="tb.head", pad_edge=False)
    for name in ("Watch", "Journey", "Below", "Now", "Lowest", "Looks", "Status"):
        shown.add_column(
            name, overflow="fold", justify="right" if name in {"Below", "Now", "Lowest", "Looks"} else "left"
        )
    for watch in found:
        unit = one_line(watch.get("currency") or "")
        prices = [_price(watch.get(key), unit) for key in ("limit", "last_price", "lowest_price")]
        looks, until = str(watch.get("checks", 0)), clock(watch.get("next_check_at"), day=True)
        status = one_line(watch.get("status", "")) + (f", next {until}" if until else "")
        if watch.get("error"):
            status += f": {one_line(watch['error'], 100)}"
        shown.add_row(
            Text(one_line(watch.get("watch_id", ""))), _journey(watch), *map(Text, prices), looks, Text(status)
        )
    return shown


def _show(watch: Answer, *, as_json: bool) -> None:
    show(watch, table([watch]), as_json=as_json)


def _journey(watch: Answer) -> Text:
    query = watch.get("query") or {}
    days = [query.get("departure_date"), query.get("return_date")]
    ends = f"{query.get('origin', '')}–{query.get('destination', '')}"
    return Text(one_line(" ".join([ends, *(day for day in days if day)])))


def _price(amount: object, unit: str) -> str:
    return one_line(f"{amount} {unit}") if amount is not None else "–"
