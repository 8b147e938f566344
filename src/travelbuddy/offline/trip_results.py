"""What a search tells of the trip: what it understood, or what it could not use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from pydantic import JsonValue

from travelbuddy.offline.frame import Frame
from travelbuddy.offline.trip import Trip
from travelbuddy.offline.whens import a_month

_SLOTS = {f.name for f in fields(Frame)}
_RESOLVED = frozenset({"origin", "destination", "departure_date", "return_date", "cabin"})


def after_search(trip: Trip, arguments: Mapping[str, JsonValue], result: Mapping[str, JsonValue]) -> Trip:
    """The trip after a search: what was asked, as the search understood it, or what it could not use.

    An origin that the search assumed is not kept, so that a home told later counts. One that it did not understand
    is, and so is a month: without it the search would take another than was meant.
    """
    query = result.get("query")
    understood = query if isinstance(query, dict) else {}
    known = {name: understood.get(name, value) if name in _RESOLVED else value for name, value in arguments.items()}
    known["departure_date"] = understood.get("departure_date", arguments.get("departure_date"))
    frame = Frame(**{name: value for name, value in known.items() if _fits(name, value)})  # type: ignore[arg-type]
    after = replace(
        trip, wanted=True, round_trip=False, stay_days=None, slot=None, suggestions=(), guessed=None, mentioned=None
    )
    error = result.get("error")
    if not isinstance(error, dict):
        assumed = trip.assumed_day or "departure_date" not in arguments
        return replace(after, frame=frame, searched=True, assumed_day=assumed)
    slot, suggestions = error.get("field"), error.get("suggestions")
    named = slot if isinstance(slot, str) and slot in _SLOTS else None
    stands = named == "origin" or (named is not None and a_month(str(getattr(frame, named))) is not None)
    return replace(
        after,
        frame=frame.without(frozenset({named} if named and not stands else ())),
        slot=named,
        suggestions=tuple(str(item) for item in suggestions) if isinstance(suggestions, list) else (),
    )


def _fits(name: str, value: JsonValue) -> bool:
    """True when a slot of that name may hold the value; another model's calls may have held anything."""
    if name in {"passengers", "max_stops", "max_price"}:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
    return name in _SLOTS and isinstance(value, str)
