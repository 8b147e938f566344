"""Offers from the sample timetable: real airports, invented airlines, prices that always come out the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice, product

from travelbuddy.domain.travel import Cabin, FlightQuery, Offer, Segment, Slice
from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import airports_for
from travelbuddy.flights.directory import Airport, distance_km
from travelbuddy.flights.network import paths
from travelbuddy.flights.timetable import Flight, journeys, seeded

MAX_OFFERS = 6
_MAX_PAIRS = 6
_MIN_STAY = timedelta(hours=1)
_CABIN_PERCENT: dict[Cabin, int] = {"economy": 100, "premium_economy": 165, "business": 320, "first": 510}
_WEEKDAY_PERCENT = (100, 92, 92, 98, 114, 104, 116)
_MONTH_PERCENT = (88, 90, 98, 104, 102, 112, 126, 124, 104, 98, 88, 110)
_CARRIER_PERCENT = {"SH": 100, "GW": 112, "PP": 84, "IM": 104, "CL": 90, "UJ": 96, "NB": 107}


@dataclass(frozen=True, slots=True)
class _Journey:
    """One direction at a price, in cents for one passenger."""

    legs: tuple[Flight, ...]
    cents: int

    @property
    def duration(self) -> timedelta:
        return self.legs[-1].arriving_at - self.legs[0].departing_at


class SampleFlights:
    """A ``FlightProvider`` whose answer depends on the query alone: same query, same offers, byte for byte.

    The first search loads the airports unless ``airports.warm()`` was called before.
    """

    name = "sample"

    async def search(self, query: FlightQuery) -> list[Offer]:
        """At most six offers in EUR; none when the places are too close to fly between."""
        origins, destinations = airports_for(query.origin), airports_for(query.destination)
        if set(origins) & set(destinations):
            raise ToolError(
                "bad_arguments", f"{query.origin} and {query.destination} are the same place.", field="destination"
            )
        out = _journeys(origins, destinations, query.departure_date, query)
        if query.return_date is None:
            trips: list[tuple[_Journey, ...]] = [(journey,) for journey in out]
        else:
            trips = _round_trips(out, _journeys(destinations, origins, query.return_date, query))
        offers = [_offer(trip, query, self.name) for trip in trips]
        affordable = [o for o in offers if query.max_price is None or o.amount <= query.max_price]
        return _varied(sorted(affordable, key=lambda offer: _order(offer, query)))


def _journeys(
    origins: tuple[Airport, ...], destinations: tuple[Airport, ...], day: date, query: FlightQuery
) -> list[_Journey]:
    """The sensible journeys of one direction: not more than twice as long as the quickest, plus two hours."""
    max_stops = 2 if query.max_stops is None else query.max_stops
    pairs = sorted(product(origins, destinations), key=lambda pair: -(pair[0].rank + pair[1].rank))
    found = [
        _Journey(legs, _cents(legs, day, query.cabin))
        for origin, destination in islice(pairs, _MAX_PAIRS)
        for path in paths(origin, destination, max_stops)
        for legs in journeys(path, day)
    ]
    quickest = min((journey.duration for journey in found), default=timedelta())
    return [journey for journey in found if journey.duration <= quickest * 2 + timedelta(hours=2)]


def _round_trips(out: list[_Journey], back: list[_Journey]) -> list[tuple[_Journey, ...]]:
    return [
        (there, again)
        for there, again in product(out, back)
        if again.legs[0].departing_at - there.legs[-1].arriving_at >= _MIN_STAY
    ]


def _cents(legs: tuple[Flight, ...], day: date, cabin: Cabin) -> int:
    """The fare in integers only, so that no machine rounds differently. Demand comes from the day, never from now."""
    km = distance_km(legs[0].origin, legs[-1].destination)
    flown = sum(distance_km(leg.origin, leg.destination) for leg in legs)
    base = 2900 + 9 * min(km, 1500) + 5 * min(max(km - 1500, 0), 5000) + 4 * max(km - 6500, 0)
    base += (flown - km) // 2 if flown > km else 0
    holidays = (day.month, day.day) >= (12, 18) or (day.month, day.day) <= (1, 4)
    percents = (
        _CABIN_PERCENT[cabin],
        _WEEKDAY_PERCENT[day.weekday()],
        _MONTH_PERCENT[day.month - 1] + (25 if holidays else 0),
        _CARRIER_PERCENT[legs[0].carrier.iata_code],
        (100, 88, 80)[len(legs) - 1],
        90 + seeded("fare", day, *(f"{leg.carrier.iata_code}{leg.number}" for leg in legs)) % 31,
    )
    for percent in percents:
        base = base * percent // 100
    return base


def _offer(trip: tuple[_Journey, ...], query: FlightQuery, source: str) -> Offer:
    slices = tuple(_slice(journey) for journey in trip)
    cents = sum(journey.cents for journey in trip) * query.passengers
    flights = [f"{leg.carrier.iata_code}{leg.number}@{leg.departing_at}" for one in trip for leg in one.legs]
    return Offer(
        id=f"off_{seeded('offer', query.cabin, query.passengers, *flights):016x}",
        total_amount=str(Decimal(cents).scaleb(-2)),
        total_currency="EUR",
        cabin=query.cabin,
        owner=trip[0].legs[0].carrier,
        slices=slices,
        source=source,
    )


def _slice(journey: _Journey) -> Slice:
    legs = journey.legs
    return Slice(
        origin=legs[0].origin.code,
        destination=legs[-1].destination.code,
        duration=journey.duration,
        stops=len(legs) - 1,
        segments=tuple(
            Segment(
                origin=leg.origin.code,
                destination=leg.destination.code,
                departing_at=leg.departing_at,
                arriving_at=leg.arriving_at,
                duration=leg.arriving_at - leg.departing_at,
                marketing_carrier=leg.carrier,
                flight_number=leg.number,
            )
            for leg in legs
        ),
    )


def _order(offer: Offer, query: FlightQuery) -> tuple[object, ...]:
    price, duration = offer.amount, offer.duration
    departure = offer.slices[0].segments[0].departing_at
    first = {"price": price, "duration": duration, "departure": departure}[query.sort]
    return (first, price, duration, departure, offer.id)


def _varied(offers: Iterable[Offer]) -> list[Offer]:
    """The first six, none flying out as two earlier ones do: a choice of journeys, not of returns."""
    chosen: list[Offer] = []
    for offer in offers:
        if sum(offer.slices[0] == other.slices[0] for other in chosen) < 2:
            chosen.append(offer)
        if len(chosen) == MAX_OFFERS:
            break
    return chosen
