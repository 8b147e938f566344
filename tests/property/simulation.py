"""The real doors, lanes, activities, workflow and reconciler on an in-memory store and engine, one I/O step at a time.

Every access to the store, the engine or the model is a point where the schedule may run somebody else, crash the one
who asked, start a second execution, end a workflow from outside, lose a wake-up, or let the engine lose an instance in
one of its ways. So a seed is a whole interleaving.
"""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import coroutine
from typing import Any, TypeVar

from pydantic import JsonValue

from travelbuddy.adapters.dapr_records import DaprRecords
from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.adapters.dapr_store import Delete, Put, Stored
from travelbuddy.adapters.ports import EngineState, EngineStatus, ModelAnswer
from travelbuddy.domain.conversation import SessionRecord
from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.steps import Step
from travelbuddy.domain.turn import Limits, ToolResult
from travelbuddy.errors import ModelUnavailable, NotFound, SessionBusy, StoreUnavailable, TurnOver
from travelbuddy.incoming import Incoming, turn_id_for
from travelbuddy.lanes import Lanes
from travelbuddy.live import LiveTurns
from travelbuddy.queue_waits import QueueWaits
from travelbuddy.reconcile import Reconciler
from travelbuddy.tools.base import Toolbox, ToolContext
from travelbuddy.turn_policy import TurnPolicy
from travelbuddy.turns import Accepted, Turns
from travelbuddy.workflow.activities import TurnActivities
from travelbuddy.workflow.contracts import AWAIT_TURN, CALL_MODEL, PAUSE, CallModelInput, CallToolInput, TurnInput
from travelbuddy.workflow.toolcalls import ToolCalls, UserContext
from travelbuddy.workflow.turn import turn

Result = TypeVar("Result")
SESSION, USER = "s", "u"
ACCIDENTS = 0.06
"""The chance of an accident at each step, while the budget lasts."""
LOST = 0.5
"""The chance that a wake-up is lost, likewise."""
MOST_LOOKS = 40
"""Looks after which what is still open counts as standing still."""
POLICY = TurnPolicy("m", tuple, Limits())


async def one_by_one(calls: Sequence[Callable[[], Awaitable[Result]]]) -> list[Result]:
    """Several requests, in their order: the schedule has its say between them."""
    return [await call() for call in calls]


@coroutine
def pause() -> Generator[None, None, None]:
    """Give the schedule its say."""
    yield


class MemoryRecords(DaprRecords):
    """A store that is sqlite (a refused transaction changes nothing) or Redis (its other operations are applied)."""

    def __init__(self, *, applies_refused: bool) -> None:
        self.rows: dict[str, tuple[bytes, str]] = {}
        self.applies_refused = applies_refused
        self._version = 0

    async def read(self, *keys: str) -> list[Stored]:
        await pause()
        return [self._stored(key) for key in keys]

    async def write(self, put: Put, *others: Put) -> bool:
        await pause()
        written = self._guarded(put)
        for other in others:
            self._apply(other)
        await pause()  # the answer may never arrive
        return written

    async def transact(self, guard: Put, others: Sequence[Put | Delete]) -> bool:
        await pause()
        written = self._guarded(guard)
        if written or self.applies_refused:
            for change in others:
                self._apply(change)
        await pause()
        return written

    async def put(self, put: Put) -> None:
        await pause()
        self._apply(put)

    async def delete(self, key: str, etag: str | None = None) -> bool:
        await pause()
        if etag is not None and self._stored(key).etag != etag:
            return False
        self.rows.pop(key, None)
        return True

    def _stored(self, key: str) -> Stored:
        data, etag = self.rows.get(key, (b"", None))
        return Stored(data, etag)

    def _guarded(self, put: Put) -> bool:
        if self._stored(put.key).etag != put.etag:
            return False
        self._apply(put)
        return True

    def _apply(self, change: Put | Delete) -> None:
        if isinstance(change, Delete):
            self.rows.pop(change.key, None)
            return
        self._version += 1
        self.rows[change.key] = (change.value.model_dump_json(exclude_defaults=True).encode(), str(self._version))


