"""What a conversation has come to, beside the trip: the offers in sight, the one spoken of, the question left open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from travelbuddy.offline.errands import read_choice, read_sum
from travelbuddy.offline.frame import Errand, ErrandKind, Intent, Understanding, Which
from travelbuddy.offline.offers import Offer, duration_minutes, read_result
from travelbuddy.offline.text import tidy
from travelbuddy.offline.trip import Trip

_PICKS = {ErrandKind.HOLD, ErrandKind.DETAILS, ErrandKind.CANCEL}
_DROPS = {Intent.DENY, Intent.RESET, Intent.GOODBYE, Intent.BOOK}


@dataclass(frozen=True)
class Desk:
    """``offers`` are those of the last search that found any, ``focus`` the one spoken of last.

    ``open`` is an errand that still lacks what the user was asked for: which one, a price or a place. ``holds``: an
    offer can be held.
    """

    offers: tuple[Offer, ...] = ()
    focus: int | None = None
    open: Errand | None = None
    holds: bool = False

    def completed(self, said: Understanding, message: str) -> Understanding:
        """What the message says, as the answer to the open question where it is one."""
        if self.open is None or said.errand is not None or said.intents & _DROPS:
            return said
        if self.open.kind in _PICKS:
            which = read_choice(tidy(message))
            return _only(said, replace(self.open, which=which)) if which else said
        limit = self.open.limit or read_sum(tidy(message)) or said.frame.max_price
        if limit == self.open.limit and not said.changes_trip:
            return said
        frame = replace(said.frame, max_price=None, sort=None)
        if limit != self.open.limit:
            frame = replace(frame, passengers=None) if read_sum(tidy(message)) else frame
        intents = said.intents - {Intent.SEARCH}
        return replace(said, errand=replace(self.open, limit=limit), frame=frame, intents=intents)

    def after(self, said: Understanding, trip: Trip) -> Desk:
        """The desk once the message has been answered."""
        errand = said.errand
        if errand is None:
            asked = self.holds and bool(self.offers) and Intent.BOOK in said.intents and not said.changes_trip
            return replace(self, open=Errand(ErrandKind.HOLD) if asked else None)
        if errand.kind is ErrandKind.WATCH:
            lacks = errand.limit is None or bool(trip.missing)
            return replace(self, open=errand if lacks else None)
        if errand.kind is ErrandKind.CANCEL:
            return replace(self, open=replace(errand, which=None))  # an answer to "which of them?", if that was asked
        at = self.pick(errand.which)
        lacks = at is None and errand.kind in _PICKS
        return replace(self, focus=self.focus if at is None else at, open=errand if lacks else None)

    def found(self, result: Mapping[str, JsonValue]) -> Desk:
        """The desk after a search, which is spoken of from now on when it found something."""
        read = read_result(result)
        return replace(self, offers=tuple(read.offers), focus=None) if read and read.offers else self

    def pick(self, which: Which | None) -> int | None:
        """Where in the list the offer stands that is meant; None when that cannot be told.

        "It" is the one spoken of last, or else the one that the search put first.
        """
        if which is None or not self.offers:
            return None
        if which.by == "it":
            return self.focus or 0
        return pick_of(order_of(self.offers, which), which.rank)


def pick_of(order: Sequence[int], rank: int) -> int | None:
    """The place that stands at the rank, from 0, or from the end."""
    return order[rank] if -len(order) <= rank < len(order) else None


def order_of(offers: Sequence[Offer], which: Which) -> list[int]:
    """Where the offers stand, in the order that is meant; of a name only those that have it."""
    places = range(len(offers))
    if which.by == "price":
        return sorted(places, key=lambda at: _price(offers[at]))
    if which.by == "duration":
        return sorted(places, key=lambda at: sum(duration_minutes(one.duration) for one in offers[at].slices))
    if which.by == "departure":
        return sorted(places, key=lambda at: _leaves(offers[at]))
    if which.by == "id":
        return [at for at in places if offers[at].id == which.name]
    if which.by == "name":
        return [at for at in places if _has(offers[at], which.name)]
    return list(places)


def _only(said: Understanding, errand: Errand) -> Understanding:
    """The message is the choice and nothing else: "the cheapest" is no order of a search then."""
    return Understanding(said.intents - {Intent.SEARCH, Intent.BOOK}, errand=errand)


def _price(offer: Offer) -> float:
    try:
        return float(offer.total_amount)
    except ValueError:
        return float("inf")


def _leaves(offer: Offer) -> float:
    """The minute of the day: offers of one search leave on one day, and their times are local."""
    segments = offer.slices[0].segments if offer.slices else []
    return segments[0].departing_at.hour * 60 + segments[0].departing_at.minute if segments else float("inf")


def _has(offer: Offer, name: str) -> bool:
    segments = [segment for one in offer.slices for segment in one.segments]
    if name in {"direct", "nonstop", "non-stop"}:
        return all(len(one.segments) == 1 for one in offer.slices)
    carriers = [offer.owner, *(segment.marketing_carrier for segment in segments)]
    flights = {f"{one.marketing_carrier.iata_code}{one.flight_number}".lower() for one in segments}
    return name in flights or any(name == carrier.name.lower().replace(" ", "") for carrier in carriers)
