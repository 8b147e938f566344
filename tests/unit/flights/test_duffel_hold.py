"""Holding at Duffel: exactly one order for a key, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.integration.framework.duffel_stub import TOKEN, DuffelStub, Kind, On
from tests.integration.framework.polling import poll_until

from travelbuddy.domain.travel import FlightQuery, Offer, Passenger
from travelbuddy.errors import ToolError, Transient
from travelbuddy.flights.duffel import DuffelFlights
from travelbuddy.flights.duffel_wire import KEY_NAME

DAY = datetime.now(UTC).date() + timedelta(days=60)
QUERY = FlightQuery(origin="LON", destination="PAR", departure_date=DAY)
ADA = Passenger(
    title="ms",
    given_name="Ada",
    family_name="Byron",
    born_on=date(1990, 12, 10),
    gender="f",
    email="ada@example.org",
    phone_number="+442080160508",
)
KEY = "ada-turn-1-call-1"


@pytest.fixture
async def flights(duffel: DuffelStub) -> AsyncIterator[DuffelFlights]:
    """The provider; it does not wait long before it looks again."""
    provider = DuffelFlights(duffel.url, TOKEN, look_again=(0.01, 0.02))
    yield provider
    await provider.close()


async def found(flights: DuffelFlights, suffix: str = "via", **changes: Any) -> Offer:
    """One of a new search's offers, as the supplier sells it now."""
    offers = await flights.search(QUERY.model_copy(update=changes))
    return await flights.offer(f"{offers[0].id.rpartition('_')[0]}_{suffix}")


