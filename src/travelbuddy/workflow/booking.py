"""The booking: do what its record asks for now, and end. Deterministic, as every file with a generator.

It waits for nothing, neither a time nor an event (ARC-030): who decides, and when it is due, is in the record.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.task import Task, TaskFailedError  # not re-exported by dapr.ext.workflow
from pydantic import JsonValue

from travelbuddy.workflow.booking_payloads import (
    HOLD_OFFER,
    LOOK_AT_BOOKING,
    TELL_BOOKING,
    BookingInput,
    BookingResult,
    BookingStep,
)

Workflow = Generator["Task[Any]", Any, dict[str, JsonValue]]
Outcome = Generator["Task[Any]", Any, BookingResult]


def booking(ctx: DaprWorkflowContext, payload: dict[str, JsonValue]) -> Workflow:
    """Look at the record, hold the offer if it is approved, tell the outcome if there is one."""
    inp = BookingInput.model_validate(payload)
    step = yield from _done(ctx, LOOK_AT_BOOKING, inp)
    if step.kind == "hold":
        ctx.set_custom_status("holding the offer")
        step = yield from _done(ctx, HOLD_OFFER, inp)
    if step.kind == "tell":
        ctx.set_custom_status("telling")
        step = yield from _done(ctx, TELL_BOOKING, inp)
    ctx.set_custom_status("over" if step.kind == "over" else "not due yet")
    return {}


def _done(ctx: DaprWorkflowContext, activity: str, inp: BookingInput) -> Outcome:
    """Run the activity. One that broke down is tried again by another instance, as long as the job is due."""
    try:
        call = BookingStep(user_id=inp.user_id).wire()
        return BookingResult.model_validate((yield ctx.call_activity(activity, input=call)))
    except TaskFailedError:
        return BookingResult(kind="retry")
