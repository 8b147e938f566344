"""Prices by day of the sample timetable: what each day's search would say first, for little more than one search."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sizes import examples

from travelbuddy.domain.travel import CABINS, FlightQuery
from travelbuddy.errors import ToolError
from travelbuddy.flights.provider import PricesByDay
from travelbuddy.flights.sample import SampleFlights

FLIGHTS = SampleFlights()
PLACES = ["LON", "NYC", "OSL", "SYD", "CDG", "TYO", "USH", "RVN"]
DAY = date(2026, 6, 30)


def _days(around: date, reach: int) -> list[date]:
    return [around + timedelta(days=n) for n in range(-reach, reach + 1)]


def test_the_sample_provider_can() -> None:
    """It is known by its methods, so that a provider without them is told apart."""
    assert isinstance(FLIGHTS, PricesByDay)
    assert not isinstance(object(), PricesByDay)


@settings(max_examples=examples(25), deadline=None)
@given(
    places=st.lists(st.sampled_from(PLACES), min_size=2, max_size=2, unique=True),
    stay=st.none() | st.integers(0, 20),
    cabin=st.sampled_from(CABINS),
    passengers=st.integers(1, 9),
)
async def test_each_price_is_the_first_offers(places: list[str], stay: int | None, cabin: str, passengers: int) -> None:
    """For any journey each day's price is what a search for that day would offer first, with the same stay."""
    back = None if stay is None else DAY + timedelta(days=stay)
    query = FlightQuery.model_validate(
        {
            "origin": places[0],
            "destination": places[1],
            "departure_date": DAY,
            "return_date": back,
            "cabin": cabin,
            "passengers": passengers,
        }
    )
    told = await FLIGHTS.cheapest_by_day(query, _days(DAY, 1))
    assert told.currency == "EUR"
    for day, price in told.prices.items():
        again = None if stay is None else day + timedelta(days=stay)
        offers = await FLIGHTS.search(query.model_copy(update={"departure_date": day, "return_date": again}))
        assert price == (offers[0].amount if offers else None), day


@pytest.mark.parametrize(("origin", "destination"), [("LON", "PAR"), ("LON", "NYC"), ("OSL", "LON")])
async def test_back_on_the_day_of_leaving_there_must_be_time_for_it(origin: str, destination: str) -> None:
    """Where the cheapest ways there and back do not fit together the price is of two that do; none where none do."""
    days = _days(DAY, 7)
    query = FlightQuery(origin=origin, destination=destination, departure_date=DAY, return_date=DAY)
    told = await FLIGHTS.cheapest_by_day(query, days)
    for day in days:
        offers = await FLIGHTS.search(query.model_copy(update={"departure_date": day, "return_date": day}))
        assert told.prices[day] == (offers[0].amount if offers else None)


@pytest.mark.parametrize(("origin", "destination", "field"), [("QQQ", "PAR", "origin"), ("PAR", "QQQ", "destination")])
async def test_a_place_that_is_none_is_named(origin: str, destination: str, field: str) -> None:
    """The error says which of the two."""
    query = FlightQuery(origin=origin, destination=destination, departure_date=DAY)
    with pytest.raises(ToolError) as refused:
        await FLIGHTS.cheapest_by_day(query, [DAY])
    assert (refused.value.kind, refused.value.field) == ("unknown_place", field)
