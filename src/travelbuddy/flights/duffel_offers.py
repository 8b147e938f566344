"""What Duffel sells, as our offers: their times are the airports' own, without offset; ours carry it.

An offer that cannot be understood is left out, and says nothing of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from travelbuddy.domain.travel import CABINS, Cabin, Carrier, FlightQuery, Offer, Segment, Slice, Sort
from travelbuddy.flights.carriers import as_asked
from travelbuddy.flights.directory import directory
from travelbuddy.flights.duffel_wire import WireAirline, WireOffer, WirePlace, WireSegment, WireSlice

MOST_OFFERS = 20
LONGEST = timedelta(days=7)
_NONE = timedelta()


def read_offers(raw: Iterable[object], source: str, asked: Cabin) -> list[Offer]:
    """The offers among these that can be understood."""
    offers = []
    for one in raw:
        try:
            offers.append(our_offer(WireOffer.model_validate(one), source, asked))
        except (ValueError, OverflowError):  # pydantic's error is a ValueError
            continue
    return offers


def our_offer(offer: WireOffer, source: str, otherwise: Cabin = "economy") -> Offer:
    """The offer as we tell it. ``otherwise`` is its cabin where it names none that we know.

    Raises ValueError or OverflowError for one that makes no sense: a landing before the take-off, a place nobody knows.
    """
    slices = tuple(_slice(one) for one in offer.slices)
    return Offer(
        id=offer.id,
        total_amount=offer.total_amount,
        total_currency=offer.total_currency,
        cabin=_cabin(offer, slices, otherwise),
        owner=_carrier(offer.owner),
        slices=slices,
        source=source_of(source, live=offer.live_mode),
        passengers=max(len(offer.passengers), 1),
        expires_at=offer.expires_at,
    )


def source_of(source: str, *, live: bool) -> str:
    """Where a fare is from: one of test mode must never look like one that can be bought."""
    return source if live or source.endswith("-test") else f"{source}-test"


def choice(offers: Iterable[Offer], query: FlightQuery) -> list[Offer]:
    """Those that meet the query, in its order, each journey once: at its best price."""
    chosen: dict[object, Offer] = {}
    asked_first = sorted(offers, key=lambda one: (not as_asked(one.carriers, query.airline), *_order(one, query.sort)))
    for offer in asked_first:
        if _meets(offer, query):
            chosen.setdefault(_journey(offer), offer)
    return list(chosen.values())[:MOST_OFFERS]


def _slice(way: WireSlice) -> Slice:
    segments = tuple(_segment(one) for one in way.segments)
    stops = len(segments) - 1 + sum(len(one.stops or ()) for one in way.segments)
    duration = segments[-1].arriving_at - segments[0].departing_at
    waits = (after.departing_at - before.arriving_at for before, after in pairwise(segments))
    if any(one.duration <= _NONE for one in segments) or min(waits, default=_NONE) < _NONE or duration > LONGEST:
        raise ValueError("no journey that a person could make")
    return Slice(
        origin=segments[0].origin,
        destination=segments[-1].destination,
        duration=duration,
        stops=stops,
        segments=segments,
    )


def _segment(one: WireSegment) -> Segment:
    departs, arrives = _local(one.departing_at, one.origin), _local(one.arriving_at, one.destination)
    return Segment(
        origin=one.origin.iata_code,
        destination=one.destination.iata_code,
        departing_at=departs,
        arriving_at=arrives,
        duration=arrives - departs,
        marketing_carrier=_carrier(one.marketing_carrier),
        flight_number=one.marketing_carrier_flight_number,
    )


def _local(when: datetime, place: WirePlace) -> datetime:
    """The time with its offset. A fixed one: times of one zone are subtracted as if its clocks never changed."""
    if when.utcoffset() is None:
        known = directory().airports.get(place.iata_code)
        name = known.tz if known is not None else place.time_zone
        if name not in _zones():  # what it names may be anything, and zones are read from files
            raise ValueError("an airport without a time zone")
        when = when.replace(tzinfo=ZoneInfo(name))
    return when.replace(tzinfo=timezone(when.utcoffset() or _NONE))


@cache
def _zones() -> frozenset[str]:
    return frozenset(airport.tz for airport in directory().airports.values())


def _carrier(airline: WireAirline) -> Carrier:
    return Carrier(iata_code=airline.iata_code, name=airline.name or airline.iata_code)


def _cabin(offer: WireOffer, slices: Sequence[Slice], otherwise: Cabin) -> Cabin:
    """The cabin of the longest flight, and there the lowest of all travellers."""
    flights = [one for way in offer.slices for one in way.segments]
    lengths = [one.duration for way in slices for one in way.segments]
    longest = max(zip(lengths, flights, strict=True), key=lambda pair: pair[0])[1]
    given = {one.cabin_class for one in longest.passengers or ()}
    return next((cabin for cabin in CABINS if cabin in given), otherwise)


def _meets(offer: Offer, query: FlightQuery) -> bool:
    return (
        (query.max_price is None or offer.amount <= query.max_price)
        and (query.max_stops is None or all(way.stops <= query.max_stops for way in offer.slices))
        and CABINS.index(offer.cabin) >= CABINS.index(query.cabin)
    )


def _order(offer: Offer, sort: Sort) -> tuple[object, ...]:
    departure = offer.slices[0].segments[0].departing_at
    first = {"price": offer.amount, "duration": offer.duration, "departure": departure}[sort]
    return (first, offer.amount, offer.duration, departure, offer.id)


def _journey(offer: Offer) -> object:
    """What tells one journey from another: fares of the same flights are one."""
    return tuple(
        (one.marketing_carrier.iata_code, one.flight_number, one.departing_at, one.origin, one.destination)
        for way in offer.slices
        for one in way.segments
    )
