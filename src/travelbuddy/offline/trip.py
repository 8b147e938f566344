"""The flight search a conversation is about, and how each message changes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from travelbuddy.offline.frame import Frame, Intent, Understanding
from travelbuddy.offline.gazetteer import country_in, is_city, is_place, same_city
from travelbuddy.offline.places import last_place, leading_place
from travelbuddy.offline.trip_days import day_known, kept_apart, near_standing, next_such_day, same_day, shifted, stayed
from travelbuddy.offline.whens import iso_day

_ASKED_FOR = ("origin", "destination", "departure_date", "return_date")
_FILTERS = frozenset({"max_stops", "max_price", "airline", "sort"})
_ORDER, _WAY_BACK, _DESTINATION = frozenset({"sort"}), frozenset({"return_date"}), frozenset({"destination"})
_ASIDES = {Intent.THANK, Intent.GOODBYE, Intent.ABOUT_SELF, Intent.HELP}
_ORDINALS = {"first": 0, "1": 0, "1st": 0, "second": 1, "2": 1, "2nd": 1, "third": 2, "3": 2, "3rd": 2}
_A_FEW_WORDS = 4
_MAKE_IT = re.compile(r"\bmake (?:it|that)\b|^\W*(?:hmm+|or|actually|rather|maybe|well|uh+)\b", re.I)
_THERE = re.compile(r"\b(?:fly|flights?|get|go|tickets?|trip|travel|one|something)\b[^.?!]{0,40}\bthere\b", re.I)
_GETS_HOME = re.compile(r"\b(?:get|be|go|fly|travel|head)(?:ing)? (?:back )?home (?:for|by|on|before|in time)\b", re.I)
_INSTEAD = re.compile(r"\b(?:about|try|rather|instead|check|then|or|and|maybe)\b|\?", re.I)
_NOT_THAT = re.compile(r"\b(?:instead of|rather than|not) ", re.I)
_CODE = re.compile(r"\b[A-Z]{3}\b")


@dataclass(frozen=True)
class Trip:
    """The search under discussion.

    ``wanted``: the user asked for flights; ``searched``: a search has answered; ``slot`` and ``suggestions``: what
    the last search could not use and what it offered instead. ``needed``: slots that no search assumes. ``touched`` is
    the end of the trip that was named last, ``guessed`` one that was named without a word of which it is.
    ``assumed_day``: the departure is one that the search took, as none was named. ``told_day`` is the one of the two
    days that was told last. ``home``: it is known where the user lives. ``mentioned``: a
    place that came up where no flight was asked for.
    """

    frame: Frame = field(default_factory=Frame)
    wanted: bool = False
    searched: bool = False
    round_trip: bool = False
    stay_days: int | None = None
    slot: str | None = None
    suggestions: tuple[str, ...] = ()
    needed: frozenset[str] = frozenset()
    touched: str | None = None
    guessed: str | None = None
    assumed_day: bool = False
    told_day: str | None = None
    home: bool = False
    mentioned: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The slots to ask for before a search makes sense, in the order in which people think of them."""
        no_return = self.round_trip and self.frame.return_date is None
        needed = self.needed | {"destination"} | ({"return_date"} if no_return and not self.stay_days else set())
        needed |= {"departure_date"} if self.stay_days or no_return else set()
        return tuple(slot for slot in _ASKED_FOR if slot in needed and not day_known(getattr(self.frame, slot)))


def wants_search(trip: Trip, said: Understanding, message: str) -> bool:
    """True when the message asks for flights, completes what was asked for, or changes it."""
    if Intent.SEARCH in said.intents and Intent.RESET not in said.intents:
        return not (Intent.BOOK in said.intents and trip.searched and not said.changes_trip)
    if _chosen(trip, said, message):
        return True
    if said.remember or said.recall or said.forget:
        return bool(said.frame.destination) or (trip.wanted and said.changes_trip)
    if said.intents & _ASIDES and Intent.CORRECT not in said.intents:
        return bool(said.frame.destination) or (said.frame.without(_ORDER) != Frame() and trip.wanted)
    return said.changes_trip and (trip.wanted or not _only_mentions(said, message))


