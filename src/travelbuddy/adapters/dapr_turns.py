"""Turns as Dapr workflow instances."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio
import structlog
from cachetools import TTLCache
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
from travelbuddy.workflow.contracts import ADMITTED, TURN_WORKFLOW
from travelbuddy.workflow.payloads import place_of

log = structlog.get_logger(__name__)

TIMEOUT = 10.0
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""A start that is due: the engine then answers when the instance is stored, else when the workflow has run already."""
_STATES: dict[WorkflowStatus, EngineState] = {
    WorkflowStatus.COMPLETED: "completed",
    WorkflowStatus.FAILED: "failed",
    WorkflowStatus.TERMINATED: "terminated",
    WorkflowStatus.SUSPENDED: "suspended",
}
_STATUS_TRIES = 3
_TORN = "missing from state store"
"""Part of what daprd says of a workflow whose records do not fit together: writes have overtaken each other."""
TORN_FOR = 10.0
"""Seconds after which a torn workflow counts as failed: a store that is just coming back may look so for a moment."""
_PURGE_TRIES = 30
_LIST_PAGE = 1000


class DaprTurnEngine:
    """The ports TurnEngine and Work over the sidecar's workflow API."""

    def __init__(
        self, sidecar: Sidecar, sealer: Sealer | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sidecar = sidecar
        self._sealer = sealer or Sealer()
        self._clock = clock
        self._torn_since: TTLCache[str, float] = TTLCache(1_000, 600)

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
                async with asyncio.timeout(TIMEOUT):
                    state = await self._sidecar.connection.workflows.get_workflow_state(turn_id)
                return _status(state, turn_id, self._sealer)
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                if not left and self._torn_for_good(turn_id, error):
                    return EngineStatus("failed")
                if not left:
                    raise _unavailable(error) from error
                await asyncio.sleep(0.05)
        raise AssertionError("unreachable")

    async def wake(self, turn_id: str) -> None:
        """See TurnEngine. An event to an ended instance is dropped by the engine; a torn one hears nothing."""
        try:
            with spans.engine("wake"):
                await _tell(self._sidecar.connection.workflows.raise_workflow_event(turn_id, ADMITTED))
        except StoreUnavailable as error:
            if _TORN not in str(error):
                raise
            log.warning("turn.torn", turn=turn_id, reason=str(error))

    async def tell(self, instance_id: str, event: str, data: JsonValue = None) -> bool:
        """See Work."""
        told = self._sealed(data, instance_id)
        return await _tell(self._sidecar.connection.workflows.raise_workflow_event(instance_id, event, data=told))

    def _sealed(self, data: Any, instance_id: str) -> Any:
        """What the engine may keep of this."""
        return self._sealer.seal(json.dumps(data), place_of(instance_id)) if self._sealer.seals else data

    def _torn_for_good(self, turn_id: str, error: BaseException) -> bool:
        """Whether no part of this workflow can run any more: its state has been unreadable for some time."""
        if not isinstance(error, grpc.aio.AioRpcError) or _TORN not in (error.details() or ""):
            return False
        torn_for = self._clock() - self._torn_since.setdefault(turn_id, self._clock())
        if torn_for < TORN_FOR:
            return False
        log.error("turn.torn", turn=turn_id, seconds=round(torn_for), reason=error.details())
        return True

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