class Instance:
    """A workflow instance: the real generator, and what it waits for."""

    def __init__(self, instance_id: str, payload: Mapping[str, JsonValue]) -> None:
        self.instance_id = instance_id
        self.payload = dict(payload)
        self.restart()

    def restart(self) -> None:
        self.state: EngineState = "running"
        self.withdrawn = self.woken = False
        self.stuck = False
        """The engine says that it runs, and has lost what would make it run."""
        self.waiting: Any = None
        self._begin()

    def _begin(self) -> None:
        self._context = _Context(self.instance_id)
        self._generator = turn(self._context, self.payload)
        self.resume(None)

    @property
    def turn_id(self) -> str:
        """The turn that it carries out."""
        return TurnInput.model_validate(self.payload).turn(self.instance_id)

    @property
    def goes_on(self) -> bool:
        """Whether the engine takes results for it and hands out its next step."""
        return self.state == "running" and not self.stuck

    def resume(self, value: Any, error: BaseException | None = None) -> None:
        """Give the generator what it waited for, and note its next wait."""
        try:
            self.waiting = self._generator.throw(error) if error else self._generator.send(value)
        except StopIteration as stop:
            if self._context.continued is not None:
                self.payload = self._context.continued
                self._begin()
                return
            self.state, self.waiting = "completed", None
            self.withdrawn = stop.value["outcome"] == "withdrawn"


class _Context:
    """Records what the generator asks for instead of doing it."""

    current_utc_datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __init__(self, instance_id: str) -> None:
        self.instance_id = instance_id
        self.continued: dict[str, JsonValue] | None = None

    def set_custom_status(self, status: str) -> None:
        return

    def continue_as_new(self, payload: Any, *, save_events: bool) -> None:
        self.continued = dict(payload)

    def call_activity(self, name: str, *, input: Any) -> tuple[str, Any]:  # noqa: A002  the SDK's name
        return ("activity" if name == CALL_MODEL else name, input)


class MemoryEngine:
    """Starts and knows instances as Dapr does: an ended id may be started again, which forgets its past."""

    def __init__(self) -> None:
        self.instances: dict[str, Instance] = {}
        self.ended_by_us: set[str] = set()

    async def schedule(self, turn_id: str, payload: Mapping[str, JsonValue]) -> bool:
        await pause()
        known = self.instances.get(turn_id)
        if known is not None and known.state == "running":
            return False
        self.instances[turn_id] = Instance(turn_id, payload)
        await pause()
        return True

    async def status(self, turn_id: str) -> EngineStatus:
        await pause()
        known = self.instances.get(turn_id)
        if known is None or known.state == "unreadable":
            return EngineStatus("missing" if known is None else "unreadable")
        return EngineStatus(known.state, input=known.payload)

    async def probe(self) -> bool:
        await pause()
        return True

    async def suspend(self, turn_id: str) -> None:
        raise NotImplementedError

    async def resume(self, turn_id: str) -> None:
        raise NotImplementedError

    async def terminate(self, turn_id: str) -> None:
        await pause()
        if (known := self.instances.get(turn_id)) is not None and known.state == "running":
            known.state = "terminated"
            self.ended_by_us.add(turn_id)
        await pause()  # the answer may never arrive

    async def purge(self, turn_id: str) -> bool:
        await pause()
        return self.instances.pop(turn_id, None) is not None

    async def ids(self, prefix: str) -> list[str]:
        await pause()
        return [turn_id for turn_id in self.instances if turn_id.startswith(prefix)]


SAID = re.compile(r"(?:message|notice) \d+")
"""A message or a notice of these stories, wherever in a prompt it stands."""


def is_notice(text: str) -> bool:
    """Whether this is what the notices of these stories say."""
    return text.startswith("notice")


@dataclass
class ModelLog:
    """A model that fails as told, asks for a tool first when told so, and keeps every prompt it was given."""

    failures: int = 0
    searches: bool = False
    prompts: list[list[str]] = field(default_factory=list)
    """What each prompt held of the stories' messages and notices, in order."""
    roles: list[list[str]] = field(default_factory=list)

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        tools: Sequence[Mapping[str, Any]],
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        await pause()
        self.prompts.append([text for m in messages for text in SAID.findall(str(m["content"]))])
        self.roles.append([str(m["role"]) for m in messages if m["role"] != "tool" and not m.get("tool_calls")])
        number = len(self.prompts)
        if self.failures:
            self.failures -= 1
            raise ModelUnavailable("scripted")
        await pause()
        if self.searches and messages[-1]["role"] == "user":
            return ModelAnswer("", (ToolCall(id=f"call {number}", name="search", arguments="{}"),), "m", 1)
        return ModelAnswer(content=f"reply {number}", tool_calls=(), model="m", tokens=1)


class QuietLink:
    """The only replica: nobody to tell, nobody to hear."""

    name = "only"

    def on(self, kind: str, handler: Callable[[dict[str, Any]], None]) -> None:
        return

    def send(self, replica: str, notice: Mapping[str, Any]) -> None:
        return

    def broadcast(self, notice: Mapping[str, Any]) -> None:
        return


