"""Turns as Dapr workflow instances."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio
from dapr.ext.workflow import WorkflowStatus
from pydantic import JsonValue

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.ports import EngineState, EngineStatus
from travelbuddy.errors import StoreUnavailable
from travelbuddy.workflow.contracts import ADMITTED, TURN_WORKFLOW

TIMEOUT = 10.0
_STATES: dict[WorkflowStatus, EngineState] = {
    WorkflowStatus.COMPLETED: "completed",
    WorkflowStatus.FAILED: "failed",
    WorkflowStatus.TERMINATED: "terminated",
    WorkflowStatus.SUSPENDED: "suspended",
}
_STATUS_TRIES = 3


class DaprTurnEngine:
    """The TurnEngine port over the sidecar's workflow API."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar

    async def schedule(self, turn_id: str, payload: Mapping[str, JsonValue]) -> bool:
        """See TurnEngine. The engine refuses an id that is running, and starts an ended one anew."""
        workflows = self._sidecar.connection.workflows
        try:
            async with asyncio.timeout(TIMEOUT):
                await workflows.schedule_new_workflow(TURN_WORKFLOW, input=dict(payload), instance_id=turn_id)
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
                return _status(state)
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                if not left:
                    raise _unavailable(error) from error
                await asyncio.sleep(0.05)
        raise AssertionError("unreachable")

    async def wake(self, turn_id: str) -> None:
        """See TurnEngine. An event to an ended instance is dropped by the engine."""
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._sidecar.connection.workflows.raise_workflow_event(turn_id, ADMITTED)
        except grpc.aio.AioRpcError as error:
            if "no such instance" not in (error.details() or ""):
                raise _unavailable(error) from error
        except TimeoutError as late:
            raise _unavailable(late) from late


def _status(state: Any) -> EngineStatus:
    if state is None:
        return EngineStatus("missing")
    raw = state.serialized_input
    return EngineStatus(
        state=_STATES.get(state.runtime_status, "running"),
        progress=state.serialized_custom_status or "",
        input=json.loads(raw) if raw else None,
        created_at=_utc(state.created_at),
        updated_at=_utc(state.last_updated_at),
    )


def _utc(time: datetime | None) -> str | None:
    return time.replace(tzinfo=UTC).isoformat() if time else None  # the SDK's times are UTC and do not say so


def _unavailable(error: BaseException) -> StoreUnavailable:
    detail = error.details() if isinstance(error, grpc.aio.AioRpcError) else "no answer in time"
    return StoreUnavailable(f"the workflow engine is not available: {detail}", retry_after=1)
