from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
import sys
import time
from datetime import UTC, date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sizes import examples

from travelbuddy.domain.travel import CABINS, FlightQuery, Offer, Slice
from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import airports_for, distance_km
from travelbuddy.flights.directory import directory
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.flights.timetable import MAX_CONNECTION, MIN_CONNECTION, OVERNIGHT

DAY = date(2026, 9, 14)
CODES = sorted(directory().airports)
BUSY = sorted(code for code, airport in directory().airports.items() if airport.rank >= 3)
AIRPORTS = st.one_of(st.sampled_from(CODES), st.sampled_from(BUSY), st.sampled_from(sorted(directory().metros)))
DAYS = st.dates(date(2026, 1, 1), date(2028, 12, 31))


def search(origin: str, destination: str, day: date = DAY, **more: Any) -> list[Offer]:
    """The offers of one search."""
    query = FlightQuery(origin=origin, destination=destination, departure_date=day, **more)
    return asyncio.run(SampleFlights().search(query))


def codes(place: str) -> set[str]:
    """The airports a code covers."""
    return {airport.code for airport in airports_for(place)}


def assert_sound(way: Slice, origin: str, destination: str, day: date) -> None:
    """One direction is a journey a person could make, on the day asked for."""
    first, last = way.segments[0], way.segments[-1]
    assert way.origin == first.origin
    assert way.destination == last.destination
    assert first.origin in codes(origin)
    assert last.destination in codes(destination)
    assert first.departing_at.date() == day
    assert way.stops == len(way.segments) - 1
    assert way.duration == last.arriving_at.astimezone(UTC) - first.departing_at.astimezone(UTC)
    for segment in way.segments:
        assert segment.arriving_at.astimezone(UTC) - segment.departing_at.astimezone(UTC) == segment.duration
        assert timedelta(minutes=30) <= segment.duration < timedelta(hours=21)
    waits = [b.departing_at - a.arriving_at for a, b in itertools.pairwise(way.segments)]
    lonely = any(airports_for(code)[0].rank < 2 for code in (way.origin, way.destination))
    assert all(MIN_CONNECTION <= wait <= (OVERNIGHT if lonely else MAX_CONNECTION) for wait in waits)
    for before, after in itertools.pairwise(way.segments):
        assert before.destination == after.origin


@settings(max_examples=examples(120), deadline=None)
@given(AIRPORTS, AIRPORTS, DAYS, st.sampled_from(CABINS), st.integers(1, 9))
def test_offers_are_journeys_that_can_be_made(
    origin: str, destination: str, day: date, cabin: str, passengers: int
) -> None:
    """Between any two places: contiguous segments, real connections, true durations, exact prices, one answer."""
    if codes(origin) & codes(destination):
        return
    offers = search(origin, destination, day, cabin=cabin, passengers=passengers)
    again = search(origin, destination, day, cabin=cabin, passengers=passengers)
    assert [offer.model_dump_json() for offer in offers] == [offer.model_dump_json() for offer in again]
    assert len({offer.id for offer in offers}) == len(offers) <= 6
    for offer in offers:
        assert_sound(offer.slices[0], origin, destination, day)
        assert re.fullmatch(r"[1-9]\d*\.\d\d", offer.total_amount)
        assert (offer.cabin, offer.source, offer.total_currency) == (cabin, "sample", "EUR")
    assert offers == sorted(offers, key=lambda offer: offer.amount)


@settings(max_examples=examples(40), deadline=None)
@given(AIRPORTS, AIRPORTS)
def test_every_place_can_be_reached(origin: str, destination: str) -> None:
    """Any two places that are not next to each other have a journey, with two changes at most."""
    a, b = airports_for(origin)[0], airports_for(destination)[0]
    if distance_km(a, b) < 200 or codes(origin) & codes(destination):
        return
    assert search(origin, destination)


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from(BUSY), st.sampled_from(BUSY), DAYS, st.integers(0, 20))
def test_a_round_trip_is_two_journeys(origin: str, destination: str, day: date, stay: int) -> None:
    """A return offer has one slice each way, on its days, and does not leave again before it has landed."""
    if origin == destination:
        return
    back = day + timedelta(days=stay)
    for offer in search(origin, destination, day, return_date=back):
        out, home = offer.slices
        assert_sound(out, origin, destination, day)
        assert_sound(home, destination, origin, back)
        assert home.segments[0].departing_at > out.segments[-1].arriving_at


