"""The fare watch: take one look, tell what it found, and end. Deterministic, as every file with a generator.

It waits for nothing, neither a time nor an event (ARC-030): when the next look is due is in the record.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.task import Task, TaskFailedError  # not re-exported by dapr.ext.workflow
from pydantic import JsonValue

from travelbuddy.workflow.watch_payloads import (
    CHECK_FARE,
    END_WATCH,
    SEND_WEBHOOK,
    TELL_FARE,
    LookInput,
    LookResult,
    WatchInput,
)

NEXT = {"tell": TELL_FARE, "webhook": SEND_WEBHOOK, "end": END_WATCH}
"""What is done next, by the result of the activity before."""
Workflow = Generator["Task[Any]", Any, dict[str, JsonValue]]
Outcome = Generator["Task[Any]", Any, LookResult]


def fare_watch(ctx: DaprWorkflowContext, payload: dict[str, JsonValue]) -> Workflow:
    """One look with what follows from it, or what an earlier one has left to tell."""
    inp = WatchInput.model_validate(payload)
    ctx.set_custom_status(f"looking (number {inp.number})")
    came = yield from _done(ctx, CHECK_FARE, inp)
    while (activity := NEXT.get(came.kind)) is not None:
        ctx.set_custom_status(f"telling (number {inp.number})")
        came = yield from _done(ctx, activity, inp)
    ctx.set_custom_status("over" if came.kind == "over" else f"looked (number {inp.number})")
    return {"looks": inp.number}


def _done(ctx: DaprWorkflowContext, activity: str, inp: WatchInput) -> Outcome:
    """Run the activity. One that broke down is tried again by another instance, as long as the job is due."""
    try:
        call = LookInput(user_id=inp.user_id, number=inp.number).wire()
        return LookResult.model_validate((yield ctx.call_activity(activity, input=call)))
    except TaskFailedError:
        return LookResult(kind="retry")
