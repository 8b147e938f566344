"""Offers from the sample timetable: real airports, invented airlines, prices that always come out the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from heapq import nsmallest
from itertools import islice, product

from travelbuddy.domain.travel import Cabin, FlightQuery, Hold, Offer, Passenger, Sort
from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import airports_for
from travelbuddy.flights.carriers import as_asked
from travelbuddy.flights.directory import Airport, distance_km
from travelbuddy.flights.network import Path, paths
from travelbuddy.flights.provider import DayPrices
from travelbuddy.flights.sample_ids import mark, named_by
from travelbuddy.flights.sample_trips import CURRENCY, Journey, Trip, money, offer_of
from travelbuddy.flights.timetable import MAX_CONNECTION, OVERNIGHT, Flight, journeys, seeded

MAX_OFFERS = 6
_MAX_PAIRS = 6
_BEST = 24
_MIN_STAY = timedelta(hours=1)
_CABIN_PERCENT: dict[Cabin, int] = {"economy": 100, "premium_economy": 165, "business": 320, "first": 510}
_WEEKDAY_PERCENT = (100, 92, 92, 98, 114, 104, 116)
_MONTH_PERCENT = (88, 90, 98, 104, 102, 112, 126, 124, 104, 98, 88, 110)
_CARRIER_PERCENT = {"SH": 100, "GW": 112, "PP": 84, "IM": 104, "CL": 90, "UJ": 96, "NB": 107}


class SampleFlights:
    """A ``FlightProvider`` whose answer depends on the query alone: same query, same offers, byte for byte.

    It is PricesByDay and HoldsFlights as well. The first search loads the airports unless ``airports.warm()`` was
    called before.
    """

    name = "sample"
    local = True
    needs_passengers = False

    async def search(self, query: FlightQuery) -> list[Offer]:
        """At most six offers in EUR; none when the places are too close to fly between."""
        origins, destinations = _ends(query)
        out = _journeys(_ways(origins, destinations, query), query.departure_date, query)
        if query.return_date is None:
            trips = _affordable(((journey,) for journey in out), query)
        else:
            trips = _round_trips(out, _journeys(_ways(destinations, origins, query), query.return_date, query), query)
        chosen = _varied(sorted(trips, key=lambda trip: _order(trip, query.sort, query.airline)))
        return [offer_of(trip, query, self.name) for trip in chosen]

    async def cheapest_by_day(self, query: FlightQuery, days: Sequence[date]) -> DayPrices:
        """See PricesByDay. In a thread, because two weeks of a long journey are some tenths of a second."""
        return DayPrices(CURRENCY, await asyncio.to_thread(_cheapest, query.model_copy(update={"sort": "price"}), days))

    async def offer(self, offer_id: str) -> Offer:
        """See HoldsFlights. A sample fare never changes, so the offer is as it was found."""
        gone = ToolError("offer_gone", "There is no such offer; search again.", field="offer_id")
        if (named := named_by(offer_id)) is None:
            raise gone
        query = named.query
        ends = _ends(query)
        directions = [_journeys(_ways(*ends, query), query.departure_date, query)]
        if query.return_date is not None:
            directions.append(_journeys(_ways(ends[1], ends[0], query), query.return_date, query))
        trip: Trip = tuple(
            journey
            for journeys, wanted in zip(directions, named.journeys, strict=True)
            for journey in journeys
            if mark(journey.flights) == wanted
        )
        if len(trip) != len(directions):
            raise gone
        return offer_of(trip, query, self.name)

    async def hold(self, offer: Offer, passengers: Sequence[Passenger], key: str) -> Hold:
        """See HoldsFlights. Nothing is held anywhere: the reference is made of the key."""
        return Hold(
            reference=f"{seeded('hold', key) % 36**6:06X}"[-6:],
            order_id=f"ord_{seeded('order', key):016x}",
            total_amount=offer.total_amount,
            total_currency=offer.total_currency,
            source=self.name,
        )


def _cheapest(query: FlightQuery, days: Sequence[date]) -> dict[date, Decimal | None]:
    """The ways are the same on every day; only the flights along them are not."""
    origins, destinations = _ends(query)
    there, again = _ways(origins, destinations, query), _ways(destinations, origins, query)
    stay = query.return_date - query.departure_date if query.return_date is not None else None
    prices: dict[date, Decimal | None] = {}
    for day in days:
        out = _journeys(there, day, query)
        trips = _trips(out, None if stay is None else _journeys(again, day + stay, query), query)
        cents = min((sum(journey.cents for journey in trip) for trip in trips), default=None)
        prices[day] = None if cents is None else money(cents * query.passengers)
    return prices


def _trips(out: list[Journey], back: list[Journey] | None, query: FlightQuery) -> Iterable[Trip]:
    """Some of the day's trips, the cheapest among them."""
    if back is None:
        return [(journey,) for journey in out]
    if not out or not back:
        return []
    cheapest = min(out, key=lambda journey: journey.cents), min(back, key=lambda journey: journey.cents)
    return [*_fitting([cheapest[0]], [cheapest[1]])] or _round_trips(out, back, query)


