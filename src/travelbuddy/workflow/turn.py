"""The turn: one message in, one committed reply out. Deterministic: no clock, id, setting or I/O in this file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext, when_all
from dapr.ext.workflow._durabletask.task import Task, TaskFailedError  # not re-exported by dapr.ext.workflow
from pydantic import JsonValue

from travelbuddy.domain.messages import ToolCall
from travelbuddy.domain.patience import waiting
from travelbuddy.domain.steps import finished_step
from travelbuddy.domain.turn import (
    MAX_DEFECTS,
    AwaitTurn,
    Backoff,
    CallModel,
    CallTools,
    Finish,
    ModelResult,
    Progress,
    StartOver,
    ToolResult,
    TurnState,
    fold_model,
    fold_tools,
    next_step,
    waited,
)
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
    TurnInput,
    TurnOutput,
)
from travelbuddy.workflow.waits import now

LONGEST_PAUSE = 300.0
"""Seconds of one pause; a longer wait is made up of several."""
Workflow = Generator["Task[Any]", Any, dict[str, JsonValue]]


def turn(ctx: DaprWorkflowContext, payload: dict[str, JsonValue]) -> Workflow:
    """Loop over ``next_step`` until the reply is committed; each branch is one durable wait, for an activity.

    It has no durable timer and waits for no event: where both can meet in one instance, Dapr may lose it (ARC-029).
    """
    inp = TurnInput.model_validate(payload)
    state = TurnState(inp.limits, inp.so_far or Progress())
    while True:
        step = next_step(state)
        match step:
            case CallModel():
                ctx.set_custom_status(f"thinking (step {step.step}, attempt {step.attempt})")
                state = fold_model(state, (yield from _call_model(ctx, inp, step, state)))
            case CallTools():
                ctx.set_custom_status("using " + ", ".join(call.name for call in step.calls))
                calls = [_call_tool(ctx, inp, call, place, state) for place, call in enumerate(step.calls)]
                results = yield when_all(calls)
                state = fold_tools(state, [ToolResult.model_validate(result) for result in results])
            case AwaitTurn():
                ctx.set_custom_status(f"queued (position {step.position})")
                yield from _wait(ctx, AWAIT_TURN, _queued(ctx, inp, step))
                state = waited(state)
            case Backoff():
                ctx.set_custom_status(waiting(step.trouble, step.seconds, step.since))
                for until in _pauses(now(ctx), step.seconds):
                    yield from _wait(ctx, PAUSE, PauseInput(user_id=inp.user_id, until=until))
                state = waited(state)
            case StartOver():
                ctx.continue_as_new(inp.model_copy(update={"so_far": state.progress}).wire(), save_events=False)
                return {}
            case Finish():
                ctx.set_custom_status(step.outcome)
                message = step.message
                return TurnOutput(content=message.content, outcome=step.outcome, metadata=message.metadata).wire()


def _wait(ctx: DaprWorkflowContext, activity: str, wait: OwnedPayload) -> Generator[Task[Any], Any, None]:
    """Wait inside an activity; one that broke down has waited too: the turn looks where it stands either way."""
    with suppress(TaskFailedError):
        yield ctx.call_activity(activity, input=wait.wire())


def _pauses(begins: datetime, seconds: float) -> Iterator[datetime]:
    """Ends of the pauses that make up a wait; how many there are depends on nothing but its length."""
    for number in range(1, ceil(seconds / LONGEST_PAUSE) + 1):
        yield begins + timedelta(seconds=min(number * LONGEST_PAUSE, seconds))


def _queued(ctx: DaprWorkflowContext, inp: TurnInput, step: AwaitTurn) -> AwaitTurnInput:
    turn_id = inp.turn(ctx.instance_id)
    return AwaitTurnInput(user_id=inp.user_id, session_id=inp.session_id, turn_id=turn_id, position=step.position)


def _call_model(
    ctx: DaprWorkflowContext, inp: TurnInput, step: CallModel, state: TurnState
) -> Generator[Task[Any], Any, ModelResult]:
    """Run ``call_model``; an execution that broke down is tried again, MAX_DEFECTS times in a row."""
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
        away_since=state.progress.away_since,
    )
    try:
        return ModelResult.model_validate((yield ctx.call_activity(CALL_MODEL, input=call.wire())))
    except TaskFailedError as broken:
        if step.last_attempt or state.progress.defects + 1 >= MAX_DEFECTS:
            raise
        error = f"the activity broke down ({broken.details.error_type})"
        note = finished_step(CALL_MODEL, asked_at, now(ctx), attempt=step.attempt, error=error)
        return ModelResult(kind="retry", trouble="defect", step=note)


def _call_tool(ctx: DaprWorkflowContext, inp: TurnInput, call: ToolCall, place: int, state: TurnState) -> Task[Any]:
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
        turn_id=inp.turn_id,
        place=place,
    )
    return ctx.call_activity(CALL_TOOL, input=request.wire())