class LocalTools(ToolCalls):
    """Tools that answer on the spot, but not before the schedule had its say."""

    async def run(self, turn_id: str, request: CallToolInput, known: UserContext | None = None) -> ToolResult:
        await pause()
        now = datetime(2026, 1, 1, tzinfo=UTC)
        message = Message(role="tool", content="found", timestamp=now, tool_call_id=request.call.id)
        return ToolResult(message=message, step=Step(name="search", started_at=now, duration_ms=0))


class MemoryWaits(QueueWaits):
    """Instances that wait to be woken; a wake-up may be lost on its way."""

    def __init__(self, engine: MemoryEngine, lost: Callable[[], bool] = lambda: False) -> None:
        self._engine = engine
        self._lost = lost

    @property
    def sessions(self) -> frozenset[str]:
        return frozenset()

    def wake(self, session_id: str, turn_id: str) -> None:
        if not self._lost():
            self._wake(session_id, turn_id)

    def on_waiting(self, look: Callable[[str], None]) -> None:
        return

    def seen(self, session_id: str, session: SessionRecord | None) -> None:
        head = session.head if session is not None else None
        for instance in self._engine.instances.values():
            done = session is not None and session.done(instance.turn_id)
            instance.woken = instance.woken or done or (head is not None and head.id == instance.turn_id)

    def _wake(self, session_id: str, turn_id: str) -> None:
        for instance in self._engine.instances.values():
            instance.woken = instance.woken or instance.turn_id == turn_id


class MemoryClaims:
    """Which instances are worked on. Where replicas do not hear each other, none seems to be."""

    def __init__(self, engine: MemoryEngine, deaf: Callable[[], bool] = lambda: False) -> None:
        self._engine = engine
        self._deaf = deaf

    async def claimed(self, instance_ids: Collection[str]) -> set[str]:
        await pause()
        known = self._engine.instances
        return set() if self._deaf() else {i for i in instance_ids if i in known and known[i].goes_on}


class NoIndex:
    """No session is noted as open anywhere: the world knows its only one."""

    async def begin(self) -> list[str]:
        return []

    async def of_others(self) -> list[str]:
        return []

    def over(self, session_id: str) -> None:
        return


class Feed(LiveTurns):
    """Nobody follows, and there is no event loop in which a model call could be ended early."""

    async def unless_closed(self, turn_id: str, call: Coroutine[Any, Any, Result]) -> Result:
        return await call


@dataclass
class Replies:
    """A broker that keeps what was published."""

    sent: list[tuple[str, str]] = field(default_factory=list)

    async def publish(self, topic: str, data: Mapping[str, Any], event_id: str) -> None:
        await pause()
        self.sent.append((event_id, str(data["text"])))


@dataclass
class Process:
    """Something running: a door, an execution of an activity, a reader."""

    kind: str
    turn_id: str
    run: Coroutine[Any, Any, Any]
    instance: Instance | None = None


