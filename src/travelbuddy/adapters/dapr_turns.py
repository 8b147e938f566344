"""Turns as Dapr workflow instances."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import grpc
import grpc.aio
import structlog
from dapr.ext.workflow import WorkflowStatus
from dapr.ext.workflow._durabletask.internal.orchestrator_service_pb2 import ListInstanceIDsRequest
from dapr.ext.workflow._durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from pydantic import JsonValue

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.ports import EngineState, EngineStatus
from travelbuddy.errors import CannotOpen, StoreUnavailable
from travelbuddy.sealing import Sealer
from travelbuddy.sidecar_token import call_metadata
from travelbuddy.telemetry import spans
from travelbuddy.workflow.contracts import TURN_WORKFLOW
from travelbuddy.workflow.payloads import place_of
from travelbuddy.workflow.probe import PROBE

log = structlog.get_logger(__name__)

TIMEOUT = 10.0
Clock = Callable[[], float]
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""A start that is due: the engine then answers when the instance is stored, else when the workflow has run already."""
_STATES: dict[WorkflowStatus, EngineState] = {
    WorkflowStatus.COMPLETED: "completed",
    WorkflowStatus.FAILED: "failed",
    WorkflowStatus.TERMINATED: "terminated",
    WorkflowStatus.SUSPENDED: "suspended",
}
_STATUS_TRIES = 3
_AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED})
_NOBODY = "status-of-nobody"
"""An instance that does not exist."""
PROBE_WITHIN = 5.0
_PURGE_TRIES = 30
_LIST_PAGE = 1000


class DaprTurnEngine:
    """The ports TurnEngine and Work over the sidecar's workflow API."""

    def __init__(
        self, sidecar: Sidecar, sealer: Sealer | None = None, replica: str = "", clock: Clock = time.monotonic
    ) -> None:
        """``replica`` is the name of this one, for the instances that it tries the engine with."""
        self._sidecar = sidecar
        self._sealer = sealer or Sealer()
        self._probe = f"{PROBE}-{replica}"
        self._clock = clock

    async def schedule(self, turn_id: str, payload: Mapping[str, JsonValue]) -> bool:
        """See TurnEngine."""
        return await self.start(TURN_WORKFLOW, turn_id, payload)

    async def start(self, workflow: str, instance_id: str, payload: Mapping[str, JsonValue]) -> bool:
        """See Work. The engine refuses an id that is running, and starts an ended one anew."""
        workflows, told = self._sidecar.connection.workflows, self._sealed(dict(payload), instance_id)
        try:
            with spans.engine("schedule", workflow):
                async with asyncio.timeout(TIMEOUT):
                    await workflows.schedule_new_workflow(
                        workflow, input=told, instance_id=instance_id, start_at=LONG_AGO
                    )
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.ALREADY_EXISTS:
                return False
            raise _unavailable(error) from error
        except TimeoutError as late:
            raise StoreUnavailable("the workflow engine did not answer in time", retry_after=1) from late
        return True

    async def status(self, turn_id: str) -> EngineStatus:
        """See TurnEngine. Dapr 1.18.2 fails now and then to read a running instance, so this tries again."""
        for left in reversed(range(_STATUS_TRIES)):
            try:
                return await self._status(turn_id)
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                if not left:
                    if await self._fails_for_this_one_alone(error):
                        log.warning("turn.unreadable", turn=turn_id, reason=str(_unavailable(error)))
                        return EngineStatus("unreadable")
                    raise _unavailable(error) from error
                await asyncio.sleep(0.05)
        raise AssertionError("unreachable")

    async def _status(self, turn_id: str) -> EngineStatus:
        async with asyncio.timeout(TIMEOUT):
            state = await self._sidecar.connection.workflows.get_workflow_state(turn_id)
        return _status(state, turn_id, self._sealer)

    async def _fails_for_this_one_alone(self, error: BaseException) -> bool:
        """Whether the engine reads others' state. What it says of the one it cannot read differs by what is lost."""
        if not isinstance(error, grpc.aio.AioRpcError) or error.code() in _AWAY:
            return False
        try:
            return (await self._status(_NOBODY)).state == "missing"
        except (grpc.aio.AioRpcError, TimeoutError):
            return False

    def _sealed(self, data: Any, instance_id: str) -> Any:
        """What the engine may keep of this."""
        return self._sealer.seal(json.dumps(data), place_of(instance_id)) if self._sealer.seals else data

    async def suspend(self, turn_id: str) -> None:
        """See TurnEngine."""
        await _tell(self._sidecar.connection.workflows.pause_workflow(turn_id))

    async def resume(self, turn_id: str) -> None:
        """See TurnEngine."""
        await _tell(self._sidecar.connection.workflows.resume_workflow(turn_id))

    async def terminate(self, turn_id: str) -> None:
        """See TurnEngine."""
        with spans.engine("terminate"):
            await _tell(self._sidecar.connection.workflows.terminate_workflow(turn_id))

    async def probe(self) -> bool:
        """See TurnEngine. Each time a new instance: one of before may be among those that the engine has lost."""
        probe = f"{self._probe}-{uuid4().hex[:12]}"
        await self.start(PROBE, probe, {})
        until = self._clock() + PROBE_WITHIN
        while (state := (await self.status(probe)).state) == "running" and self._clock() < until:  # noqa: ASYNC110  it is remote
            await asyncio.sleep(0.2)
        if state == "running":
            await self.terminate(probe)
        return state == "completed"

    async def purge(self, turn_id: str) -> bool:
        """See TurnEngine. Right after its end an instance is hard to read, so this tries again."""
        for left in reversed(range(_PURGE_TRIES)):
            try:
                return await _tell(self._sidecar.connection.workflows.purge_workflow(turn_id))
            except StoreUnavailable:
                if not left:
                    raise
                await asyncio.sleep(0.1)
        raise AssertionError("unreachable")

    async def knock(self, turn_id: str) -> None:
        """A request to a workflow that does not exist: its actor answers it, and the log says nothing of it.

        Not recursive: the engine would look into the store first, and the actor would never be asked.
        """
        await _tell(self._sidecar.connection.workflows.purge_workflow(turn_id, recursive=False))

    async def ids(self, prefix: str) -> list[str]:
        """See TurnEngine. Dapr's Python client has no call for it, so this speaks to the sidecar's own."""
        found: list[str] = []
        token: str | None = None
        async with grpc.aio.insecure_channel(f"{self._sidecar.host}:{self._sidecar.grpc_port}") as channel:
            stub = TaskHubSidecarServiceStub(channel)
            while True:
                request = ListInstanceIDsRequest(pageSize=_LIST_PAGE, continuationToken=token)
                try:
                    page = await stub.ListInstanceIDs(request, timeout=TIMEOUT, metadata=call_metadata())
                except grpc.aio.AioRpcError as error:
                    raise _unavailable(error) from error
                found += [turn_id for turn_id in page.instanceIds if turn_id.startswith(prefix)]
                token = page.continuationToken or None
                if token is None:
                    return found


