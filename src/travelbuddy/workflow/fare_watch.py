"""The fare watch: wait until a look is due, look, tell, begin anew. Deterministic, as every file with a generator.

Each look is one life of the instance: ``continue_as_new`` leaves its history behind, so that it is as short after weeks
as on the first day.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.task import Task, TaskFailedError  # not re-exported by dapr.ext.workflow
from pydantic import JsonValue

from travelbuddy.workflow.waits import now
from travelbuddy.workflow.watch_payloads import (
    CHECK_FARE,
    END_WATCH,
    SEND_WEBHOOK,
    TELL_FARE,
    LookInput,
    LookResult,
    WatchInput,
)

ATTEMPTS = 5
_FIRST_PAUSE, _GROWTH, _PART = 5.0, 6.0, 8
"""Seconds before the second attempt, how much longer each further one waits, and of a period the part it may take."""
Workflow = Generator["Task[Any]", Any, dict[str, JsonValue]]
Outcome = Generator["Task[Any]", Any, LookResult | None]


def fare_watch(ctx: DaprWorkflowContext, payload: dict[str, JsonValue]) -> Workflow:
    """One look; what could not be told, for the store was away all the while, is tried again in the next life."""
    inp = WatchInput.model_validate(payload)
    if (wait := inp.due - now(ctx)) > timedelta():
        ctx.set_custom_status(f"waiting until {inp.due.isoformat(timespec='seconds')}")
        yield ctx.create_timer(wait)
    if inp.ending:
        ended = yield from _attempts(ctx, END_WATCH, inp)
        return _leave(ctx, inp) if ended is not None else _again(ctx, inp)
    ctx.set_custom_status(f"looking (number {inp.number})")
    look = yield from _attempts(ctx, CHECK_FARE, inp)
    if look is not None and look.kind == "over":
        return _leave(ctx, inp)
    if look is not None and look.kind == "tell":
        told = yield from _attempts(ctx, TELL_FARE, inp)
        if told is None:
            return _again(ctx, inp)
        if told.kind == "webhook":
            yield from _attempts(ctx, SEND_WEBHOOK, inp)
    return _again(ctx, inp.after(now(ctx)))


def pause(attempt: int, every: float, asked: float | None = None) -> float:
    """Seconds to wait after this attempt: longer each time, but all of them together leave a part of the period."""
    return min(max(_FIRST_PAUSE * _GROWTH ** (attempt - 1), asked or 0), every / _PART)


def _attempts(ctx: DaprWorkflowContext, activity: str, inp: WatchInput) -> Outcome:
    """Run the activity until it is done; None when it is not after all attempts. One that broke down is an attempt."""
    for attempt in range(1, ATTEMPTS + 1):
        call = LookInput(user_id=inp.user_id, number=inp.number, last_attempt=attempt == ATTEMPTS)
        try:
            result = LookResult.model_validate((yield ctx.call_activity(activity, input=call.wire())))
        except TaskFailedError:
            result = LookResult(kind="retry")
        if result.kind != "retry":
            return result
        yield ctx.create_timer(timedelta(seconds=pause(attempt, inp.every, result.retry_after)))
    return None


def _again(ctx: DaprWorkflowContext, inp: WatchInput) -> dict[str, JsonValue]:
    ctx.continue_as_new(inp.wire(), save_events=False)
    return {}


def _leave(ctx: DaprWorkflowContext, inp: WatchInput) -> dict[str, JsonValue]:
    ctx.set_custom_status("over")
    return {"looks": inp.number}