class World:
    """One session with messages on their way; ``play`` runs a schedule, ``finish`` lets everything come to rest."""

    def __init__(
        self,
        messages: list[Incoming],
        *,
        applies_refused: bool,
        crashes: int = 0,
        ends: int = 0,
        seconds: int = 0,
        cancels: int = 0,
        losses: int = 0,
        lost_wakes: int = 0,
        deaf: int = 0,
        searches: bool = False,
    ) -> None:
        """Budgets of accidents. ``losses``: instances that the engine loses; ``deaf``: looks that hear no replica."""
        self._ticks = 0
        self._chance = random.Random(0)
        self._waited: set[str] = set()
        self.store = MemoryRecords(applies_refused=applies_refused)
        self.memory = DaprStateStorage(self.store, self._clock)
        self.engine, self.model, self.replies = MemoryEngine(), ModelLog(searches=searches), Replies()
        waits, claims = MemoryWaits(self.engine, self._wake_is_lost), MemoryClaims(self.engine, self._is_deaf)
        self.lanes = Lanes(self.memory, self.engine, self._clock, waits, POLICY, one_by_one)
        self.turns = Turns(self.memory, self.engine, self.lanes, POLICY, self._clock)
        self.reconciler = Reconciler(
            self.memory,
            self.engine,
            self.lanes.keeper,
            waits,
            claims,
            NoIndex(),
            QuietLink(),
            lambda trouble: None,
            one_by_one,
            lambda: self._ticks / 1000,
        )
        self.feed = Feed(QuietLink())
        self.activities = TurnActivities(
            lanes=self.lanes,
            model=self.model,
            users=self.memory,
            tools=LocalTools(Toolbox([]), _no_tools, self.feed, self._clock),
            publisher=self.replies,
            feed=self.feed,
            clock=self._clock,
            today=lambda context: date(2026, 1, 1),
        )
        self.feed.on_closed(self.activities.closed)
        self.pending = list(messages)
        self.processes: list[Process] = []
        self.accepted: list[Accepted] = []
        self.refused: list[str] = []
        self.ended_outside: set[str] = set()
        self.cancelled: set[str] = set()
        self.dead_doors: set[str] = set()
        self.broken: set[str] = set()
        """Turns of which the engine has lost an instance."""
        self.budget = {
            "crash": crashes,
            "end": ends,
            "second": seconds,
            "cancel": cancels,
            "loss": losses,
            "wake": lost_wakes,
            "deaf": deaf,
        }

    def play(self, seed: int, steps: int = 400) -> None:
        """Let chance pick what happens next, an accident now and then; the same seed is the same story."""
        chance = self._chance = random.Random(seed)
        for _ in range(steps):
            self._waited.clear()
            accidents = list(self._accidents())
            choices = accidents if accidents and chance.random() < ACCIDENTS else list(self._choices())
            if not choices:
                return
            chance.choice(choices)()

    def finish(self) -> None:
        """No more accidents: run doors, workflows and waits until nothing is left, with the reconciler's looks alone.

        No reader comes: none of its looks may be needed for a turn to end.
        """
        self.budget = dict.fromkeys(self.budget, 0)
        for _ in range(MOST_LOOKS):
            self._come_to_rest()
            if not self._lane():
                return
            self._ticks += 10_000
            self._drive(self.reconciler._look_at([SESSION]))
        self._come_to_rest()

    def _come_to_rest(self) -> None:
        """Until nothing goes on but that turns wait for their turn, each of which has looked once by itself."""
        self._waited.clear()
        for number in range(5_000):  # going round is fair: whoever can go on does, timers only when nothing else runs
            choices = list(self._choices(timers=not self.processes))
            if not choices:
                return
            choices[number % len(choices)]()
        raise AssertionError("the world does not come to rest")

    @property
    def withdrawn(self) -> set[str]:
        """The turns that gave up waiting for their door."""
        return {instance.turn_id for instance in self.engine.instances.values() if instance.withdrawn}

    @property
    def ended_by_us(self) -> set[str]:
        """The turns whose last instance the service itself has ended."""
        instances = self.engine.instances
        last = {instance.turn_id: instance.instance_id for instance in instances.values()}
        return {instances[i].turn_id for i in self.engine.ended_by_us if last[instances[i].turn_id] == i}

    @property
    def session(self) -> SessionRecord:
        """The stored session."""
        return SessionRecord.model_validate_json(self.store.rows[f"session:{SESSION}"][0])

    def _lane(self) -> bool:
        """Whether a turn is open."""
        return f"session:{SESSION}" in self.store.rows and bool(self.session.lane)

    def _choices(self, *, timers: bool = True) -> Iterator[Callable[[], None]]:
        for process in list(self.processes):
            yield partial(self._advance, process)
        for message in self.pending:
            yield partial(self._open_door, message)
        for turn_id, instance in self.engine.instances.items():
            yield from self._workflow_choices(turn_id, instance, timers)

    def _accidents(self) -> Iterator[Callable[[], None]]:
        if self.budget["crash"]:
            for process in list(self.processes):
                yield partial(self._crash, process)
        if self.budget["end"]:
            for turn_id, instance in self.engine.instances.items():
                if instance.state == "running":
                    yield partial(self._end, turn_id)
        if self.budget["cancel"]:
            for turn_id in {instance.turn_id: None for instance in self.engine.instances.values()}:
                yield partial(self._cancel, turn_id)
        yield from self._second_executions()
        yield from self._losses()

    def _losses(self) -> Iterator[Callable[[], None]]:
        """The engine loses an instance; or somebody looks who thinks so."""
        if self.budget["loss"]:
            for instance in self.engine.instances.values():
                if instance.goes_on:
                    for way in ("missing", "unreadable", "failed", "stuck"):
                        yield partial(self._lose, instance, way)
        if self.budget["deaf"]:
            yield self._look

    def _second_executions(self) -> Iterator[Callable[[], None]]:
        if self.budget["second"]:
            for turn_id, instance in self.engine.instances.items():
                kind, detail = instance.waiting or ("", None)
                alive = [p for p in self.processes if p.instance is instance]
                if instance.state == "running" and kind == "activity" and len(alive) == 1:
                    yield partial(self._second, turn_id, instance, detail)

    def _workflow_choices(self, turn_id: str, instance: Instance, timers: bool) -> Iterator[Callable[[], None]]:
        if not instance.goes_on or instance.waiting is None:
            return
        kind, detail = instance.waiting
        alive = [p for p in self.processes if p.instance is instance]
        if kind == "activity" and not alive:
            yield lambda: self._execute(turn_id, instance, detail)
        if kind == AWAIT_TURN and (instance.woken or (timers and instance.instance_id not in self._waited)):
            yield partial(self._go_on, instance)
        if kind == PAUSE and timers:
            yield partial(self._go_on, instance)

    def _open_door(self, message: Incoming) -> None:
        self.pending.remove(message)
        self.processes.append(Process("door", turn_id_for(message), self.turns.accept(message)))

    def _execute(self, turn_id: str, instance: Instance, payload: Any) -> None:
        call = CallModelInput.model_validate(payload)
        run = self.activities.call_model(call.turn.turn(turn_id), call)
        self.processes.append(Process("activity", turn_id, run, instance))

    def _second(self, turn_id: str, instance: Instance, payload: Any) -> None:
        self.budget["second"] -= 1
        self._execute(turn_id, instance, payload)

    def _go_on(self, instance: Instance) -> None:
        """What the instance waited in ends: it was woken, or the time is up."""
        if not instance.woken:
            self._ticks += 3_000
            self._waited.add(instance.instance_id)
        instance.woken = False
        instance.resume(None)

    def _lose(self, instance: Instance, way: str) -> None:
        self.budget["loss"] -= 1
        self.broken.add(instance.turn_id)
        if way == "missing":
            del self.engine.instances[instance.instance_id]
        instance.stuck = way == "stuck"
        instance.state = "running" if way == "stuck" else "unreadable" if way == "unreadable" else "failed"

    def _look(self) -> None:
        """A look of a reconciler that hears no other replica, some time after the one before."""
        self.budget["deaf"] -= 1
        self._ticks += 9_000
        self.processes.append(Process("look", "", self.reconciler._look_at([SESSION])))

    def _wake_is_lost(self) -> bool:
        lost = self.budget["wake"] > 0 and self._chance.random() < LOST
        self.budget["wake"] -= lost
        return lost

    def _is_deaf(self) -> bool:
        return self.budget["deaf"] > 0

    def _advance(self, process: Process) -> None:
        try:
            process.run.send(None)
        except StopIteration as stop:
            self.processes.remove(process)
            self._ended(process, stop.value)
        except (SessionBusy, StoreUnavailable):
            assert process.kind == "door"
            self.processes.remove(process)
            self.refused.append(process.turn_id)
        except (TurnOver, NotFound):
            assert process.kind == "cancel"
            self.processes.remove(process)

    def _ended(self, process: Process, value: Any) -> None:
        if process.kind == "door":
            self.accepted.append(value)
        instance = process.instance
        waits = instance is not None and instance.goes_on and instance.waiting is not None
        if instance is not None and waits and instance.waiting[0] == "activity":
            call = CallModelInput.model_validate(instance.waiting[1])
            assert isinstance(call.turn, TurnInput)
            instance.resume(value.model_dump(mode="json", exclude_defaults=True))

    def _crash(self, process: Process) -> None:
        self.budget["crash"] -= 1
        self.processes.remove(process)
        if process.kind == "door":
            self.dead_doors.add(process.turn_id)
        process.run.close()

    def _cancel(self, turn_id: str) -> None:
        self.budget["cancel"] -= 1
        self.cancelled.add(turn_id)
        self.processes.append(Process("cancel", turn_id, self.turns.cancel(turn_id)))

    def _end(self, turn_id: str) -> None:
        self.budget["end"] -= 1
        self.ended_outside.add(self.engine.instances[turn_id].turn_id)
        self.engine.instances[turn_id].state = "terminated"

    def _drive(self, run: Coroutine[Any, Any, Any]) -> Any:
        try:
            while True:
                run.send(None)
        except StopIteration as stop:
            return stop.value

    def _clock(self) -> datetime:
        self._ticks += 1
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self._ticks)


async def _no_tools(turn_id: str, request: CallToolInput, known: UserContext | None) -> ToolContext:
    raise AssertionError("no tool is offered")
