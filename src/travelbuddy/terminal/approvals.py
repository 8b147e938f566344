"""Approvals in the terminal."""

from __future__ import annotations

import json
from pathlib import Path

from rich.table import Table
from rich.text import Text

from travelbuddy.errors import RuntimeProblem
from travelbuddy.terminal.client import Answer, ServiceClient
from travelbuddy.terminal.screen import show
from travelbuddy.terminal.texts import one_line
from travelbuddy.terminal.view import clock

_EDIT = "--edit: give offer_id=ID, the id of another offer."


def list_all(
    service: ServiceClient, user: str | None, session: str | None, status: str | None, *, as_json: bool
) -> None:
    """Print a user's approvals."""
    answer = service.approvals(user, session, status)
    found = answer["approvals"]
    show(answer, table(found) if found else Text("Nothing waits for a decision.", "tb.quiet"), as_json=as_json)


def decide(service: ServiceClient, approval_id: str, user: str | None, decision: Answer, *, as_json: bool) -> None:
    """Send the decision, and print how the approval stands then."""
    answer = service.decide(approval_id, user, decision)
    show(answer, table([answer]), as_json=as_json)


def approval(edit: str | None, passengers: Path | None, note: str | None) -> Answer:
    """The decision that the options make. Raises RuntimeProblem that names the option."""
    decision: Answer = {"decision": "approve", "note": note}
    if edit is not None:
        name, _, offer_id = edit.partition("=")
        if name.strip() != "offer_id" or not offer_id.strip():
            raise RuntimeProblem(_EDIT)
        decision |= {"decision": "edit", "changes": {"offer_id": offer_id.strip()}}
    if passengers is not None:
        decision["passengers"] = _people(passengers)
    return decision


def table(found: list[Answer]) -> Table:
    """Approvals, each with its offer."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="tb.head", pad_edge=False)
    for name in ("Approval", "Flight", "Price", "Status"):
        shown.add_column(name, overflow="fold", justify="right" if name == "Price" else "left")
    for one in found:
        offer = one.get("offer") or {}
        price = f"{offer.get('total_amount', '')} {offer.get('total_currency', '')}"
        shown.add_row(
            Text(one_line(one.get("approval_id", ""))), _flight(offer), Text(one_line(price)), Text(_status(one))
        )
    return shown


def _flight(offer: Answer) -> Text:
    ways = [way for way in offer.get("slices") or () if isinstance(way, dict)]
    ends = f"{ways[0].get('origin', '')}–{ways[0].get('destination', '')}" if ways else ""
    days = [clock((way.get("segments") or [{}])[0].get("departing_at"), day=True) for way in ways]
    carrier = (offer.get("owner") or {}).get("name", "")
    return Text(one_line(" ".join([ends, *days, str(carrier)])))


def _status(one: Answer) -> str:
    status, hold = one_line(one.get("status", "")), one.get("hold") or {}
    if status == "waiting":
        return f"waiting until {clock(one.get('expires_at'), day=True)}"
    if hold:
        pay_by = clock(hold.get("pay_by"), day=True)
        return f"held, {one_line(hold.get('reference', ''))}" + (f", pay by {pay_by}" if pay_by else "")
    return f"{status}: {one_line(one['error'], 100)}" if one.get("error") else status


def _people(path: Path) -> object:
    try:
        people = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RuntimeProblem(f"--passengers: {path} holds no JSON ({error}).") from error
    if not isinstance(people, list):
        raise RuntimeProblem(f"--passengers: {path} must hold a list of travellers.")
    return people
