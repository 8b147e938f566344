"""Events in the order in which a workflow can understand them.

The engine's history may hold results of steps before the steps themselves.

The engine (daprd 1.18) hands a workflow's next steps out before it saves that it did. When the store refuses that save,
a step's result comes to a workflow that has not asked for it yet, and the SDK's executor ignores it. Asked for again,
the step is one that the sidecar knows it has run: no second result comes, and the workflow stands still.

And it may hold a result and the workflow's end, which somebody asked for, in one piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from travelbuddy.workflow.pauses import without_pauses


def in_order(past: Sequence[Any], new: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The same events with every early result right after its step was noted; at the end when it is not noted yet.

    Without pauses, and without what came to a workflow that is paused still.
    So a workflow meets each result when it waits for it, in this run and in every later one, whose past has both.
    """
    noted: set[int] = set()
    early: dict[int, Any] = {}
    ordered: list[list[Any]] = []
    for events in (past, new):
        kept: list[Any] = []
        for event in events:
            step = _step_of(event)
            if step is not None and step not in noted:
                early.setdefault(step, event)
                continue
            kept.append(event)
            if event.HasField("taskScheduled"):
                noted.add(event.eventId)
                if event.eventId in early:
                    kept.append(early.pop(event.eventId))
        ordered.append(kept)
    shown_past, shown_new = without_pauses(ordered[0], [*ordered[1], *early.values()])
    return shown_past, _to_the_end(shown_new)


def _to_the_end(new: list[Any]) -> list[Any]:
    """Of events with one that ends the workflow, that one and the start.

    A result that comes together with the end could let the workflow begin anew; then the end, which belongs to the run
    before, would be lost, and whoever asked for it would wait in vain.
    """
    ends = [event for event in new if event.HasField("executionTerminated")]
    starts = [event for event in new if event.HasField("workflowStarted") or event.HasField("executionStarted")]
    return [*starts, ends[0]] if ends else new


def _step_of(event: Any) -> int | None:
    """The id of the step whose result this event is."""
    for kind in ("taskCompleted", "taskFailed"):
        if event.HasField(kind):
            return int(getattr(event, kind).taskScheduledId)
    return None