def _ends(query: FlightQuery) -> tuple[tuple[Airport, ...], tuple[Airport, ...]]:
    origins, destinations = _airports(query.origin, "origin"), _airports(query.destination, "destination")
    if set(origins) & set(destinations):
        raise ToolError(
            "same_place", f"{query.origin} and {query.destination} are the same place.", field="destination"
        )
    return origins, destinations


def _airports(code: str, field: str) -> tuple[Airport, ...]:
    try:
        return airports_for(code)
    except ToolError as unknown:
        raise ToolError(unknown.kind, str(unknown), field=field) from None


def _ways(origins: tuple[Airport, ...], destinations: tuple[Airport, ...], query: FlightQuery) -> list[Path]:
    """By which airports one may travel, on any day."""
    max_stops = 2 if query.max_stops is None else query.max_stops
    pairs = sorted(product(origins, destinations), key=lambda pair: -(pair[0].rank + pair[1].rank))
    ends = {*origins, *destinations}
    return [
        path
        for origin, destination in islice(pairs, _MAX_PAIRS)
        for path in paths(origin, destination, max_stops)
        if ends.isdisjoint(path[1:-1])  # no change of planes within one of the two cities
    ]


def _journeys(ways: list[Path], day: date, query: FlightQuery) -> list[Journey]:
    """The sensible journeys of one direction: not more than twice as long as the quickest, plus two hours."""
    found = _flown(ways, day, MAX_CONNECTION) or _flown(ways, day, OVERNIGHT)
    longest = min((duration for _, duration in found), default=timedelta()) * 2 + timedelta(hours=2)
    return [
        Journey(legs, _cents(legs, day, query.cabin), duration, tuple(map(_label, legs)))
        for legs, duration in found
        if duration <= longest
    ]


def _flown(ways: list[Path], day: date, longest_wait: timedelta) -> list[tuple[tuple[Flight, ...], timedelta]]:
    """Every journey along the ways, with its duration."""
    return [
        (legs, legs[-1].arriving_at - legs[0].departing_at) for way in ways for legs in journeys(way, day, longest_wait)
    ]


def _label(leg: Flight) -> str:
    return f"{leg.carrier.iata_code}{leg.number}@{leg.departing_at.isoformat()}"


def _affordable(trips: Iterable[Trip], query: FlightQuery) -> list[Trip]:
    if query.max_price is None:
        return list(trips)
    limit = query.max_price * 100 / query.passengers
    return [trip for trip in trips if sum(journey.cents for journey in trip) <= limit]


def _round_trips(out: list[Journey], back: list[Journey], query: FlightQuery) -> list[Trip]:
    """Pairs of the best of both directions; of all, when those do not fit together or cost too much."""
    best_out = nsmallest(_BEST, out, key=lambda journey: _order((journey,), query.sort, query.airline))
    back_sort: Sort = "price" if query.sort == "departure" else query.sort
    best_back = nsmallest(_BEST, back, key=lambda journey: _order((journey,), back_sort, query.airline))
    return _affordable(_fitting(best_out, best_back), query) or _affordable(_fitting(out, back), query)


def _fitting(out: list[Journey], back: list[Journey]) -> Iterator[Trip]:
    for there, again in product(out, back):
        if again.legs[0].departing_at - there.legs[-1].arriving_at >= _MIN_STAY:
            yield there, again


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
        _connection_percent(km, len(legs) - 1),
        90 + seeded("fare", day, *(f"{leg.carrier.iata_code}{leg.number}" for leg in legs)) % 31,
    )
    for percent in percents:
        base = base * percent // 100
    return base


def _connection_percent(km: int, stops: int) -> int:
    """Changing planes makes a long journey cheaper and a short one dearer."""
    if stops == 0:
        return 100
    return (115 if km < 1500 else 97 if km < 4000 else 86) - 5 * (stops - 1)


def _order(trip: Trip, sort: Sort, airline: str | None) -> tuple[object, ...]:
    cents, departure = sum(journey.cents for journey in trip), trip[0].legs[0].departing_at
    duration = sum((journey.duration for journey in trip), timedelta())
    first = {"price": cents, "duration": duration, "departure": departure}[sort]
    others = not as_asked((leg.carrier for journey in trip for leg in journey.legs), airline)
    return (others, first, cents, duration, departure, [journey.flights for journey in trip])


def _varied(trips: Iterable[Trip]) -> list[Trip]:
    """The first six, none flying out as two earlier ones do: a choice of journeys, not of returns."""
    chosen: list[Trip] = []
    for trip in trips:
        if sum(trip[0] is other[0] for other in chosen) < 2:
            chosen.append(trip)
        if len(chosen) == MAX_OFFERS:
            break
    return chosen