def _only_mentions(said: Understanding, message: str) -> bool:
    """True for a sentence in which a place or a day occurs, and nothing that makes a trip of it."""
    frame = replace(said.frame, passengers=None, cabin=None, airline=None)
    bare = replace(said, frame=frame, loose_place=None, loose_date=None)
    return not bare.changes_trip and (not said.loose_place or len(message.split()) > _A_FEW_WORDS)


def advance(trip: Trip, said: Understanding, message: str) -> Trip:
    """The trip after the user's message."""
    if Intent.RESET in said.intents:
        trip = Trip(needed=trip.needed)
    if not wants_search(trip, said, message):
        place = last_place(message)
        return replace(trip, mentioned=message[place[0] : place[1]]) if place else trip
    if not said.frame.destination and not trip.frame.destination and trip.mentioned and _THERE.search(message[:400]):
        said = replace(said, frame=replace(said.frame, destination=trip.mentioned))
    frame = trip.frame
    if trip.searched and Intent.SEARCH in said.intents and said.frame.destination:
        frame = frame.without(_FILTERS)  # a new request in full; filters of the old one would surprise
    if trip.searched and said.frame.origin and _elsewhere(trip, said):
        frame = frame.without(_WAY_BACK)  # another journey
    chosen = _chosen(trip, said, message)
    new = said.frame.updated(Frame(**chosen)) if chosen else _dated(trip, said, _placed(trip, said, message), message)  # type: ignore[arg-type]
    if new.return_date and not new.origin and same_city(trip.frame.origin, new.destination):
        new = new.without(_DESTINATION)  # "back in Geneva on Thursday", where the trip starts in Geneva
    if new.return_date and not new.departure_date and not frame.departure_date and _goes_home(new, message):
        new = replace(new, departure_date=new.return_date, return_date=None)
    if said.joining and not new.passengers:
        new = replace(new, passengers=(frame.passengers or 1) + said.joining)
    one_way = "return_date" in said.cleared
    anew = Intent.SEARCH in said.intents and _elsewhere(trip, said)  # its days are counted from today
    standing = Frame() if trip.assumed_day or anew else trip.frame
    new = near_standing(standing, new, message)
    frame = kept_apart(frame, _moved_over(trip, frame, new).updated(new).without(said.cleared), new)
    trip = replace(
        trip,
        wanted=True,
        frame=next_such_day(frame, message) if new.return_date else frame,
        round_trip=(trip.round_trip or said.round_trip) and not one_way,
        stay_days=None if one_way else said.stay_days or trip.stay_days,
        slot=None,
        suggestions=(),
        assumed_day=trip.assumed_day and not new.departure_date,
    )
    told = [slot for slot in ("departure_date", "return_date") if getattr(new, slot) is not None]
    trip = replace(trip, told_day=(told[0] if len(told) == 1 else None) if told else trip.told_day)
    return _with_days(_ended(trip, said, new), said, standing, new)


def _goes_home(new: Frame, message: str) -> bool:
    """True for a journey that is the way home itself: "I'm in Toronto and need to be home in Calgary tonight"."""
    end = re.escape(new.destination or "")
    if not new.destination and not new.origin and _GETS_HOME.search(message[:400]):
        return True
    return bool(new.origin and end and re.search(rf"\b(?:home|back) (?:in|to|at) {end}\b", message[:400], re.I))


def _elsewhere(trip: Trip, said: Understanding) -> bool:
    """True for a message that names another end of the journey."""
    where = said.frame.destination
    return where is not None and not same_city(trip.frame.destination, where)


def _ended(trip: Trip, said: Understanding, new: Frame) -> Trip:
    """The trip that knows which end of it the message named last, and whether that is a guess."""
    named = [slot for slot in ("origin", "destination") if getattr(new, slot) is not None]
    if not named:
        return trip
    guessed = [slot for slot in named if getattr(said.frame, slot) is None and said.loose_place]
    return replace(trip, touched=named[-1], guessed=guessed[0] if guessed else None)


def _moved_over(trip: Trip, frame: Frame, new: Frame) -> Frame:
    """The frame in which a guessed end gives way to the one that is named now, where the other end is open."""
    other = {"origin": "destination", "destination": "origin"}.get(trip.guessed or "")
    if other is None or trip.searched or getattr(new, trip.guessed or "") is None:
        return frame
    if getattr(frame, other) is not None or getattr(new, other) is not None:
        return frame
    return replace(frame, **{other: getattr(frame, trip.guessed or "")})


