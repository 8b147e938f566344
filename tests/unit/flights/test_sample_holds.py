"""Sample offers are found again by their id alone, and holding one is the same hold however often it is asked."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sizes import examples

from travelbuddy.domain.travel import CABINS, FlightQuery
from travelbuddy.errors import ToolError
from travelbuddy.flights.provider import HoldsFlights
from travelbuddy.flights.sample import SampleFlights

LEAVES = date(2027, 3, 12)
QUERIES = [
    FlightQuery(origin="BER", destination="ROM", departure_date=LEAVES),
    FlightQuery(origin="NYC", destination="TYO", departure_date=LEAVES, return_date=date(2027, 3, 20), passengers=9),
    FlightQuery(origin="LHR", destination="SYD", departure_date=LEAVES, cabin="first", max_stops=1, sort="duration"),
    FlightQuery(origin="OSL", destination="BGO", departure_date=LEAVES, max_stops=0, sort="departure"),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.origin}-{query.destination}")
async def test_an_offer_is_found_again_by_its_id(query: FlightQuery) -> None:
    """Each offer of a search, asked for by its id, is the very same offer."""
    flights = SampleFlights()
    offers = await flights.search(query)
    assert len({offer.id for offer in offers}) == len(offers) > 0
    for offer in offers:
        assert await flights.offer(offer.id) == offer


@settings(max_examples=examples(200), deadline=None)
@given(
    st.one_of(
        st.text(),
        st.from_regex(r"\Aoff_[A-Z]{6}_\d{8}(_\d{8})?_[0-9][0-4][0-2x]_[0-9a-f]{12}([0-9a-f]{12})?\Z"),
        st.sampled_from(CABINS),
    )
)
async def test_an_id_that_names_nothing_is_told_as_gone(text: str) -> None:
    """Whatever is asked for that is no offer, the answer is a tool error of a known kind."""
    with pytest.raises(ToolError) as told:
        await SampleFlights().offer(text)
    assert told.value.kind in {"offer_gone", "unknown_place", "same_place"}


async def test_a_hold_is_the_same_for_the_same_key() -> None:
    """Twice under one key is one hold; another key is another."""
    flights = SampleFlights()
    assert isinstance(flights, HoldsFlights)
    (offer, *_) = await flights.search(QUERIES[0])
    first, again = await flights.hold(offer, (), "a"), await flights.hold(offer, (), "a")
    other = await flights.hold(offer, (), "b")
    assert first == again
    assert (first.reference, first.order_id) != (other.reference, other.order_id)
    assert (first.total_amount, first.source) == (offer.total_amount, "sample")
