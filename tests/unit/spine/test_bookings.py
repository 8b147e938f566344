"""The desk for bookings: asked once for each wish, kept going by whoever looks, and discreet about who travels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from structlog.testing import capture_logs
from tests.property.simulation import MemoryRecords
from tests.unit.flights.offers import an_offer
from tests.unit.spine.jobs_in_memory import Engine, jobs_over

from travelbuddy.adapters.dapr_errands import DaprErrands
from travelbuddy.adapters.ports import EngineState
from travelbuddy.bookings import MOST_OPEN, OVERDUE, Bookings, Choice
from travelbuddy.domain.booking import ATTEMPTS, Booking, pause
from travelbuddy.domain.travel import Hold, Offer, Passenger
from travelbuddy.errors import AlreadyDecided, ApprovalExpired, NotFound, OwnedByAnother, ToolError, Transient
from travelbuddy.incoming import Incoming
from travelbuddy.jobs import Jobs
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


class World:
    """A desk with its store, engine, supplier and clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.store, self.engine, self.supplier = MemoryRecords(applies_refused=False), Engine(), Supplier()
        self.notices: list[Incoming] = []
        self.jobs = self.replica()
        self.records = DaprErrands(self.store, Booking)
        self.desk = Bookings(self.records, self.jobs, self.supplier, lambda: self.now, timedelta(hours=72))

    def replica(self) -> Jobs:
        """A replica that has just begun."""
        return jobs_over(self.store, self.engine, lambda: self.now)

    async def until(self, moment: datetime) -> list[str]:
        """Let the time pass, and start what is due; returns what was started since."""
        self.now, before = moment, len(self.engine.starts)
        await self.jobs.go_round()
        return self.engine.starts[before:]

    async def stored(self, booking: Booking) -> Booking:
        found = await self.records.find(booking.id)
        assert found is not None
        return found[0]

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


def _step() -> BookingStep:
    return BookingStep(user_id="u")


async def test_a_tool_that_runs_again_asks_for_the_same_booking(world: World) -> None:
    """Same key: one record; another key: another. Nothing runs for it until it is decided or expires."""
    first = await world.ask()
    assert await world.ask() == first
    assert await world.until(first.expires_at - timedelta(seconds=1)) == []
    assert await world.until(first.expires_at) == [first.id]
    world.now = NOW
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
    pauses = []
    with capture_logs() as logs:
        for attempt in range(1, ATTEMPTS + 1):
            due = (await world.stored(booking)).due
            assert due is not None
            pauses.append((due - world.now).total_seconds())
            assert await world.until(due) == [booking.id]
            came = (await world.steps.hold(booking.id, _step())).kind
            world.engine.over(booking.id)
            assert came == ("tell" if attempt == ATTEMPTS else "wait")
            if came == "wait":
                assert (await world.steps.hold(booking.id, _step())).kind == "wait", "it is not asked before that"
    assert pauses == [0, *(pause(attempt) for attempt in range(1, ATTEMPTS))]
    failed = await world.desk.find(booking.id)
    assert (failed.status, failed.passengers) == ("failed", ())
    assert world.supplier.keys == [booking.id] * ATTEMPTS
    assert "Earhart" not in repr(logs) + (failed.error or "")


async def test_a_supplier_that_names_a_time_is_left_alone_until_then(world: World) -> None:
    """What it asks for with Retry-After counts, where it is longer."""
    world.supplier.ends = Transient("too many", 30)
    booking = await world.ask()
    await world.desk.decide(booking.id, APPROVE, "u")
    assert (await world.steps.hold(booking.id, _step())).kind == "wait"
    assert (await world.stored(booking)).due == NOW + timedelta(seconds=30)


@pytest.mark.parametrize("state", ["missing", "terminated", "failed", "completed"])
async def test_a_workflow_that_was_ended_from_outside_is_started_again(world: World, state: EngineState) -> None:
    """As long as the record says that something is due, and by itself."""
    booking = await world.ask()
    await world.desk.decide(booking.id, APPROVE, "u")
    assert await world.until(NOW) == [booking.id]
    world.engine.states[booking.id] = state
    assert await world.until(NOW + timedelta(seconds=2)) == [booking.id]


async def test_a_decision_whose_door_died_is_carried_out(world: World) -> None:
    """It is noted before it is in the record: a replica that begins later finds it, and a look before does no harm."""
    booking = await world.ask()
    later = world.replica()
    await world.jobs.note(booking, decided=True)
    await later.sweep()
    await later.go_round()
    assert world.engine.starts == [], "nothing is due yet"
    await world.desk.decide(booking.id, APPROVE, "u")
    world.now += timedelta(seconds=10)
    await later.sweep()
    await later.go_round()
    assert world.engine.starts == [booking.id]


async def test_a_booking_that_no_index_has_is_noted_by_who_sees_it(world: World) -> None:
    """As one of an earlier version whose workflow was lost: by whoever sees it once it is overdue."""
    booking = await world.ask()
    await world.desk.decide(booking.id, APPROVE, "u")
    for number in range(16):
        world.store.rows.pop(f"jobs:{number}", None)
    later = world.replica()
    desk = Bookings(world.records, later, world.supplier, lambda: world.now, timedelta(hours=72))
    await desk.find(booking.id, "u")
    assert [*later.known] == []
    world.now += OVERDUE
    await desk.of("u")
    await later.go_round()
    assert world.engine.starts == [booking.id]


async def test_what_is_told_is_over_for_good(world: World) -> None:
    """Held is not the end: until that is told, the booking is a job; then no index has it any more."""
    booking = await world.ask()
    await world.desk.decide(booking.id, APPROVE, "u")
    await world.steps.hold(booking.id, _step())
    assert await world.until(NOW + timedelta(seconds=2)) == [booking.id]
    assert (await world.steps.look(booking.id, _step())).kind == "tell"
    await world.steps.tell(booking.id, _step())
    assert (await world.steps.look(booking.id, _step())).kind == "over"
    await world.jobs.sweep()
    assert [key for key in world.store.rows if key.startswith("jobs:")] == []


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
