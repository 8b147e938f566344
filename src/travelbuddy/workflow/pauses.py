"""What comes to a paused workflow waits for its resumption; the notes of its own steps do not.

The SDK's executor keeps back both, and pauses too. A second pause that it kept back sends it round for ever once the
workflow is resumed, with all that runs on its event loop; and a step that was noted after the pause looks as if it had
not been asked for, is asked for again, and in the end fails the workflow as not deterministic. So it is shown a history
in which nobody paused anything, and what came meanwhile came with the resumption.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_NEWS = frozenset(
    {
        "eventRaised",
        "taskCompleted",
        "taskFailed",
        "timerFired",
        "childWorkflowInstanceCompleted",
        "childWorkflowInstanceFailed",
    }
)
"""Kinds of events that let a workflow go on. All others are notes, of its start and of what it has asked for."""


def without_pauses(past: Sequence[Any], new: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The same events without pauses and resumptions, each piece of news that came to a paused workflow right after.

    News of a workflow that is still paused is left out. The same history leads to the same order however often it is
    replayed, and wherever the past ends in it.
    """
    paused = False
    kept_back: list[Any] = []
    shown: list[list[Any]] = []
    for events in (past, new):
        let_through: list[Any] = []
        for event in events:
            kind = event.WhichOneof("eventType")
            if kind == "executionSuspended":
                paused = True
            elif kind == "executionResumed":
                let_through += kept_back
                paused, kept_back = False, []
            else:
                (kept_back if paused and kind in _NEWS else let_through).append(event)
        shown.append(let_through)
    return shown[0], shown[1]