def test_the_date_line_westward_costs_a_day_and_eastward_gives_it_back() -> None:
    """LAX to SYD lands one or two dates later, and SYD to LAX may land before it left by the clock."""
    west = search("LAX", "SYD", max_stops=0)[0].slices[0].segments[0]
    assert west.arriving_at.date() - west.departing_at.date() >= timedelta(days=1)
    assert timedelta(hours=13) < west.duration < timedelta(hours=16)
    east = [offer.slices[0].segments[0] for offer in search("SYD", "LAX", max_stops=0)]
    assert all(leg.arriving_at.date() <= leg.departing_at.date() for leg in east)
    assert any(leg.arriving_at.replace(tzinfo=None) < leg.departing_at.replace(tzinfo=None) for leg in east)


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)])
def test_days_on_which_clocks_change(day: date) -> None:
    """Durations stay true and offsets are those of the zone when clocks change."""
    for sort in ("price", "departure"):
        for offer in search("LHR", "IST", day, sort=sort):
            assert_sound(offer.slices[0], "LHR", "IST", day)
            first = offer.slices[0].segments[0]
            local = first.departing_at.replace(tzinfo=None)
            summer = date(2026, 3, 29) <= day < date(2026, 10, 25) and local.hour >= 2
            assert first.departing_at.utcoffset() == timedelta(hours=int(summer))


def test_limits_and_order_are_kept() -> None:
    """max_stops and max_price bound every offer, and sort decides what comes first."""
    for stops in (0, 1, 2):
        assert all(offer.slices[0].stops <= stops for offer in search("OSL", "NYC", max_stops=stops))
    everything = search("OSL", "PAR")
    limit = everything[2].amount
    assert search("OSL", "PAR", max_price=limit) == [o for o in everything if o.amount <= limit]
    assert search("OSL", "PAR", max_price=Decimal("0.01")) == []
    quick = search("OSL", "PAR", sort="duration")
    assert quick == sorted(quick, key=lambda offer: offer.duration)
    early = [offer.slices[0].segments[0].departing_at for offer in search("OSL", "PAR", sort="departure")]
    assert early == sorted(early)


def test_an_affordable_round_trip_is_found_in_any_order() -> None:
    """The cheapest round trip is found under its own price, also when something else comes first."""
    back = DAY + timedelta(days=7)
    cheapest = search("LON", "NYC", return_date=back)[0]
    for sort in ("duration", "departure"):
        found = search("LON", "NYC", return_date=back, max_price=cheapest.amount, sort=sort)
        assert [offer.id for offer in found][:1] == [cheapest.id]


def test_everyone_pays_the_same() -> None:
    """The total is the price of one, times the passengers; a better cabin costs more."""
    one, four = search("OSL", "BCN")[0], search("OSL", "BCN", passengers=4)[0]
    assert four.amount == 4 * one.amount
    fares = [search("OSL", "BCN", cabin=cabin)[0].amount for cabin in CABINS]
    assert fares == sorted(set(fares))


def test_another_process_sells_the_same_offers() -> None:
    """The answer does not depend on the process: no clock, no random state, no hash seed."""
    program = (
        "import asyncio, datetime\n"
        "from travelbuddy.flights.sample import SampleFlights\n"
        "from travelbuddy.domain.travel import FlightQuery\n"
        "q = FlightQuery(origin='LON', destination='TYO', departure_date=datetime.date(2026, 9, 14))\n"
        "print('[' + ','.join(o.model_dump_json() for o in asyncio.run(SampleFlights().search(q))) + ']')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [offer.model_dump(mode="json") for offer in search("LON", "TYO")]


def test_neighbours_and_the_same_place() -> None:
    """Airports next to each other have no flights; a place has none to itself, and that is told."""
    assert search("JFK", "EWR") == []
    with pytest.raises(ToolError) as caught:
        search("CDG", "PAR")
    assert caught.value.kind == "same_place"
    with pytest.raises(ToolError, match="XXX"):
        search("XXX", "PAR")


@pytest.mark.parametrize("route", [("LYR", "USH"), ("NZC", "LYR"), ("BRW", "PNT"), ("IPC", "ALF")])
def test_the_ends_of_the_world(route: tuple[str, str]) -> None:
    """Polar and lonely airports are no special case."""
    if not {*route} <= set(CODES):
        pytest.skip("the airports table lacks one of these")
    for offer in search(*route):
        assert_sound(offer.slices[0], *route, DAY)


def test_a_search_is_quick() -> None:
    """After the first, searches take a few milliseconds (20 meant; the bound allows for a busy machine)."""
    pairs = [("OSL", "PAR"), ("LON", "NYC"), ("LAX", "SYD"), ("TYO", "SAO"), ("LYR", "AKL")]
    for pair in pairs:
        search(*pair)
    times = []
    for offset, pair in itertools.product(range(1, 6), pairs):
        start = time.process_time()
        search(*pair, DAY + timedelta(days=offset), return_date=DAY + timedelta(days=offset + 9))
        times.append(time.process_time() - start)
    assert median(times) < 0.1
