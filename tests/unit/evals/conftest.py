"""Dialogues, built in a line."""

from __future__ import annotations

from typing import Any

from evals.dialogues import Call, Dialogue, Turn, normal
from evals.score import Played

TRIP = {"origin": "Oslo", "destination": "Rome", "departure_date": "2019-03-12"}


def user(text: str = "please") -> Turn:
    """What the person says."""
    return Turn(speaker="USER", text=text)


def system(text: str = "Here you are.", method: str = "SearchFlights", **parameters: Any) -> Turn:
    """What the dialogue's agent says, with what it looked up."""
    call = Call(service="desk", method=method, parameters=parameters) if parameters else None
    return Turn(speaker="SYSTEM", text=text, call=call)


def dialogue(*turns: Turn) -> Dialogue:
    """A dialogue of those turns."""
    return Dialogue(id="one", service="desk", turns=list(turns))


def searched(reply: str = "I found 5 flights.", *more: dict[str, Any], **arguments: Any) -> Played:
    """A reply of ours after searches with these arguments."""
    return Played(reply, tuple(normal(each) for each in (*more, arguments)))


def said(reply: str) -> Played:
    """A reply of ours without a search."""
    return Played(reply)
