"""Searching at Duffel, over real HTTP: what comes back, and what each of its errors means for the model."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs
from tests.integration.framework.duffel_stub import DuffelStub, Kind

from travelbuddy.adapters.openai_chat import OpenAIChat
from travelbuddy.bootstrap_flights import close_outside
from travelbuddy.domain.travel import FlightQuery
from travelbuddy.errors import ToolError, Transient
from travelbuddy.flights.duffel import DuffelFlights
from travelbuddy.flights.duffel_client import OPEN_FOR, THRESHOLD
from travelbuddy.flights.provider import HoldsFlights

TOKEN = "duffel_test_very-secret"  # noqa: S105  it is none
DAY = datetime.now(UTC).date() + timedelta(days=60)
QUERY = FlightQuery(origin="LON", destination="PAR", departure_date=DAY)


@pytest.fixture
async def flights(duffel: DuffelStub) -> AsyncIterator[DuffelFlights]:
    """The provider."""
    provider = DuffelFlights(duffel.url, TOKEN)
    yield provider
    await provider.close()


async def test_a_search_brings_offers_in_their_order(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """One request; each journey once, the cheapest first, from the supplier's test mode."""
    offers = await flights.search(QUERY)
    assert [(one.id, one.total_amount) for one in offers] == [
        ("off_000001_instant", "80.00"),
        ("off_000001_via", "90.00"),
    ]
    assert {(one.source, one.total_currency, one.slices[0].origin) for one in offers} == {("duffel-test", "GBP", "LHR")}
    ((method, path, data),) = duffel.requests
    assert (method, path) == ("POST", "/air/offer_requests?return_offers=true&supplier_timeout=20000")
    assert data is not None
    assert data["slices"][0]["departure_date"] == DAY.isoformat()


async def test_a_way_back_is_a_second_slice(flights: DuffelFlights) -> None:
    """It leaves where the first arrives, on its own day."""
    query = QUERY.model_copy(update={"return_date": DAY + timedelta(days=7), "passengers": 2})
    there, back = (await flights.search(query))[0].slices
    assert (there.origin, there.destination, back.origin) == ("LHR", "CDG", "CDG")
    assert back.segments[0].departing_at.date() == DAY + timedelta(days=7)


async def test_it_is_what_a_provider_is(flights: DuffelFlights) -> None:
    """It holds as well, needs to know who travels, and a search of it is a step of its own."""
    assert isinstance(flights, HoldsFlights)
    assert (flights.local, flights.needs_passengers) == (False, True)
    assert DuffelFlights("http://x", "duffel_live_1").name == "duffel"


@pytest.mark.parametrize(("kind", "said"), [("503", "not available"), ("504", "not available"), ("broken", "be had")])
async def test_trouble_that_passes_is_transient(
    duffel: DuffelStub, flights: DuffelFlights, kind: Kind, said: str
) -> None:
    """Another try may help, so it is one for the engine, and the next search works."""
    fault = duffel.arm(kind, "offer_requests")
    with pytest.raises(Transient, match=said):
        await flights.search(QUERY)
    assert fault.fired == 1
    assert await flights.search(QUERY)


@pytest.mark.parametrize("kind", ["500", "502"])
async def test_what_broke_down_there_is_not_asked_again(duffel: DuffelStub, flights: DuffelFlights, kind: Kind) -> None:
    """Their documentation asks for that; the model is told that there is nothing now."""
    fault = duffel.arm(kind, "offer_requests")
    with pytest.raises(ToolError, match="broken down") as told:
        await flights.search(QUERY)
    assert (told.value.kind, fault.fired, len(duffel.requests)) == ("unavailable", 1, 1)