async def _tell(call: Awaitable[Any]) -> bool:
    """Await a request to an instance; False when there is none of that id, which then needs no telling."""
    try:
        async with asyncio.timeout(TIMEOUT):
            await call
            return True
    except (grpc.aio.AioRpcError, TimeoutError) as error:
        if isinstance(error, TimeoutError) or "no such instance" not in (error.details() or ""):
            raise _unavailable(error) from error
        return False


def _status(state: Any, turn_id: str, sealer: Sealer) -> EngineStatus:
    """What the engine says. Whether the instance runs is known also when its payloads do not open."""
    if state is None:
        return EngineStatus("missing")
    place, closed = place_of(turn_id), ""
    try:
        raw = sealer.open(state.serialized_input or "", place)
        progress = sealer.open(state.serialized_custom_status or "", place)
    except CannotOpen as error:
        log.error("turn.cannot_open", turn=turn_id, reason=str(error))
        raw, progress, closed = "", "", str(error)
    return EngineStatus(
        state=_STATES.get(state.runtime_status, "running"),
        progress=progress,
        input=json.loads(raw) if raw else None,
        closed=closed,
        created_at=_utc(state.created_at),
        updated_at=_utc(state.last_updated_at),
    )


def _utc(time: datetime | None) -> str | None:
    return time.replace(tzinfo=UTC).isoformat() if time else None  # the SDK's times are UTC and do not say so


def _unavailable(error: BaseException) -> StoreUnavailable:
    detail = error.details() if isinstance(error, grpc.aio.AioRpcError) else "no answer in time"
    return StoreUnavailable(f"the workflow engine is not available: {detail}", retry_after=1)
