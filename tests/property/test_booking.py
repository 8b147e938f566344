"""A booking against its promise: one decision, at most one hold, one outcome told, whatever dies, is lost or late.

The real door, jobs, activities and workflow run over a store and an engine in memory, one access to them at a time.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.jobs_world import World
from tests.property.simulation import pause
from tests.sizes import examples
from tests.unit.flights.offers import an_offer

from travelbuddy.adapters.dapr_errands import DaprErrands
from travelbuddy.adapters.dapr_jobs import DaprJobIndex
from travelbuddy.bookings import Bookings, Choice, booking_jobs
from travelbuddy.domain.booking import Booking
from travelbuddy.domain.errands import ErrandKind
from travelbuddy.domain.travel import Hold, Offer, Passenger
from travelbuddy.errors import AlreadyDecided, ApprovalExpired, ToolError, Transient
from travelbuddy.jobs import JobKind, Jobs
from travelbuddy.tools.desks import Customer
from travelbuddy.workflow.executing import Execute

ACCIDENTS = 0.1
OPEN_FOR = timedelta(seconds=20)


class Supplier:
    """Holds once for each key, and now and then says so too late, not at all, or refuses."""

    needs_passengers = False

    def __init__(self, chance: random.Random, troubles: int, *, refuses: bool) -> None:
        self.orders: dict[str, Hold] = {}
        self._chance, self._troubles, self._refuses = chance, troubles, refuses

    async def offer(self, offer_id: str) -> Offer:
        await pause()
        return an_offer(offer_id)

    async def hold(self, offer: Offer, passengers: Sequence[Passenger], key: str) -> Hold:
        await pause()
        if self._refuses and key not in self.orders:
            raise ToolError("offer_gone", "gone")
        hold = Hold(reference="R", order_id=key, total_amount="1.00", total_currency="EUR", source="test")
        self._trouble()
        self.orders[key] = hold
        await pause()
        self._trouble()
        return hold

    def _trouble(self) -> None:
        if self._troubles and self._chance.random() < 0.5:
            self._troubles -= 1
            raise Transient("scripted")


class BookingWorld(World):
    """One booking, and a supplier in trouble."""

    refusals = (AlreadyDecided, ApprovalExpired)

    def __init__(self, seed: int, troubles: int, crashes: int, *, refuses: bool) -> None:
        self.supplier = Supplier(random.Random(seed), troubles, refuses=refuses)
        super().__init__(seed, crashes)
        self.asked = self.drive(self.desk.request(Customer("u", "s", "call"), "off", None))
        self.job_id = self.asked.id

    def begin(self, index: DaprJobIndex) -> tuple[Jobs, Mapping[str, Execute]]:
        records = DaprErrands(self.store, Booking)
        kinds: dict[ErrandKind, JobKind] = {"booking": booking_jobs(records, self.clock)}
        jobs = Jobs(index, self.engine, kinds, self.engine, self.clock)
        self.desk = Bookings(records, jobs, self.supplier, self.clock, OPEN_FOR)
        return jobs, self.desk.activities(self.accept).by_name()

    @property
    def stored(self) -> Booking:
        return Booking.model_validate_json(self.store.rows[f"booking:{self.job_id}"][0])


CHOICES = [Choice("approve"), Choice("reject"), Choice("edit", offer_id="other")]


@settings(max_examples=examples(300), deadline=None)
@given(
    seed=st.integers(0, 2**32),
    choices=st.lists(st.sampled_from(CHOICES), max_size=3),
    troubles=st.integers(0, 4),
    crashes=st.integers(0, 4),
    refuses=st.booleans(),
)
def test_one_decision_one_hold_one_outcome(
    seed: int, choices: list[Choice], troubles: int, crashes: int, refuses: bool
) -> None:
    """However decisions, expiry, crashes, second executions, lost instances and trouble fall: all agree in the end."""
    world = BookingWorld(seed, troubles, crashes, refuses=refuses)
    world.play([partial(world.desk.decide, world.job_id, choice) for choice in choices], lambda: not world.stored.due)
    end = world.drive(world.desk.find(world.asked.id))
    assert end.over
    assert len(world.told) == 1, "the outcome is told once"
    assert len(world.supplier.orders) <= 1
    assert (end.hold is not None) == (end.status == "held")
    if end.status == "held":
        assert world.supplier.orders == {end.id: end.hold}
    if end.status in {"rejected", "expired"}:
        assert not world.supplier.orders, "nothing is held that nobody approved"
    for answer in world.answers:
        assert answer.decided == end.decided, "who was answered has decided"
    if end.status == "failed":
        assert end.error
    assert end.passengers == ()
