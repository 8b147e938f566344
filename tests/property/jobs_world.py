"""Jobs in a world of accidents: the real jobs, activities and workflows over a store and an engine in memory.

Every access to the store, the engine or the outside is a point where the schedule may run somebody else, crash the one
who asked, end the whole process, or make Dapr lose an instance. So a seed is a whole interleaving.
"""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import JsonValue
from tests.property.simulation import MemoryRecords, pause

from travelbuddy.adapters.dapr_jobs import DaprJobIndex
from travelbuddy.adapters.ports import EngineState, EngineStatus
from travelbuddy.domain.errands import Errand
from travelbuddy.domain.jobs import JobShard, shard_of
from travelbuddy.errors import StoreUnavailable
from travelbuddy.incoming import Incoming, turn_id_for
from travelbuddy.jobs import Jobs
from travelbuddy.workflow.booking import booking
from travelbuddy.workflow.booking_payloads import BOOKING
from travelbuddy.workflow.executing import Execute
from travelbuddy.workflow.fare_watch import fare_watch
from travelbuddy.workflow.watch_payloads import FARE_WATCH

ACCIDENTS = 0.1
WORKFLOWS: Mapping[str, Any] = {BOOKING: booking, FARE_WATCH: fare_watch}


class Instance:
    """A workflow instance: the real generator, and the activity that it waits for."""

    def __init__(self, workflow: str, payload: Mapping[str, JsonValue]) -> None:
        self.state: EngineState = "running"
        self.lost = False
        self._generator = WORKFLOWS[workflow](_Context(), dict(payload))
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
        self.instances[instance_id] = Instance(workflow, payload)
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


class World(ABC):
    """One job, its doors, the replica that looks after it, its workflows, and the accidents."""

    job_id = ""
    """Set by whoever makes the job."""
    refusals: tuple[type[Exception], ...] = ()
    """What a door may answer."""

    def __init__(self, seed: int, crashes: int) -> None:
        self.chance = random.Random(seed)
        self.ticks, self.crashes = 0, crashes
        self.engine, self.told = Engine(), dict[str, str]()
        self.store = MemoryRecords(applies_refused=False)
        self.running: list[Process] = []
        self.answers: list[Any] = []
        self.jobs, self.steps = self.begin(DaprJobIndex(self.store, self.clock))

    @abstractmethod
    def begin(self, index: DaprJobIndex) -> tuple[Jobs, Mapping[str, Execute]]:
        """A replica begins, and knows nothing: its jobs, and the activities that its worker runs."""

    @property
    @abstractmethod
    def stored(self) -> Errand:
        """The job's record."""

    def clock(self) -> datetime:
        self.ticks += 1
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=10 * self.ticks)

    async def accept(self, notice: Incoming) -> None:
        """A door that tells each key once."""
        await pause()
        assert self.told.setdefault(turn_id_for(notice), notice.text) == notice.text
        await pause()

    def drive(self, run: Coroutine[Any, Any, Any]) -> Any:
        try:
            while True:
                run.send(None)
        except StopIteration as stop:
            return stop.value

    def play(self, doors: list[Callable[[], Coroutine[Any, Any, Any]]], enough: Callable[[], bool]) -> None:
        """Let chance pick what happens next, until nobody is at a door and it is enough."""
        for _ in range(20_000):
            if doors and self.chance.random() < 0.05:
                self.running.append(Process("door", doors.pop()()))
            accidents = [*self._accidents()] if self.crashes and self.chance.random() < ACCIDENTS else []
            self.chance.choice(accidents or [*self._options()])()
            self._check_noted()
            if not doors and not self.running and enough():
                return
        raise AssertionError("the job does not get on by itself")

    def _check_noted(self) -> None:
        """The index is never later than the truth, except where that is due already."""
        due = self.stored.due
        if due is None:
            return
        shard = JobShard.model_validate_json(self.store.rows[f"jobs:{shard_of(self.job_id)}"][0])
        assert shard.jobs[self.job_id].due_at <= max(due, self.clock())

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
        self.running.append(Process(name, self._step(name, instance_id, json.dumps(detail)), instance))

    async def _step(self, activity: str, instance_id: str, payload: str) -> str:
        return await self.steps[activity](instance_id, payload, None)

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
        except self.refusals:
            self.running.remove(process)

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
        self.jobs, self.steps = self.begin(DaprJobIndex(self.store, self.clock))

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
