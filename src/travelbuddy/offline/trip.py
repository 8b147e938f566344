"""The flight search a conversation is about, and how each message and each search result changes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date

from pydantic import JsonValue

from travelbuddy.offline.frame import Frame, Intent, Understanding
from travelbuddy.offline.text import EXAMINED_CHARS
from travelbuddy.offline.whens import A_WEEKDAY, moved

_SLOTS = {f.name for f in fields(Frame)}
_RESOLVED = frozenset({"origin", "destination", "departure_date", "return_date", "cabin"})
_FILTERS = frozenset({"max_stops", "max_price", "sort"})
_ASIDES = {Intent.THANK, Intent.GOODBYE, Intent.ABOUT_SELF, Intent.HELP}
_ORDINALS = {"first": 0, "1": 0, "1st": 0, "second": 1, "2": 1, "2nd": 1, "third": 2, "3": 2, "3rd": 2}
_CODE = re.compile(r"\b[A-Z]{3}\b")


@dataclass(frozen=True)
class Trip:
    """The search under discussion.

    ``wanted``: the user asked for flights; ``searched``: a search has answered; ``slot`` and ``suggestions``: what
    the last search could not use and what it offered instead.
    """

    frame: Frame = field(default_factory=Frame)
    wanted: bool = False
    searched: bool = False
    round_trip: bool = False
    stay_days: int | None = None
    slot: str | None = None
    suggestions: tuple[str, ...] = ()

    @property
    def missing(self) -> str | None:
        """The slot to ask for before a search makes sense."""
        if self.frame.destination is None:
            return "destination"
        no_return = self.frame.return_date is None
        if (self.stay_days or (self.round_trip and no_return)) and self.frame.departure_date is None:
            return "departure_date"
        return "return_date" if self.round_trip and no_return else None


def wants_search(trip: Trip, said: Understanding, message: str) -> bool:
    """True when the message asks for flights, completes what was asked for, or changes it."""
    if Intent.SEARCH in said.intents and Intent.RESET not in said.intents:
        return not (Intent.BOOK in said.intents and trip.searched and not said.changes_trip)
    if _chosen(trip, said, message):
        return True
    if said.remember or said.recall or said.forget:
        return bool(said.frame.destination) or (trip.wanted and said.changes_trip)
    if said.intents & _ASIDES:
        return said.frame != Frame() and trip.wanted
    return said.changes_trip


def advance(trip: Trip, said: Understanding, message: str) -> Trip:
    """The trip after the user's message."""
    if Intent.RESET in said.intents:
        trip = Trip()
    if not wants_search(trip, said, message):
        return trip
    frame = trip.frame
    if trip.searched and Intent.SEARCH in said.intents and said.frame.destination:
        frame = frame.without(_FILTERS)  # a new request in full; filters of the old one would surprise
    chosen = _chosen(trip, said, message)
    new = said.frame.updated(Frame(**chosen)) if chosen else _placed(trip, said)  # type: ignore[arg-type]
    one_way = "return_date" in said.cleared
    frame = _kept_apart(frame, frame.updated(new).without(said.cleared), new)
    trip = replace(
        trip,
        wanted=True,
        frame=_next_such_day(frame, message) if new.return_date else frame,
        round_trip=(trip.round_trip or said.round_trip) and not one_way,
        stay_days=None if one_way else said.stay_days or trip.stay_days,
        slot=None,
        suggestions=(),
    )
    return _with_days(trip, said)


def after_search(trip: Trip, arguments: Mapping[str, JsonValue], result: Mapping[str, JsonValue]) -> Trip:
    """The trip after a search: what was asked, as the search understood it, or what it could not use.

    An origin that the search assumed is not kept, so that a home told later counts.
    """
    query = result.get("query")
    understood = query if isinstance(query, dict) else {}
    known = {name: understood.get(name, value) if name in _RESOLVED else value for name, value in arguments.items()}
    known["departure_date"] = understood.get("departure_date", arguments.get("departure_date"))
    frame = Frame(**{name: value for name, value in known.items() if _fits(name, value)})  # type: ignore[arg-type]
    error = result.get("error")
    if not isinstance(error, dict):
        return Trip(frame, wanted=True, searched=True)
    slot, suggestions = error.get("field"), error.get("suggestions")
    named = slot if isinstance(slot, str) and slot in _SLOTS else None
    return Trip(
        frame.without(frozenset({named} if named else ())),
        wanted=True,
        searched=trip.searched,
        slot=named,
        suggestions=tuple(str(item) for item in suggestions) if isinstance(suggestions, list) else (),
    )


