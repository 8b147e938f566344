"""Jobs over a store in memory and an engine that only keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from travelbuddy.adapters.dapr_errands import DaprErrands
from travelbuddy.adapters.dapr_jobs import DaprJobIndex
from travelbuddy.adapters.dapr_records import DaprRecords
from travelbuddy.adapters.ports import ENDED, EngineState, EngineStatus
from travelbuddy.bookings import booking_jobs
from travelbuddy.domain.booking import Booking
from travelbuddy.domain.watch import Watch
from travelbuddy.errors import StoreUnavailable
from travelbuddy.jobs import Jobs
from travelbuddy.watches import watch_jobs


class Engine:
    """Workflow instances by id. None of them does anything by itself."""

    def __init__(self) -> None:
        self.started: list[tuple[str, dict[str, Any]]] = []
        self.states: dict[str, EngineState] = {}
        self.worked_on: set[str] = set()
        self.down = False
        self.moves = True
        """Whether other instances run to their end."""

    async def start(self, workflow: str, instance_id: str, payload: Mapping[str, JsonValue]) -> bool:
        self._check()
        state = self.states.get(instance_id, "missing")
        if state == "unreadable":
            raise StoreUnavailable("inbox key declared in metadata but missing from state store")
        if state not in ENDED:
            return False
        self.states[instance_id] = "running"
        self.started.append((workflow, {"id": instance_id, **payload}))
        return True

    async def status(self, instance_id: str) -> EngineStatus:
        self._check()
        return EngineStatus(self.states.get(instance_id, "missing"))

    async def terminate(self, instance_id: str) -> None:
        self._check()
        if self.states.get(instance_id) == "running":
            self.states[instance_id] = "terminated"

    async def purge(self, instance_id: str) -> bool:
        return self.states.pop(instance_id, None) is not None

    async def probe(self) -> bool:
        self._check()
        return self.moves

    async def ids(self, prefix: str) -> list[str]:
        self._check()
        return [each for each in self.states if each.startswith(prefix)]

    async def claimed(self, instance_ids: Collection[str]) -> set[str]:
        return self.worked_on.intersection(instance_ids)

    def over(self, instance_id: str) -> None:
        """The instance has done what was to be done."""
        self.states[instance_id] = "completed"

    @property
    def starts(self) -> list[str]:
        """The ids of the instances in the order in which they were started."""
        return [payload["id"] for _, payload in self.started]

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailable("the engine is away")


def jobs_over(store: DaprRecords, engine: Engine, clock: Callable[[], datetime]) -> Jobs:
    """A replica as it has just begun."""
    kinds = {
        "booking": booking_jobs(DaprErrands(store, Booking), clock),
        "fare_watch": watch_jobs(DaprErrands(store, Watch), clock),
    }
    return Jobs(DaprJobIndex(store, clock), engine, kinds, engine, clock)  # type: ignore[arg-type]
