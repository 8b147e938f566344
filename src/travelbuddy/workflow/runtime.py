"""The worker that executes turns: registered anew for every life of the sidecar, its activities on one event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

import structlog
from dapr.ext.workflow import DaprWorkflowContext, WorkflowActivityContext, WorkflowRuntime
from pydantic import BaseModel, JsonValue

from travelbuddy.telemetry.logging import sdk_logging
from travelbuddy.workflow.activities import TurnActivities
from travelbuddy.workflow.contracts import (
    CALL_MODEL,
    CALL_TOOL,
    TURN_WORKFLOW,
    CallModelInput,
    CallToolInput,
)
from travelbuddy.workflow.turn import turn

log = structlog.get_logger(__name__)

Payload = dict[str, JsonValue]
Input = TypeVar("Input", bound=BaseModel)


class WorkflowWorker:
    """Runs the turn workflow against a sidecar. Must be made and used on the service's event loop.

    The SDK executes activities on a loop of its own, in a thread of its own. Each activity here hops to the service's
    loop, so one set of clients and connections serves doors and activities alike.
    """

    def __init__(self, activities: TurnActivities, host: str, port: int) -> None:
        self._activities = activities
        self._host = host
        self._port = port
        self._runtime: WorkflowRuntime | None = None

    @property
    def running(self) -> bool:
        """True while the worker is connected to the sidecar and takes work."""
        return self._runtime is not None

    async def start(self) -> None:
        """Connect and take work; returns when the work stream is open."""
        runtime = self._build(asyncio.get_running_loop())
        await asyncio.to_thread(runtime.start)
        self._runtime = runtime
        log.info("worker.started")

    async def stop(self, *, wait: bool = False) -> None:
        """Take no more work. The old worker winds down in a thread; what it had begun is run again by the engine."""
        runtime, self._runtime = self._runtime, None
        if runtime is None:
            return
        thread = threading.Thread(target=runtime.shutdown, name="worker-shutdown", daemon=True)
        thread.start()
        if wait:
            await asyncio.to_thread(thread.join, 8)

    def _build(self, loop: asyncio.AbstractEventLoop) -> WorkflowRuntime:
        runtime = WorkflowRuntime(
            host=self._host, port=str(self._port), logger_options=sdk_logging(), maximum_thread_pool_workers=16
        )

        def run_turn(ctx: DaprWorkflowContext, payload: Payload) -> Generator[Any, Any, Payload]:
            return turn(ctx, payload)

        runtime.register_workflow(run_turn, name=TURN_WORKFLOW)
        model = _on_loop(loop, CallModelInput, self._activities.call_model)
        tool = _on_loop(loop, CallToolInput, self._activities.call_tool)
        runtime.register_activity(model, name=CALL_MODEL)
        runtime.register_activity(tool, name=CALL_TOOL)
        return runtime


def _on_loop(
    loop: asyncio.AbstractEventLoop,
    shape: type[Input],
    activity: Callable[[str, Input], Awaitable[BaseModel]],
) -> Callable[[WorkflowActivityContext, Payload], Awaitable[Payload]]:
    """The activity as the SDK wants it: JSON in, JSON out, executed on ``loop``."""

    async def execute(turn_id: str, payload: Payload) -> Payload:
        result = await activity(turn_id, shape.model_validate(payload))
        return result.model_dump(mode="json", exclude_defaults=True)

    async def hop(ctx: WorkflowActivityContext, payload: Payload) -> Payload:
        future = asyncio.run_coroutine_threadsafe(execute(ctx.workflow_id, payload), loop)
        return await asyncio.wrap_future(future)

    return hop
