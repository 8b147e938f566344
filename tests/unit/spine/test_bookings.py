"""The desk for bookings: asked once for each wish, kept going by whoever looks, and discreet about who travels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import JsonValue
from structlog.testing import capture_logs
from tests.property.simulation import MemoryRecords
from tests.unit.flights.offers import an_offer

from travelbuddy.adapters.dapr_errands import DaprErrands
from travelbuddy.adapters.ports import EngineState, EngineStatus
from travelbuddy.bookings import MOST_OPEN, OVERDUE, Bookings, Choice
from travelbuddy.domain.booking import Booking
from travelbuddy.domain.travel import Hold, Offer, Passenger
from travelbuddy.errors import AlreadyDecided, ApprovalExpired, NotFound, OwnedByAnother, ToolError, Transient
from travelbuddy.incoming import Incoming
from travelbuddy.tools.desks import Customer
from travelbuddy.workflow.booking_activities import BookingActivities
from travelbuddy.workflow.booking_payloads import BookingStep

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HELD = Hold(reference="R1", order_id="ord_1", total_amount="120.00", total_currency="EUR", source="test")
AMELIA = Passenger(
    title="ms",
    given_name="Amelia",
    family_name="Earhart",
    born_on=date(1987, 7, 24),
    gender="f",
    email="amelia@example.com",
    phone_number="+442080160509",
)
APPROVE = Choice("approve", passengers=(AMELIA,))


class Supplier:
    """Ends as it is told to."""

    needs_passengers = True

    def __init__(self) -> None:
        self.ends: Hold | Exception = HELD
        self.keys: list[str] = []

    async def offer(self, offer_id: str) -> Offer:
        return an_offer(offer_id)

    async def hold(self, offer: Offer, passengers: Sequence[Passenger], key: str) -> Hold:
        self.keys.append(key)
        if isinstance(self.ends, Hold):
            return self.ends
        raise self.ends


class Engine:
    """Notes what it is asked; ``state`` is that of every instance."""

    def __init__(self) -> None:
        self.state: EngineState = "missing"
        self.started: list[str] = []
        self.woken: list[str] = []

    async def start(self, workflow: str, instance_id: str, payload: Mapping[str, JsonValue]) -> bool:
        fresh = self.state != "running"
        self.started += [instance_id] * fresh
        self.state = "running"
        return fresh

    async def tell(self, instance_id: str, event: str, data: JsonValue = None) -> bool:
        self.woken.append(instance_id)
        return self.state != "missing"

    async def status(self, instance_id: str) -> EngineStatus:
        return EngineStatus(self.state)

    async def terminate(self, instance_id: str) -> None:
        raise NotImplementedError

    async def purge(self, instance_id: str) -> bool:
        raise NotImplementedError


class World:
    """A desk with its store, engine, supplier and clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.store, self.engine, self.supplier = MemoryRecords(applies_refused=False), Engine(), Supplier()
        self.notices: list[Incoming] = []
        records = DaprErrands(self.store, Booking)
        self.desk = Bookings(records, self.engine, self.supplier, lambda: self.now, timedelta(hours=72))

    async def ask(self, key: str = "call", user: str = "u") -> Booking:
        return await self.desk.request(Customer(user, "s", key), "off", None)

    @property
    def steps(self) -> BookingActivities:
        async def accept(notice: Incoming) -> None:
            self.notices.append(notice)

        return self.desk.activities(accept)

    def kept(self) -> str:
        """Everything in the store."""
        return b"".join(value for value, _ in self.store.rows.values()).decode()


@pytest.fixture
def world() -> World:
    """A desk as new."""
    return World()


def _step(*, last: bool = False) -> BookingStep:
    return BookingStep(user_id="u", last_attempt=last)


async def test_a_tool_that_runs_again_asks_for_the_same_booking(world: World) -> None:
    """Same key: one record, one workflow; another key: another."""
    first = await world.ask()
    assert await world.ask() == first
    assert world.engine.started == [first.id]
    assert (await world.ask("other")).id != first.id


async def test_only_so_many_wait_at_a_time(world: World) -> None:
    """The model is told to have one decided first; for another user there is room."""
    asked = [await world.ask(f"call-{n}") for n in range(MOST_OPEN)]
    with pytest.raises(ToolError, match="decide one first"):
        await world.ask("one more")
    await world.ask("one more", "another")
    await world.desk.decide(asked[0].id, Choice("reject"), "u")
    await world.ask("one more")