def _placed(trip: Trip, said: Understanding, message: str) -> Frame:
    """The frame of the message, with its loose place and date in the slots that wait for them."""
    frame = said.frame
    if not said.loose_place or (Intent.THANK in said.intents and Intent.SEARCH not in said.intents):
        return frame
    if qualified := _qualified(trip, said.loose_place):
        return replace(frame, **qualified)  # type: ignore[arg-type]
    slot = _loose_end(trip, said, message)
    return frame if getattr(frame, slot) is not None else replace(frame, **{slot: said.loose_place})  # type: ignore[arg-type]


def _qualified(trip: Trip, region: str) -> dict[str, str]:
    """The end of the trip with the region that it is in: "Portland", and when that is not plain "Oregon"."""
    for slot in ("origin", "destination") if not trip.searched and not is_city(region) else ():
        name = getattr(trip.frame, slot)
        if name and "," not in name and is_place(f"{name}, {region}"):
            return {slot: f"{name}, {region}"}
    return {}


def _loose_end(trip: Trip, said: Understanding, message: str) -> str:
    """The end of the trip that a place without "to" or "from" is meant for."""
    if trip.slot in {"origin", "destination"}:
        return trip.slot
    open_ends = [slot for slot in trip.missing if slot in {"origin", "destination"}]
    open_ends = [slot for slot in open_ends if getattr(said.frame, slot) is None]
    if open_ends and (trip.wanted or said.frame.destination is not None):
        return open_ends[0]
    if found := _NOT_THAT.search(message[:200]):  # "Madrid instead of Barcelona"
        replaced, _ = leading_place(message[found.end() : 200])
        for slot in ("origin", "destination"):
            if same_city(getattr(trip.frame, slot), replaced):
                return slot
    if trip.wanted and trip.frame.destination and not (trip.frame.origin or (trip.searched and trip.home)):
        return "destination" if Intent.CORRECT in said.intents or _INSTEAD.search(message[:40]) else "origin"
    for slot in ("origin", "destination"):
        if same_city(getattr(trip.frame, slot), said.loose_place):
            return slot
    corrected = Intent.CORRECT in said.intents and not (trip.searched and _MAKE_IT.search(message[:40]))
    return trip.touched or "destination" if corrected else "destination"


def _dated(trip: Trip, said: Understanding, frame: Frame, message: str) -> Frame:
    """The frame with the message's loose date in the slot that waits for it."""
    if not said.loose_date:
        return frame
    returns = frame.return_date is None and (said.round_trip or (trip.round_trip and trip.frame.return_date is None))
    leaves = day_known(trip.frame.departure_date) or frame.departure_date is not None
    again = trip.told_day == "return_date" and (Intent.CORRECT in said.intents or _MAKE_IT.search(message[:40]))
    slot = "return_date" if again or trip.slot == "return_date" or (returns and leaves) else "departure_date"
    return replace(frame, **{slot: said.loose_date})  # type: ignore[arg-type]


def _chosen(trip: Trip, said: Understanding, message: str) -> dict[str, str] | None:
    """The slot filled by the one suggestion of the last search that the message points at."""
    if not trip.slot or not trip.suggestions or (said.unsupported and not said.changes_trip):
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
    if len(picked) != 1 and (country := country_in(message)):
        picked = [option for option in trip.suggestions if f", {country} " in option]
    if len(picked) != 1 and Intent.AFFIRM in said.intents:
        picked = list(trip.suggestions)
    if len(picked) != 1:
        return None
    code = _CODE.search(picked[0])
    return {trip.slot: code.group() if code else picked[0]}


def _with_days(trip: Trip, said: Understanding, standing: Frame, new: Frame) -> Trip:
    """The trip with "a day later", "for a week" and "the same day" worked into its dates."""
    frame, shift = trip.frame, said.shift
    if (
        shift
        and shift.leg == "return_date"
        and shift.days > 0
        and not frame.return_date
        and not iso_day(frame.departure_date)
    ):
        return replace(trip, stay_days=shift.days)  # "back a week later", whenever that will be
    frame = shifted(frame, shift, standing) if shift else frame
    if trip.stay_days and (dated := stayed(frame, trip.stay_days, new)):
        return replace(trip, frame=dated, stay_days=None)
    return replace(trip, frame=same_day(frame))