async def test_an_offer_is_held_once_however_often_it_is_asked(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """The second answer is the first, and the second time no order is asked for."""
    offer = await found(flights)
    hold = await flights.hold(offer, [ADA], KEY)
    assert (hold.reference, hold.total_amount, hold.total_currency) == ("RZP001", "90.00", "GBP")
    assert hold.source == "duffel-test"
    assert hold.pay_by is not None
    assert hold.pay_by > datetime.now(UTC) + timedelta(days=1)
    assert await flights.hold(offer, [ADA], KEY) == hold
    (order,) = duffel.asked("POST", "/air/orders")
    assert order is not None
    assert (order["type"], order["selected_offers"], "payments" in order) == ("hold", [offer.id], False)
    assert order["passengers"] == [{"id": "pas_000000", **ADA.model_dump(mode="json")}]
    assert list(order["metadata"]) == [KEY_NAME]
    assert "ada" not in order["metadata"][KEY_NAME]


@pytest.mark.parametrize("kind", ["cut_after", "500_after", "202"])
async def test_an_order_whose_answer_was_lost_is_found(duffel: DuffelStub, flights: DuffelFlights, kind: Kind) -> None:
    """The connection broke, or the supplier did, after the order was there: the hold is answered all the same."""
    offer = await found(flights)
    fault = duffel.arm(kind, "order")
    hold = await flights.hold(offer, [ADA], KEY)
    assert (fault.fired, duffel.orders_per_offer()) == (1, {offer.id: 1})
    assert hold == await flights.hold(offer, [ADA], KEY)
    assert len(duffel.asked("POST", "/air/orders")) == 1


async def test_an_order_that_appears_later_is_found_by_the_next_try(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """Killed after the order was sent, and the list does not have it at once: the successor makes no second one."""
    offer = await found(flights)
    hold = await flights.hold(offer, [ADA], KEY)
    unseen = duffel.arm("unseen", "orders", times=2)
    duffel.expire(offer.id)  # an offer that is booked is not sold any more
    assert await flights.hold(offer, [ADA], KEY) == hold
    assert unseen.fired == 2


async def test_two_at_once_end_with_one_order(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """A zombie and its successor hold the same at the same time: both get the one order."""
    offer = await found(flights)
    holds = await asyncio.gather(*(flights.hold(offer, [ADA], KEY) for _ in range(5)))
    assert len(set(holds)) == 1
    assert duffel.orders_per_offer() == {offer.id: 1}


@pytest.mark.parametrize("on", ["orders", "offers", "order"])
async def test_killed_at_any_request_its_successor_ends_with_one_order(
    duffel: DuffelStub, flights: DuffelFlights, on: On
) -> None:
    """While looking, reading the offer or ordering: the next try holds it, and what was still on its way adds none."""
    offer = await found(flights)
    fault = duffel.arm("slow", on, seconds=0.3)
    killed = asyncio.create_task(flights.hold(offer, [ADA], KEY))
    await poll_until(lambda: fault.fired == 1, 5, "the request is under way")
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    hold = await flights.hold(offer, [ADA], KEY)
    await poll_until(lambda: duffel.answered == len(duffel.requests), 5, "the killed one's request is over too")
    assert duffel.orders_per_offer() == {offer.id: 1}
    assert hold == await flights.hold(offer, [ADA], KEY)


@pytest.mark.parametrize("kind", ["cut", "503", "504", "broken"])
async def test_what_did_not_happen_is_tried_again(duffel: DuffelStub, flights: DuffelFlights, kind: Kind) -> None:
    """Transient when nothing is held; the next try holds it."""
    offer = await found(flights)
    fault = duffel.arm(kind, "order")
    with pytest.raises(Transient):
        await flights.hold(offer, [ADA], KEY)
    assert (fault.fired, duffel.orders) == (1, [])
    assert (await flights.hold(offer, [ADA], KEY)).reference == "RZP001"


async def test_asked_to_wait_it_does_not_look_around(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """429 means that nothing was done; further questions would be refused as well."""
    offer = await found(flights)
    duffel.arm("429", "order", seconds=20)
    with pytest.raises(Transient) as told:
        await flights.hold(offer, [ADA], KEY)
    assert (told.value.retry_after or 0) > 15
    assert len(duffel.asked("GET", "/air/orders")) == 1


@pytest.mark.parametrize("kind", ["500", "502"])
async def test_a_supplier_that_broke_down_is_not_asked_twice(
    duffel: DuffelStub, flights: DuffelFlights, kind: Kind
) -> None:
    """Nothing can be found, and only the supplier can tell: the error says so and names its request."""
    offer = await found(flights)
    duffel.arm(kind, "order")
    with pytest.raises(ToolError, match=r"Only it can tell .* request Req") as told:
        await flights.hold(offer, [ADA], KEY)
    assert told.value.kind == "unclear"
    assert len(duffel.asked("POST", "/air/orders")) == 1


async def test_an_order_that_is_being_made_is_waited_for(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """202 and nothing to be seen: try again later."""
    offer = await found(flights)
    duffel.arm("202_lost", "order")
    for _ in range(2):  # the second time it is refused, as tried already
        with pytest.raises(Transient, match="still making") as told:
            await flights.hold(offer, [ADA], KEY)
        assert told.value.retry_after == 30
    assert duffel.orders == []


async def test_an_order_that_was_accepted_and_came_later_is_found(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """202, not to be seen while we look, and there at the next try: it is not ordered again."""
    offer = await found(flights)
    duffel.arm("202", "order")
    duffel.arm("unseen", "orders", times=4)
    with pytest.raises(Transient, match="still making"):
        await flights.hold(offer, [ADA], KEY)
    assert (await flights.hold(offer, [ADA], KEY)).reference == "RZP001"
    assert len(duffel.asked("POST", "/air/orders")) == 1


async def test_nothing_is_held_without_having_looked(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """When the orders cannot be read, none is made."""
    offer = await found(flights)
    for kind in ("500", "broken", "503"):
        duffel.arm(kind, "orders")
        with pytest.raises(Transient):
            await flights.hold(offer, [ADA], KEY)
    assert duffel.asked("POST", "/air/orders") == []


async def test_unclear_stays_unclear_when_looking_fails(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """The order may be there, and nobody can tell: that is no final refusal."""
    offer = await found(flights)
    hold = await flights.hold(offer, [ADA], KEY)
    duffel.expire(offer.id)
    duffel.arm("unseen", "orders")
    fault = duffel.arm("503", "orders", times=3)
    with pytest.raises(Transient):
        await flights.hold(offer, [ADA], KEY)
    assert fault.fired == 3
    assert await flights.hold(offer, [ADA], KEY) == hold


async def test_one_offer_of_a_search_is_sold(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """The second of the same search is refused with what to do, and another search's offer can be held."""
    first = await found(flights)
    second = await flights.offer(first.id.replace("via", "direct"))
    await flights.hold(first, [ADA], KEY)
    with pytest.raises(ToolError, match="search again") as told:
        await flights.hold(second, [ADA], "another key")
    assert (told.value.kind, told.value.field) == ("already_booked", "offer_id")
    with pytest.raises(ToolError, match="search again"):
        await flights.hold(first, [ADA], "another key")
    await flights.hold(await found(flights), [ADA], "another key")
    assert set(duffel.orders_per_offer().values()) == {1}


async def test_a_fare_to_be_paid_at_once_cannot_be_held(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """Said before an order is asked for."""
    with pytest.raises(ToolError, match="paid at once") as told:
        await flights.hold(await found(flights, "instant"), [ADA], KEY)
    assert (told.value.kind, told.value.field) == ("not_holdable", "offer_id")
    assert duffel.asked("POST", "/air/orders") == []


@pytest.mark.parametrize("people", [[], [ADA, ADA, ADA]])
async def test_everybody_who_travels_is_named(flights: DuffelFlights, people: list[Passenger]) -> None:
    """Neither fewer nor more than the offer is for."""
    with pytest.raises(ToolError, match="The offer is for 2") as told:
        await flights.hold(await found(flights, passengers=2), people, KEY)
    assert (told.value.kind, told.value.field) == ("bad_passengers", "passengers")


async def test_another_price_is_not_held(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """What was agreed to was a price; one cent more is another offer, and 90 is 90.00."""
    offer = await found(flights)
    duffel.reprice(offer.id, "90.01")
    with pytest.raises(ToolError, match=r"costs 90\.01 GBP by now, and not 90\.00 GBP") as told:
        await flights.hold(offer, [ADA], KEY)
    assert told.value.kind == "price_changed"
    duffel.reprice(offer.id, "90")
    await flights.hold(offer, [ADA], KEY)


@pytest.mark.parametrize(
    "offer_id", ["off_nowhere", "", "../orders", "off 1", "x" * 300, "off_1/actions", "ä", "off_1\n"]
)
async def test_an_offer_that_is_none_is_gone(flights: DuffelFlights, offer_id: str) -> None:
    """Unknown or made up, it says to search again, and names the argument."""
    with pytest.raises(ToolError, match="search again") as told:
        await flights.offer(offer_id)
    assert (told.value.kind, told.value.field) == ("offer_gone", "offer_id")


async def test_an_offer_that_ran_out_is_gone(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """Both to look at and to hold."""
    offer = await found(flights)
    duffel.expire(offer.id)
    for asked in (flights.offer(offer.id), flights.hold(offer, [ADA], KEY)):
        with pytest.raises(ToolError, match="not sold any more") as told:
            await asked
        assert told.value.kind == "offer_gone"


async def test_a_hold_that_was_cancelled_is_none(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """The airline has let it go: it is not answered as held, and not made anew behind anybody's back."""
    offer = await found(flights)
    await flights.hold(offer, [ADA], KEY)
    duffel.orders[0]["cancelled_at"] = "2026-12-01T00:00:00Z"
    with pytest.raises(ToolError, match="cancelled the hold RZP001") as told:
        await flights.hold(offer, [ADA], KEY)
    assert told.value.kind == "hold_cancelled"
    assert len(duffel.orders) == 1


async def test_what_is_wrong_with_a_traveller_is_said(duffel: DuffelStub, flights: DuffelFlights) -> None:
    """The supplier's complaint names the field."""
    nameless = ADA.model_copy(update={"given_name": ""})
    with pytest.raises(ToolError, match="can't be blank") as told:
        await flights.hold(await found(flights), [nameless], KEY)
    assert (told.value.kind, told.value.field) == ("refused", "given_name")
