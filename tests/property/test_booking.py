"""A booking against its promise: one decision, at most one hold, one outcome told, whatever dies or is late."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue
from tests.property.simulation import MemoryRecords, pause
from tests.unit.flights.offers import an_offer

from travelbuddy.adapters.dapr_errands import DaprErrands
from travelbuddy.adapters.ports import EngineStatus
from travelbuddy.bookings import Bookings, Choice
from travelbuddy.domain.booking import Booking
from travelbuddy.domain.travel import Hold, Offer, Passenger
from travelbuddy.errors import AlreadyDecided, ApprovalExpired, ToolError, Transient
from travelbuddy.incoming import Incoming, turn_id_for
from travelbuddy.tools.desks import Customer
from travelbuddy.workflow.booking import booking
from travelbuddy.workflow.booking_payloads import BookingStep

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


class Engine:
    """One instance of the real generator; each activity it asks for is run at least once."""

    def __init__(self) -> None:
        self.running = False
        self.events = 0
        self.waiting: tuple[str, Any] | None = None
        self._payload: Mapping[str, Any] = {}

    async def start(self, workflow: str, instance_id: str, payload: Mapping[str, JsonValue]) -> bool:
        await pause()
        if self.running:
            return False
        self._payload, self.running = dict(payload), True
        self.again()
        await pause()
        return True

    async def tell(self, instance_id: str, event: str, data: JsonValue = None) -> bool:
        await pause()
        if self.waiting is None and not self.running:
            return False
        self.events += 1
        await pause()
        return True

    async def status(self, instance_id: str) -> EngineStatus:
        await pause()
        return EngineStatus("running" if self.running else "completed" if self._payload else "missing")

    async def terminate(self, instance_id: str) -> None:
        raise NotImplementedError

    async def purge(self, instance_id: str) -> bool:
        raise NotImplementedError

    def again(self) -> None:
        """Begin a life of the instance."""
        self.continues = False
        self._generator = booking(_Context(self), dict(self._payload))
        self.resume(None)

    def resume(self, value: Any, error: BaseException | None = None) -> None:
        """Give the generator what it waited for."""
        try:
            self.waiting = self._generator.throw(error) if error else self._generator.send(value)
        except StopIteration:
            self.waiting = None
            if self.continues:
                self.again()
            else:
                self.running = False


class _Context:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set_custom_status(self, status: str) -> None:
        return

    def continue_as_new(self, payload: Any, *, save_events: bool) -> None:
        assert save_events
        self._engine.continues = True

    def call_activity(self, name: str, *, input: Any) -> tuple[str, Any]:  # noqa: A002  the SDK's name
        return name, input

    def wait_for_external_event(self, name: str, *, timeout: timedelta) -> tuple[str, timedelta]:
        return "event", timeout

    def create_timer(self, delay: timedelta) -> tuple[str, timedelta]:
        return "timer", delay


class World:
    """One booking, its doors, its workflow, and the accidents."""

    def __init__(self, seed: int, troubles: int, crashes: int, *, refuses: bool) -> None:
        self.chance = random.Random(seed)
        self.ticks, self.crashes = 0, crashes
        self.supplier = Supplier(self.chance, troubles, refuses=refuses)
        self.engine, self.told = Engine(), dict[str, str]()
        store = MemoryRecords(applies_refused=False)
        self.desk = Bookings(DaprErrands(store, Booking), self.engine, self.supplier, self.clock, OPEN_FOR)
        steps = self.desk.activities(self._accept)
        self.steps = {"look_at_booking": steps.look, "hold_offer": steps.hold, "tell_booking": steps.tell}
        self.running: list[tuple[str, Coroutine[Any, Any, Any]]] = []
        self.answers: list[Booking] = []
        self.refused: list[type[Exception]] = []
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
        pending = list(choices)
        for _ in range(5_000):
            if pending and self.chance.random() < 0.1:
                self.running.append(("door", self.desk.decide(self.asked.id, pending.pop())))
            options = [*self._options()]
            if not options and not pending:
                return
            if options:
                self.chance.choice(options)()
        raise AssertionError("the world does not come to rest")

    def _options(self) -> Iterator[Callable[[], None]]:
        for process in self.running:
            yield partial(self._advance, process)
            if self.crashes and self.chance.random() < ACCIDENTS:
                yield partial(self._crash, process)
        kind, detail = self.engine.waiting or ("", None)
        alive = sum(name == kind for name, _ in self.running)
        if kind in self.steps and (not alive or (self.crashes and alive < 2)):
            yield partial(self._execute, kind, detail)
        if kind == "event" and self.engine.events:
            yield self._deliver
        elif kind in {"event", "timer"} and (not self.running or self.chance.random() < ACCIDENTS):
            yield partial(self._let_pass, kind, detail)

    def _execute(self, kind: str, detail: Any) -> None:
        self.crashes -= any(name == kind for name, _ in self.running)
        self.running.append((kind, self.steps[kind](self.asked.id, BookingStep.model_validate(detail))))

    def _advance(self, process: tuple[str, Coroutine[Any, Any, Any]]) -> None:
        kind, run = process
        try:
            run.send(None)
        except StopIteration as stop:
            self.running.remove(process)
            if kind == "door":
                self.answers.append(stop.value)
            elif self.engine.waiting is not None and self.engine.waiting[0] == kind:
                self.engine.resume(stop.value.model_dump(mode="json"))
        except (AlreadyDecided, ApprovalExpired) as error:
            self.running.remove(process)
            self.refused.append(type(error))

    def _crash(self, process: tuple[str, Coroutine[Any, Any, Any]]) -> None:
        self.crashes -= 1
        self.running.remove(process)
        process[1].close()

    def _deliver(self) -> None:
        self.engine.events -= 1
        self.engine.resume(None)

    def _let_pass(self, kind: str, delay: Any) -> None:
        self.ticks += int(delay / timedelta(milliseconds=10)) + 1
        self.engine.resume(None, TimeoutError() if kind == "event" else None)


CHOICES = [Choice("approve"), Choice("reject"), Choice("edit", offer_id="other")]


@settings(max_examples=1_000, deadline=None)
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
    """However decisions, expiry, crashes, second executions and the supplier's trouble fall: all agree in the end."""
    world = World(seed, troubles, crashes, refuses=refuses)
    world.play(choices)
    end = world.drive(world.desk.find(world.asked.id))
    assert end.over, "it comes to its end by itself"
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