async def test_too_many_requests_wait_as_long_as_it_says(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """``ratelimit-reset`` is a date; the wait until then goes with the error, and the breaker stays closed."""
    for _ in range(THRESHOLD + 1):
        duffel.arm("429", "offer_requests", seconds=40)
        with pytest.raises(Transient, match="too often") as told:
            await flights.search(QUERY)
        assert 35 < (told.value.retry_after or 0) <= 42
    assert flights.guard.state == "closed"


@pytest.mark.alone
async def test_a_slow_supplier_is_given_up_in_time(duffel: DuffelStub) -> None:
    """A search ends within its time, and the airlines have less than that."""
    flights = DuffelFlights(duffel.url, TOKEN, search_seconds=0.3)
    duffel.arm("slow", "offer_requests", seconds=2)
    began = time.monotonic()
    with pytest.raises(Transient, match=r"within 0\.3 s"):
        await flights.search(QUERY)
    assert time.monotonic() - began < 1.5
    await flights.close()


async def test_nobody_there_is_transient() -> None:
    """A port where nothing listens."""
    flights = DuffelFlights("http://127.0.0.1:9", TOKEN)
    with pytest.raises(Transient, match="ConnectError"):
        await flights.search(QUERY)
    await flights.close()


async def test_after_repeated_trouble_it_is_left_alone(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """The breaker opens, requests are refused here with the time to wait, and nothing goes out."""
    duffel.arm("502", "offer_requests", times=THRESHOLD)
    for _ in range(THRESHOLD):
        with pytest.raises(ToolError):
            await flights.search(QUERY)
    with pytest.raises(Transient, match="not asked again") as told:
        await flights.search(QUERY)
    assert 0 < (told.value.retry_after or 0) <= OPEN_FOR
    assert (len(duffel.requests), flights.guard.state, flights.guard.trips) == (THRESHOLD, "open", 1)


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"departure_date": date(2020, 1, 1)}, "departure_date", "must be after today"),
        ({"return_date": date(2020, 1, 1)}, "return_date", "must be after today"),
    ],
)
async def test_a_complaint_names_our_argument(
    flights: DuffelFlights, changes: dict[str, date], field: str, said: str
) -> None:
    """``/slices/1/departure_date`` is what the model knows as return_date."""
    with pytest.raises(ToolError, match=said) as told:
        await flights.search(QUERY.model_copy(update=changes))
    assert (told.value.kind, told.value.field) == ("refused", field)


async def test_a_token_that_is_not_accepted_is_the_operators_trouble(duffel: DuffelStub) -> None:
    """It says which setting to look at; neither the error nor the log has the token."""
    flights = DuffelFlights(duffel.url, "very-secret")
    with capture_logs() as logged, pytest.raises(ToolError, match="DUFFEL_ACCESS_TOKEN") as told:
        await flights.search(QUERY)
    assert told.value.kind == "misconfigured"
    assert logged[0]["code"] == "access_token_not_found"
    assert "very-secret" not in f"{told.value} {logged} {flights!r} {vars(flights)!r}"
    await flights.close()


async def test_no_token_and_no_traveller_in_the_log(
    duffel: DuffelStub, flights: DuffelFlights, caplog: pytest.LogCaptureFixture
) -> None:
    """Also the HTTP library's own lines are free of it."""
    with caplog.at_level(logging.DEBUG), capture_logs() as logged:
        await flights.search(QUERY)
        duffel.arm("500", "offer_requests")
        with pytest.raises(ToolError):
            await flights.search(QUERY)
    assert "very-secret" not in f"{caplog.text} {logged}"


async def test_closed_it_has_no_connection_left(flights: DuffelFlights) -> None:
    """At the end of the process they are given back, and a search that comes too late is trouble that passes."""
    await flights.search(QUERY)
    await close_outside(OpenAIChat(None, "none", 1), flights)
    with pytest.raises(Transient):
        await flights.search(QUERY)


async def test_many_at_once(flights: DuffelFlights) -> None:
    """Searches do not wait for one another."""
    found = await asyncio.gather(*(flights.search(QUERY) for _ in range(20)))
    assert all(len(offers) == 2 for offers in found)
