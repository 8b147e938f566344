"""The worker that executes turns: registered anew for every life of the sidecar, its activities on one event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

import structlog
from dapr.ext.workflow import DaprWorkflowContext, WorkflowActivityContext, WorkflowRuntime
from pydantic import BaseModel, JsonValue

from travelbuddy.telemetry import audit
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

_PAUSE = 0.5
_RUN_LOOP = "WorkerRunLoop"
"""The name the SDK gives to the thread that takes work."""
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
        self._running = False

    @property
    def running(self) -> bool:
        """True while the worker is connected to the sidecar and takes work."""
        return self._running

    async def run(self) -> None:
        """Take work until cancelled: for one life of the sidecar. A worker whose loop ends by itself is replaced."""
        while True:
            runtime = self._build(asyncio.get_running_loop())
            try:
                await asyncio.to_thread(runtime.start)
                self._running = True
                log.info("worker.started")
                await _until_dead(_run_loop_thread())
                log.error("worker.ended_by_itself")
            except RuntimeError as error:
                log.warning("worker.not_started", reason=str(error))
                await asyncio.sleep(_PAUSE)
            finally:
                self._running = False
                # It winds down in a thread of its own; what it had begun is run again by the engine.
                threading.Thread(target=runtime.shutdown, name="worker-shutdown", daemon=True).start()

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
    activity: Callable[[str, Input], Coroutine[Any, Any, BaseModel]],
) -> Callable[[WorkflowActivityContext, Payload], Awaitable[Payload]]:
    """The activity as the SDK wants it: JSON in, JSON out, executed on ``loop``."""

    async def execute(turn_id: str, payload: Payload) -> Payload:
        call = shape.model_validate(payload)
        audit.enter(f"workflow {activity.__name__}", _user_of(call))
        result = await activity(turn_id, call)
        return result.model_dump(mode="json", exclude_defaults=True)

    async def hop(ctx: WorkflowActivityContext, payload: Payload) -> Payload:
        future = asyncio.run_coroutine_threadsafe(execute(ctx.workflow_id, payload), loop)
        return await asyncio.wrap_future(future)

    return hop


def _user_of(call: BaseModel) -> str | None:
    return call.turn.user_id if isinstance(call, CallModelInput) else getattr(call, "user_id", None)


def _run_loop_thread() -> threading.Thread | None:
    """The thread of the youngest worker."""
    loops = [thread for thread in threading.enumerate() if thread.name == _RUN_LOOP]
    return max(loops, key=lambda thread: thread.native_id or 0, default=None)


async def _until_dead(thread: threading.Thread | None) -> None:
    while thread is not None and thread.is_alive():  # noqa: ASYNC110  a thread's end has no event to await
        await asyncio.sleep(_PAUSE)
