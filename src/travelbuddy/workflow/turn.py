"""The turn: one message in, one committed reply out. Deterministic: no clock, id, setting or I/O in this file."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext, when_all
from dapr.ext.workflow._durabletask.task import Task, TaskFailedError  # not re-exported by dapr.ext.workflow
from pydantic import JsonValue

from travelbuddy.domain.messages import ToolCall
from travelbuddy.domain.steps import finished_step
from travelbuddy.domain.turn import (
    AwaitTurn,
    Backoff,
    CallModel,
    CallTools,
    Finish,
    ModelResult,
    StartOver,
    ToolResult,
    TurnState,
    fold_model,
    fold_tools,
    next_step,
    waited,
)
from travelbuddy.workflow.contracts import (
    ADMITTED,
    CALL_MODEL,
    CALL_TOOL,
    CallModelInput,
    CallToolInput,
    TurnInput,
    TurnOutput,
)
from travelbuddy.workflow.waits import event_or_timeout, now

Workflow = Generator["Task[Any]", Any, dict[str, JsonValue]]


def turn(ctx: DaprWorkflowContext, payload: dict[str, JsonValue]) -> Workflow:
    """Loop over ``next_step`` until the reply is committed; each branch is one durable wait."""
    inp = TurnInput.model_validate(payload)
    state = TurnState(limits=inp.limits)
    while True:
        step = next_step(state)
        match step:
            case CallModel():
                ctx.set_custom_status(f"thinking (step {step.step}, attempt {step.attempt})")
                state = fold_model(state, (yield from _call_model(ctx, inp, step, state)))
            case CallTools():
                ctx.set_custom_status("using " + ", ".join(call.name for call in step.calls))
                results = yield when_all([_call_tool(ctx, inp, call, state) for call in step.calls])
                state = fold_tools(state, [ToolResult.model_validate(result) for result in results])
            case AwaitTurn():
                ctx.set_custom_status(f"queued (position {step.position})")
                yield from event_or_timeout(ctx, ADMITTED, step.seconds)
                state = waited(state)
            case Backoff():
                ctx.set_custom_status(f"waiting {step.seconds:g} s for the {step.trouble}")
                yield ctx.create_timer(timedelta(seconds=step.seconds))
                state = waited(state)
            case StartOver():
                ctx.continue_as_new(payload, save_events=True)
                return {}
            case Finish():
                ctx.set_custom_status(step.outcome)
                message = step.message
                return TurnOutput(content=message.content, outcome=step.outcome, metadata=message.metadata).wire()


def _call_model(
    ctx: DaprWorkflowContext, inp: TurnInput, step: CallModel, state: TurnState
) -> Generator[Task[Any], Any, ModelResult]:
    """Run ``call_model``; an execution that broke down counts as a failed attempt, the last one is fatal."""
    asked_at = now(ctx)
    call = CallModelInput(
        turn=inp,
        step=step.step,
        attempt=step.attempt,
        last_step=step.last_step,
        last_attempt=step.last_attempt,
        messages=state.messages,
        timeline=state.timeline,
        asked_at=asked_at,
    )
    try:
        return ModelResult.model_validate((yield ctx.call_activity(CALL_MODEL, input=call.wire())))
    except TaskFailedError as broken:
        if step.last_attempt:
            raise
        error = f"the activity broke down ({broken.details.error_type})"
        note = finished_step(CALL_MODEL, asked_at, now(ctx), attempt=step.attempt, error=error)
        return ModelResult(kind="retry", step=note)


def _call_tool(ctx: DaprWorkflowContext, inp: TurnInput, call: ToolCall, state: TurnState) -> Task[Any]:
    """Start one tool call; a tool's trouble comes back as its result, so waiting for all never fails early."""
    request = CallToolInput(
        user_id=inp.user_id,
        session_id=inp.session_id,
        call=call,
        step=state.step,
        follower=inp.follower,
        user_version=state.last.user_version if state.last is not None else None,
        tools=inp.tools,
        trace=inp.trace,
        asked_at=now(ctx),
    )
    return ctx.call_activity(CALL_TOOL, input=request.wire())
