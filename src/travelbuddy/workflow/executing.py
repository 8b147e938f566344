"""Activities as they travel: JSON in, JSON out, each run known to the audit log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import structlog
from pydantic import BaseModel

from travelbuddy.domain.errands import errand_of
from travelbuddy.domain.turn import ModelResult, ToolResult
from travelbuddy.errors import StoreUnavailable
from travelbuddy.queue_waits import QueueWaits
from travelbuddy.telemetry import audit, spans
from travelbuddy.telemetry.turn_metrics import TurnMetrics
from travelbuddy.workflow.contracts import (
    AWAIT_TURN,
    CALL_MODEL,
    CALL_TOOL,
    PAUSE,
    AwaitTurnInput,
    CallModelInput,
    CallToolInput,
    OwnedPayload,
    PauseInput,
)

log = structlog.get_logger(__name__)

Execute = Callable[[str, str, Any], Awaitable[str]]
"""From the instance's id, the JSON input and the engine's request to the JSON output."""
Call = TypeVar("Call", CallModelInput, CallToolInput)
Asked = TypeVar("Asked", bound=OwnedPayload)
Result = TypeVar("Result", bound=BaseModel)


class TurnSteps(Protocol):
    """The two activities of a turn."""

    async def call_model(self, turn_id: str, call: CallModelInput) -> ModelResult:
        """See TurnActivities."""
        ...

    async def call_tool(self, turn_id: str, request: CallToolInput) -> ToolResult:
        """See TurnActivities."""
        ...


def turn_steps(steps: TurnSteps, metrics: TurnMetrics) -> dict[str, Execute]:
    """A turn's activities by name, known to its trace and measured as well."""
    return {
        CALL_MODEL: _step(CallModelInput, steps.call_model, metrics),
        CALL_TOOL: _step(CallToolInput, steps.call_tool, metrics),
    }


def waits(queue: QueueWaits) -> dict[str, Execute]:
    """The activities in which a turn waits, by name."""
    return {
        AWAIT_TURN: plain(AWAIT_TURN, AwaitTurnInput, queue.await_turn),
        PAUSE: plain(PAUSE, PauseInput, queue.pause),
    }


def plain(name: str, shape: type[Asked], run: Callable[[str, Asked], Awaitable[BaseModel | None]]) -> Execute:
    """An activity of work that lasts beyond a turn: from the instance's id and its input to its result."""

    async def execute(instance_id: str, payload: str, request: Any) -> str:
        asked = shape.model_validate_json(payload)
        audit.enter(f"workflow {name}", asked.user_id)
        result = await run(instance_id, asked)
        return result.model_dump_json(exclude_defaults=True) if result is not None else "null"

    return execute


def for_errand(
    run: Callable[[str, Asked], Awaitable[Result]], retry: Callable[[float | None], Result]
) -> Callable[[str, Asked], Awaitable[Result]]:
    """The activity for the errand that an instance belongs to; where the store is away, what ``retry`` makes of it."""

    async def patiently(instance_id: str, asked: Asked) -> Result:
        errand_id = errand_of(instance_id)
        try:
            return await run(errand_id, asked)
        except StoreUnavailable as down:
            log.warning("errand.store_unavailable", errand=errand_id, reason=str(down))
            return retry(down.retry_after)

    return patiently


def _step(
    shape: type[Call], step: Callable[[str, Call], Coroutine[Any, Any, ModelResult | ToolResult]], metrics: TurnMetrics
) -> Execute:
    name = step.__name__

    async def execute(instance_id: str, payload: str, request: Any) -> str:
        call = shape.model_validate_json(payload)
        turn_id = _turn_of(call) or instance_id
        audit.enter(f"workflow {name}", _user_of(call))
        link = request.parentTraceContext.traceParent
        with (
            metrics.activity(name) as came_to,
            spans.activity(name, turn_id, call, request.taskExecutionId, link) as span,
        ):
            result = await step(turn_id, call)
            spans.came_out(span, result)
            came_to(getattr(result, "kind", "done"))
        return result.model_dump_json(exclude_defaults=True)

    return execute


def _turn_of(call: CallModelInput | CallToolInput) -> str | None:
    """The turn that a successor carries on."""
    return call.turn.turn_id if isinstance(call, CallModelInput) else call.turn_id


def _user_of(call: CallModelInput | CallToolInput) -> str:
    return call.turn.user_id if isinstance(call, CallModelInput) else call.user_id
