"""A booking against its promise: one decision, at most one hold, one outcome told, whatever dies, is lost or late.

The real door, jobs, activities and workflow run over a store and an engine in memory, one access to them at a time.
"""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from tests.property.simulation import MemoryRecords, pause
from tests.unit.flights.offers import an_offer

from travelbuddy.adapters.dapr_errands import DaprErrands
from travelbuddy.adapters.dapr_jobs import DaprJobIndex
from travelbuddy.adapters.ports import EngineState, EngineStatus
from travelbuddy.bookings import Bookings, Choice, booking_jobs
from travelbuddy.domain.booking import Booking
from travelbuddy.domain.errands import ErrandKind
from travelbuddy.domain.jobs import JobShard, shard_of
from travelbuddy.domain.travel import Hold, Offer, Passenger
from travelbuddy.errors import AlreadyDecided, ApprovalExpired, StoreUnavailable, ToolError, Transient
from travelbuddy.incoming import Incoming, turn_id_for
from travelbuddy.jobs import JobKind, Jobs
from travelbuddy.tools.desks import Customer
from travelbuddy.workflow.booking import booking

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


class Instance:
    """A workflow instance: the real generator, and the activity that it waits for."""

    def __init__(self, payload: Mapping[str, JsonValue]) -> None:
        self.state: EngineState = "running"
        self.lost = False
        self._generator = booking(_Context(), dict(payload))
        self.resume(None)

    def resume(self, value: Any) -> None:
        """Give the generator what it waited for."""
        try:
            self.waiting = self._generator.send(value)
        except StopIteration:
            self.waiting, self.state = None, "completed"

    @property
    def goes_on(self) -> bool:
        return self.state == "running" and not self.lost


class _Context:
    def set_custom_status(self, status: str) -> None:
        return

    def call_activity(self, name: str, *, input: Any) -> tuple[str, Any]:  # noqa: A002  the SDK's name
        return name, input


class Engine:
    """Instances by id. One that is lost is never carried on; one that is unreadable cannot be started again either."""

    def __init__(self) -> None:
        self.instances: dict[str, Instance] = {}

    async def start(self, workflow: str, instance_id: str, payload: Mapping[str, JsonValue]) -> bool:
        await pause()
        known = self.instances.get(instance_id)
        if known is not None and known.state == "unreadable":
            raise StoreUnavailable("missing from state store")
        if known is not None and known.state == "running":
            return False
        self.instances[instance_id] = Instance(payload)
        await pause()
        return True

    async def status(self, instance_id: str) -> EngineStatus:
        await pause()
        known = self.instances.get(instance_id)
        return EngineStatus(known.state if known is not None else "missing")

    async def terminate(self, instance_id: str) -> None:
        await pause()
        known = self.instances.get(instance_id)
        if known is not None and known.goes_on:
            known.state = "terminated"

    async def purge(self, instance_id: str) -> bool:
        await pause()
        return self.instances.pop(instance_id, None) is not None

    async def probe(self) -> bool:
        await pause()
        return True

    async def ids(self, prefix: str) -> list[str]:
        raise NotImplementedError

    async def claimed(self, instance_ids: Collection[str]) -> set[str]:
        await pause()
        return {i for i in instance_ids if i in self.instances and self.instances[i].goes_on}


@dataclass(frozen=True)
class Process:
    """Something that runs: a door, an activity of an instance, or the replica's look at its jobs."""

    kind: str
    run: Coroutine[Any, Any, Any]
    instance: Instance | None = None


async def _coroutine(run: Awaitable[str]) -> str:
    return await run


