"""Payloads at the wire of the workflow engine: opened as they come in, sealed as they go out.

Dapr keeps what a workflow is told and what it says readable, in its history and in the scheduler's jobs. So nothing
readable is handed to it. Every payload is bound to its workflow instance.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dapr.ext.workflow._durabletask.internal import helpers as make

from travelbuddy.errors import CannotOpen
from travelbuddy.sealing import Sealer

_EVENTS = {
    "executionStarted": "input",
    "taskCompleted": "result",
    "eventRaised": "input",
    "executionTerminated": "input",
}
"""Where an event that the executor reads has its payload."""
_ACTIONS = {"scheduleTask": "input", "completeWorkflow": "result"}
_WITHOUT_PAYLOAD = {"createTimer", "workflowVersionNotAvailable"}


def place_of(turn_id: str) -> str:
    """What payloads of this instance are bound to."""
    return f"workflow:{turn_id}"


def open_events(events: Iterable[Any], turn_id: str, sealer: Sealer) -> None:
    """Make the payloads of these history events readable, in place. Raises CannotOpen."""
    place = place_of(turn_id)
    for event in events:
        kind = event.WhichOneof("eventType")
        if (field := _EVENTS.get(kind)) is not None:
            said = getattr(event, kind)
            if said.HasField(field):
                payload = getattr(said, field)
                payload.value = sealer.open(payload.value, place)
        elif kind == "taskFailed":
            failure = event.taskFailed.failureDetails
            failure.errorMessage = sealer.open(failure.errorMessage, place)


def seal_actions(actions: Iterable[Any], turn_id: str, sealer: Sealer, *, end: bool = True) -> None:
    """Make the payloads of these actions unreadable, in place. One nobody has thought of is refused, not let out.

    Without ``end`` what the workflow says at its end stays as it is, for another app to read.
    """
    place = place_of(turn_id)
    for action in actions if sealer.seals else ():
        kind = action.WhichOneof("workflowActionType")
        if kind in _WITHOUT_PAYLOAD or (kind == "completeWorkflow" and not end):
            continue
        told, field = getattr(action, kind), _ACTIONS[kind]
        if told.HasField(field):
            payload = getattr(told, field)
            payload.value = seal_json(payload.value, place, sealer)
        if kind == "completeWorkflow":
            _seal_end(told, place, sealer)


def _seal_end(end: Any, place: str, sealer: Sealer) -> None:
    """The failure that a workflow ends with, and the events it takes along when it continues as new."""
    if end.HasField("failureDetails"):
        end.failureDetails.errorMessage = sealer.seal(end.failureDetails.errorMessage, place)
    for event in end.carryoverEvents:
        if event.eventRaised.HasField("input"):
            event.eventRaised.input.value = seal_json(event.eventRaised.input.value, place, sealer)


def seal_json(text: str, place: str, sealer: Sealer) -> str:
    """JSON, sealed into a JSON string."""
    return f'"{sealer.seal(text, place)}"' if sealer.seals else text


def failure_of(error: Exception, turn_id: str, sealer: Sealer) -> Any:
    """An exception as the engine keeps it. Its message may quote what people wrote; a missing key's does not."""
    details = make.new_failure_details(error)
    if not isinstance(error, CannotOpen):
        details.errorMessage = sealer.seal(details.errorMessage, place_of(turn_id))
    return details
