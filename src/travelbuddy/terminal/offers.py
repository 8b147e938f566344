"""What a flight search found, as a table: one with columns where there is room, else two lines for each offer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from travelbuddy.terminal.texts import one_line

WIDE = 96
"""Columns of a terminal from which on the table has all of its own."""
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:[\d.]+S)?)?")
Json = Mapping[str, Any]


class Offers:
    """One search: the query as it was understood, its offers, what was assumed, and whether the fares are samples."""

    def __init__(self, result: Json) -> None:
        self._query: Json = result.get("query") or {}
        self._offers = [offer for offer in result.get("offers") or () if isinstance(offer, dict)]
        self._notes = [one_line(note) for note in result.get("notes") or ()]
        self._sample = result.get("source") == "sample"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text("Flights ", "tb.title").append_text(understood(self._query))
        if self._offers:
            yield self._wide() if options.max_width >= WIDE else self._narrow()
        else:
            yield Text("Nothing was found.", "tb.quiet")
        if self._sample:
            yield Text("Sample fares: a made-up timetable, not for sale.", "tb.sample")
        for note in self._notes:
            yield Text(note, "tb.quiet")

    def _wide(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="tb.head", pad_edge=False)
        table.add_column("", justify="right", style="tb.mark", no_wrap=True)
        table.add_column("Carrier", overflow="fold", ratio=1)
        table.add_column("Local times", no_wrap=True)
        table.add_column("Duration", no_wrap=True)
        table.add_column("Stops", overflow="fold")
        table.add_column("Price", justify="right", no_wrap=True)
        for number, offer in enumerate(self._offers, 1):
            for index, way in enumerate(_ways(offer)):
                row = (carrier(way), times(way, self._query), length(way), stops(way))
                table.add_row("" if index else str(number), *row, self._price(offer) if not index else "")
        return table

    def _price(self, offer: Json) -> Text:
        """The price; with the cabin where it is not the one asked for, which stands above."""
        text = Text(price(offer), "tb.price")
        if cabin(offer) != cabin(self._query):
            text.append(f"\n{cabin(offer)}", "tb.note")
        return text

    def _narrow(self) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(justify="right", style="tb.mark", no_wrap=True)
        table.add_column(ratio=1, overflow="fold")
        table.add_column(justify="right", no_wrap=True)
        table.expand = True
        for number, offer in enumerate(self._offers, 1):
            for index, way in enumerate(_ways(offer)):
                table.add_row("" if index else str(number), carrier(way), self._price(offer) if not index else "")
                line = Text(" · ", "tb.quiet").join([times(way, self._query), length(way), stops(way)])
                table.add_row("", line, "")
        return table


def understood(query: Json) -> Text:
    """The query as the agent took it, in one line."""
    said = [f"{_word(query.get('origin'))} → {_word(query.get('destination'))}", _day(query.get("departure_date"))]
    if query.get("return_date"):
        said[-1] += f" – {_day(query['return_date'])}"
    count = query.get("passengers") or 1
    said += ["1 traveller" if count == 1 else f"{count} travellers", cabin(query)]
    if query.get("max_stops") is not None:
        said.append("direct" if query["max_stops"] == 0 else f"at most {one_line(query['max_stops'])} stops")
    if query.get("max_price"):
        said.append(f"up to {one_line(query['max_price'])}")
    return Text(" · ".join(part for part in said if part))


def times(way: Json, query: Json) -> Text:
    """Take-off and landing by the clocks there, with the days between; the day itself where there is a way back."""
    first, last = _segments(way)[0], _segments(way)[-1]
    off, on = _moment(first.get("departing_at")), _moment(last.get("arriving_at"))
    if off is None or on is None:
        return Text(f"{_word(first.get('origin'))} → {_word(last.get('destination'))}")
    text = Text(f"{off:%a} {off.day} {off:%b} " if query.get("return_date") else "", "tb.quiet", end="")
    text.append(f"{off:%H:%M} {_word(first.get('origin'))} – {on:%H:%M} {_word(last.get('destination'))}", "tb.plain")
    days = (on.date() - off.date()).days
    return text.append(f" {days:+d}", "tb.note") if days else text


def carrier(way: Json) -> Text:
    """Who flies, each with the flight numbers."""
    flights: dict[str, list[str]] = {}
    for name, number in map(_carrier_of, _segments(way)):
        flights.setdefault(name, []).append(number)
    parts = [Text(f"{name} ").append(" ".join(numbers), "tb.quiet") for name, numbers in flights.items()]
    return Text(", ").join(parts)


def stops(way: Json) -> Text:
    """Where one changes, and how long one waits there."""
    segments = _segments(way)
    if len(segments) == 1:
        return Text("1 stop on the way" if way.get("stops") else "direct")
    waits = []
    for before, after in pairwise(segments):
        on, off = _moment(before.get("arriving_at")), _moment(after.get("departing_at"))
        wait = f" {_spoken(int((off - on).total_seconds()) // 60)}" if on and off else ""
        waits.append(f"{_word(before.get('destination'))}{wait}")
    return Text(f"via {', '.join(waits)}")


def length(way: Json) -> Text:
    """How long it takes."""
    match = _DURATION.fullmatch(str(way.get("duration")))
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    return Text(_spoken((days * 24 + hours) * 60 + minutes))


def price(offer: Json) -> str:
    """The price of the whole offer."""
    return one_line(f"{offer.get('total_amount', '')} {offer.get('total_currency', '')}")


def cabin(thing: Json) -> str:
    """The cabin in words."""
    return _word(thing.get("cabin")).replace("_", " ")


def _ways(offer: Json) -> list[Json]:
    return [way for way in offer.get("slices") or () if isinstance(way, dict) and _segments(way)]


def _segments(way: Json) -> list[Json]:
    return [segment for segment in way.get("segments") or () if isinstance(segment, dict)]


def _carrier_of(segment: Json) -> tuple[str, str]:
    flown_by = segment.get("marketing_carrier") or {}
    code = _word(flown_by.get("iata_code"))
    return _word(flown_by.get("name")) or code, f"{code}{_word(segment.get('flight_number'))}"


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _day(text: object) -> str:
    day = _moment(text)
    return f"{day:%a} {day.day} {day:%b}" if day else _word(text)


def _spoken(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours}h{rest:02}" if hours else f"{rest}min"


def _word(text: object) -> str:
    return "" if text is None else one_line(text, 60)