class World:
    """One booking, its doors, the replica that looks after it, its workflows, and the accidents."""

    def __init__(self, seed: int, troubles: int, crashes: int, *, refuses: bool) -> None:
        self.chance = random.Random(seed)
        self.ticks, self.crashes = 0, crashes
        self.supplier = Supplier(self.chance, troubles, refuses=refuses)
        self.engine, self.told = Engine(), dict[str, str]()
        self.store = MemoryRecords(applies_refused=False)
        self.running: list[Process] = []
        self.answers: list[Booking] = []
        self.refused: list[type[Exception]] = []
        self._begin()
        self.asked = self.drive(self.desk.request(Customer("u", "s", "call"), "off", None))

    def clock(self) -> datetime:
        self.ticks += 1
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=10 * self.ticks)

    async def _accept(self, notice: Incoming) -> None:
        await pause()
        assert self.told.setdefault(turn_id_for(notice), notice.text) == notice.text
        await pause()

    def drive(self, run: Coroutine[Any, Any, Any]) -> Any:
        try:
            while True:
                run.send(None)
        except StopIteration as stop:
            return stop.value

    def play(self, choices: Sequence[Choice]) -> None:
        """Let chance pick what happens next, until nothing is to be done for the booking any more."""
        pending = list(choices)
        for _ in range(20_000):
            if pending and self.chance.random() < 0.05:
                self.running.append(Process("door", self.desk.decide(self.asked.id, pending.pop())))
            accidents = [*self._accidents()] if self.crashes and self.chance.random() < ACCIDENTS else []
            self.chance.choice(accidents or [*self._options()])()
            self._check_noted()
            if not pending and not self.running and self.stored.due is None:
                return
        raise AssertionError("the booking does not come to its end by itself")

    @property
    def stored(self) -> Booking:
        return Booking.model_validate_json(self.store.rows[f"booking:{self.asked.id}"][0])

    def _begin(self) -> None:
        """A replica begins, and knows nothing."""
        records, index = DaprErrands(self.store, Booking), DaprJobIndex(self.store, self.clock)
        kinds: dict[ErrandKind, JobKind] = {"booking": booking_jobs(records, self.clock)}
        self.jobs = Jobs(index, self.engine, kinds, self.engine, self.clock)
        self.desk = Bookings(records, self.jobs, self.supplier, self.clock, OPEN_FOR)
        self.steps = self.desk.activities(self._accept).by_name()

    def _check_noted(self) -> None:
        """The index is never later than the truth, except where that is due already."""
        due = self.stored.due
        if due is None:
            return
        shard = JobShard.model_validate_json(self.store.rows[f"jobs:{shard_of(self.asked.id)}"][0])
        assert shard.jobs[self.asked.id].due_at <= max(due, self.clock())

    def _options(self) -> Iterator[Callable[[], None]]:
        for process in self.running:
            yield partial(self._advance, process)
        for instance_id, instance in self.engine.instances.items():
            if instance.goes_on and not any(process.instance is instance for process in self.running):
                yield partial(self._execute, instance_id, instance)
        if not any(process.kind == "look" for process in self.running):
            yield self._look
        if not self.running:
            yield self._let_pass

    def _accidents(self) -> Iterator[Callable[[], None]]:
        yield self._restart
        for process in self.running:
            yield partial(self._crash, process)
        for instance_id, instance in self.engine.instances.items():
            if instance.goes_on:
                yield partial(self._execute, instance_id, instance)
                yield partial(self._lose, instance)
            if instance.state in {"running", "completed"}:
                yield partial(self._tear, instance)

    def _look(self) -> None:
        sweeps = self.chance.random() < 0.3
        self.running.append(Process("look", self.jobs.sweep() if sweeps else self.jobs.go_round()))

    def _execute(self, instance_id: str, instance: Instance) -> None:
        assert instance.waiting is not None
        name, detail = instance.waiting
        run = self.steps[name](instance_id, json.dumps(detail), None)
        self.running.append(Process(name, _coroutine(run), instance))

    def _advance(self, process: Process) -> None:
        try:
            process.run.send(None)
        except StopIteration as stop:
            self.running.remove(process)
            if process.kind == "door":
                self.answers.append(stop.value)
            instance = process.instance
            if instance is not None and instance.goes_on and instance.waiting and instance.waiting[0] == process.kind:
                instance.resume(json.loads(stop.value))
        except (AlreadyDecided, ApprovalExpired) as error:
            self.running.remove(process)
            self.refused.append(type(error))

    def _crash(self, process: Process) -> None:
        self.crashes -= 1
        self.running.remove(process)
        process.run.close()

    def _restart(self) -> None:
        """The process dies with all that runs in it; another one begins."""
        self.crashes -= 1
        for process in [*self.running]:
            self.running.remove(process)
            process.run.close()
        self._begin()

    def _lose(self, instance: Instance) -> None:
        """The engine never carries the instance on."""
        self.crashes -= 1
        instance.lost = True

    def _tear(self, instance: Instance) -> None:
        """The engine cannot read the instance any more."""
        self.crashes -= 1
        instance.state = "unreadable"

    def _let_pass(self) -> None:
        self.ticks += self.chance.choice([10, 100, 500])


CHOICES = [Choice("approve"), Choice("reject"), Choice("edit", offer_id="other")]


@settings(max_examples=300, deadline=None)
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
    world = World(seed, troubles, crashes, refuses=refuses)
    world.play(choices)
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