async def test_whoever_decides_first_has_decided(world: World) -> None:
    """The same decision again is no conflict; another one is, and a stranger finds nothing."""
    booking = await world.ask()
    with pytest.raises(NotFound):
        await world.desk.decide(booking.id, APPROVE, "stranger")
    approved = await world.desk.decide(booking.id, APPROVE, "u")
    assert (approved.status, approved.decided and approved.decided.by) == ("approved", "u")
    assert await world.desk.decide(booking.id, Choice("approve"), "u") == approved
    with pytest.raises(AlreadyDecided):
        await world.desk.decide(booking.id, Choice("reject"), "u")


async def test_at_the_moment_of_expiry_it_is_too_late(world: World) -> None:
    """A tick before, a decision counts and the workflow lets it; from then on it has expired for everybody."""
    early, late = await world.ask("early"), await world.ask("late")
    world.now = early.expires_at - timedelta(microseconds=1)
    await world.desk.decide(early.id, APPROVE, "u")
    world.now = early.expires_at
    assert (await world.steps.look(early.id, _step())).kind == "hold"
    with pytest.raises(ApprovalExpired):
        await world.desk.decide(late.id, APPROVE, "u")
    assert (await world.steps.look(late.id, _step())).kind == "tell"
    with pytest.raises(ApprovalExpired):
        await world.desk.decide(late.id, APPROVE, "u")


@pytest.mark.parametrize("ends", [HELD, ToolError("offer_gone", "gone")])
async def test_who_travels_is_forgotten_with_the_outcome(world: World, ends: Hold | Exception) -> None:
    """Kept from approval to hold, no longer, and in no notice."""
    world.supplier.ends = ends
    booking = await world.ask()
    await world.desk.decide(booking.id, APPROVE, "u")
    assert "Earhart" in world.kept()
    assert (await world.steps.hold(booking.id, _step())).kind == "tell"
    await world.steps.tell(booking.id, _step())
    assert "Earhart" not in world.kept()
    assert "Earhart" not in repr(world.notices)


async def test_a_rejection_keeps_nobody(world: World) -> None:
    """Whom a client sends with a rejection is not kept."""
    booking = await world.ask()
    await world.desk.decide(booking.id, Choice("reject", passengers=(AMELIA,)), "u")
    assert "Earhart" not in world.kept()


@pytest.mark.parametrize("trouble", [Transient("away"), ValueError("no room for Earhart")])
async def test_trouble_is_tried_again_and_at_last_told(world: World, trouble: Exception) -> None:
    """Foreseen or not: the last attempt ends in failure, and no log quotes what may say who travels."""
    world.supplier.ends = trouble
    booking = await world.ask()
    await world.desk.decide(booking.id, APPROVE, "u")
    with capture_logs() as logs:
        assert (await world.steps.hold(booking.id, _step())).kind == "retry"
        assert (await world.steps.hold(booking.id, _step(last=True))).kind == "tell"
    failed = await world.desk.find(booking.id)
    assert (failed.status, failed.passengers) == ("failed", ())
    assert world.supplier.keys == [booking.id] * 2
    assert "Earhart" not in repr(logs) + (failed.error or "")


@pytest.mark.parametrize("state", ["missing", "terminated", "failed"])
async def test_a_workflow_that_was_ended_from_outside_is_started_again(world: World, state: EngineState) -> None:
    """By whoever looks at a booking of which nothing has come for too long."""
    booking = await world.ask()
    await world.desk.decide(booking.id, APPROVE, "u")
    world.engine.state = state
    await world.desk.find(booking.id, "u")
    assert world.engine.started == [booking.id]
    world.now += OVERDUE
    await world.desk.of("u")
    assert world.engine.started == [booking.id] * 2


async def test_a_lost_event_is_told_again(world: World) -> None:
    """Where the workflow runs and nothing comes of the decision, whoever looks tells it again."""
    booking = await world.ask()
    await world.desk.decide(booking.id, APPROVE, "u")
    world.now += OVERDUE
    await world.desk.find(booking.id, "u")
    assert world.engine.woken == [booking.id] * 2


async def test_an_outcome_has_one_notice(world: World) -> None:
    """Told again it has the same key and text; where nobody can be told, the booking is over all the same."""
    booking = await world.ask()
    await world.desk.decide(booking.id, APPROVE, "u")
    await world.steps.hold(booking.id, _step())
    for _ in range(2):
        assert (await world.steps.tell(booking.id, _step())).kind == "over"
    first, second = world.notices
    assert (first.key, first.text, first.notice) == (second.key, second.text, second.notice)
    assert "R1" in first.text
    assert first.since == NOW, "it comes from before an erasure that happens meanwhile, so it is not told after one"

    async def refuse(notice: Incoming) -> None:
        raise OwnedByAnother("taken")

    assert (await world.desk.activities(refuse).tell(booking.id, _step())).kind == "over"
