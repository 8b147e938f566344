"""The booking: wait for the decision, hold the offer, tell. Deterministic, as every file with a generator."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.task import Task, TaskFailedError  # not re-exported by dapr.ext.workflow
from pydantic import JsonValue

from travelbuddy.workflow.booking_payloads import (
    DECIDED,
    HOLD_OFFER,
    LOOK_AT_BOOKING,
    TELL_BOOKING,
    BookingInput,
    BookingResult,
    BookingStep,
)
from travelbuddy.workflow.waits import event_or_timeout

SAFETY = 900.0
"""Seconds after which a booking looks for a decision although nobody told of one: its door may have died."""
ATTEMPTS = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 600.0
Workflow = Generator["Task[Any]", Any, dict[str, JsonValue]]
Outcome = Generator["Task[Any]", Any, BookingResult]


def booking(ctx: DaprWorkflowContext, payload: dict[str, JsonValue]) -> Workflow:
    """Look at the record and do what it asks for; each wait for a decision is one life of the instance."""
    inp = BookingInput.model_validate(payload)
    step = yield from _done(ctx, LOOK_AT_BOOKING, inp)
    if step.kind == "wait":
        ctx.set_custom_status("waiting for a decision")
        yield from event_or_timeout(ctx, DECIDED, max(min(step.seconds or SAFETY, SAFETY), 0.0))
        ctx.continue_as_new(payload, save_events=True)
        return {}
    if step.kind == "hold":
        ctx.set_custom_status("holding the offer")
        step = yield from _done(ctx, HOLD_OFFER, inp)
    if step.kind == "tell":
        ctx.set_custom_status("telling")
        yield from _done(ctx, TELL_BOOKING, inp)
    ctx.set_custom_status("over")
    return {}


def pause(attempt: int, asked: float | None = None) -> float:
    """Seconds to wait after this attempt: twice as long each time; a time that the other side named is honoured."""
    return min(max(_FIRST_PAUSE * 2.0 ** min(attempt - 1, 20), asked or 0), _LONGEST_PAUSE)


def _done(ctx: DaprWorkflowContext, activity: str, inp: BookingInput) -> Outcome:
    """Run the activity until it says something else than to try again. One that broke down is an attempt.

    The last of the attempts is told so, and makes an end where it can; while the store is away it cannot, and goes on.
    """
    attempt = 0
    while True:
        attempt += 1
        call = BookingStep(user_id=inp.user_id, last_attempt=attempt >= ATTEMPTS)
        try:
            result = BookingResult.model_validate((yield ctx.call_activity(activity, input=call.wire())))
        except TaskFailedError:
            result = BookingResult(kind="retry")
        if result.kind != "retry":
            return result
        yield ctx.create_timer(timedelta(seconds=pause(attempt, result.seconds)))