def _fits(name: str, value: JsonValue) -> bool:
    """True when a slot of that name may hold the value; another model's calls may have held anything."""
    if name in {"passengers", "max_stops", "max_price"}:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9
    return name in _SLOTS and isinstance(value, str)


def _placed(trip: Trip, said: Understanding) -> Frame:
    """The frame of the message, with its loose place and date in the slots that wait for them."""
    frame = said.frame
    if said.loose_place and Intent.THANK not in said.intents:
        slot = trip.slot if trip.slot in {"origin", "destination"} else "destination"
        if getattr(frame, slot) is None:
            frame = replace(frame, **{slot: said.loose_place})  # type: ignore[arg-type]
    if said.loose_date:
        waiting = trip.slot == "return_date" or trip.missing == "return_date"
        slot = "return_date" if waiting and frame.return_date is None else "departure_date"
        frame = replace(frame, **{slot: said.loose_date})  # type: ignore[arg-type]
    return frame


def _chosen(trip: Trip, said: Understanding, message: str) -> dict[str, str] | None:
    """The slot filled by the one suggestion of the last search that the message points at."""
    if not trip.slot or not trip.suggestions:
        return None
    words = set(re.findall(r"\w+", message[:200].lower()))
    picked = [
        option
        for option in trip.suggestions
        if words & {word for word in re.findall(r"\w+", option.lower()) if len(word) > 2}
    ]
    if len(picked) != 1:
        ordinals = {_ORDINALS[word] for word in words & set(_ORDINALS)}
        picked = [option for rank, option in enumerate(trip.suggestions) if rank in ordinals]
    if len(picked) != 1 and Intent.AFFIRM in said.intents:
        picked = list(trip.suggestions)
    if len(picked) != 1:
        return None
    code = _CODE.search(picked[0])
    return {trip.slot: code.group() if code else picked[0]}


def _kept_apart(old: Frame, frame: Frame, new: Frame) -> Frame:
    """A later departure moves the way back along, so that the stay keeps its length."""
    if not (new.departure_date and old.departure_date and frame.return_date) or new.return_date:
        return frame
    days = _days_between(old.departure_date, new.departure_date)
    return replace(frame, return_date=moved(frame.return_date, days or 0) or frame.return_date)


def _next_such_day(frame: Frame, message: str) -> Frame:
    """A way back named by its weekday ("back on Sunday") is the first such day from the departure on."""
    days = _days_between(frame.return_date or "", frame.departure_date or "")
    if days is None or days <= 0 or not A_WEEKDAY.search(message[:EXAMINED_CHARS]):
        return frame
    return replace(frame, return_date=moved(frame.return_date or "", 7 * -(-days // 7)))


def _days_between(first: str, second: str) -> int | None:
    try:
        return (date.fromisoformat(second) - date.fromisoformat(first)).days
    except ValueError:
        return None


def _with_days(trip: Trip, said: Understanding) -> Trip:
    """The trip with "a day later" and "for a week" worked into its dates, where there is a date to start from."""
    frame = trip.frame
    if said.shift:
        legs = {"departure_date", "return_date"} if said.shift.leg == "departure_date" else {"return_date"}
        for leg in legs:
            day = getattr(frame, leg)
            if day is None and said.shift.leg == leg == "return_date" and said.shift.days > 0:
                day = frame.departure_date  # "back a week later"
            if day:
                frame = replace(frame, **{leg: moved(day, said.shift.days) or day})  # type: ignore[arg-type]
    if trip.stay_days and frame.departure_date and (back := moved(frame.departure_date, trip.stay_days)):
        return replace(trip, frame=replace(frame, return_date=back), stay_days=None)
    return replace(trip, frame=frame)
