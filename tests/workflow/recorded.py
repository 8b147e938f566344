"""Histories of real turns, kept as files: what turns that an earlier version has begun look like."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import dapr.ext.workflow._durabletask.internal.helpers as make
from dapr.ext.workflow._durabletask.internal import protos
from dapr.ext.workflow._durabletask.worker import _OrchestrationExecutor
from google.protobuf.json_format import MessageToDict, ParseDict
from tests.workflow.replay import Replay

FOLDER = Path(__file__).parent / "histories"
DECIDED = {"taskScheduled", "timerCreated", "executionCompleted"}
"""Events that tell what the workflow itself asked for; all others came to it from outside."""


def save(path: Path, events: Sequence[Any]) -> None:
    """Write a history, one event a line."""
    lines = ",\n".join(json.dumps(MessageToDict(event), ensure_ascii=False) for event in events)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def load(path: Path) -> list[Any]:
    """The events of a history."""
    return [ParseDict(event, protos.HistoryEvent()) for event in json.loads(path.read_text(encoding="utf-8"))]


def steps(events: Sequence[Any]) -> Iterator[tuple[list[Any], list[Any], list[Any]]]:
    """For each step of the workflow: the history before it, what came to it, and what it decided."""
    starts = [number for number, event in enumerate(events) if event.WhichOneof("eventType") == "workflowStarted"]
    for start, end in zip(starts, [*starts[1:], len(events)], strict=True):
        step = events[start:end]
        came = [event for event in step if event.WhichOneof("eventType") not in DECIDED]
        decided = [event for event in step if event.WhichOneof("eventType") in DECIDED]
        yield list(events[:start]), came, decided


class Resumed(Replay):
    """An instance that has come as far as ``history`` under an earlier version, and goes on under this one."""

    def __init__(self, history: Sequence[Any]) -> None:
        super().__init__(json.loads(_input(history)))
        self.asked, self.status = [], ""
        self._history = list(history)
        self._now = history[-1].timestamp.ToDatetime(UTC)
        self._pending = pending(history)

    def decide(self, before: int) -> list[Any]:
        """What the workflow asks for when all but the first ``before`` events of its history come to it at once."""
        executor = _OrchestrationExecutor(self._registry, logging.getLogger("replay"))
        return list(executor.execute("t", self._history[:before], self._history[before:]).actions)

    def waits_for(self) -> list[str]:
        """The activities that have been asked for and have not ended."""
        return [action.scheduleTask.name for action in self._pending if action.HasField("scheduleTask")]


def _input(history: Sequence[Any]) -> str:
    (started,) = [event.executionStarted for event in history if event.HasField("executionStarted")]
    return str(started.input.value)


def pending(history: Sequence[Any]) -> list[Any]:
    """What a history shows as asked for and not ended yet, as the actions it was asked for with."""
    asked: dict[int, Any] = {}
    for event in history:
        match event.WhichOneof("eventType"):
            case "taskScheduled":
                task = event.taskScheduled
                asked[event.eventId] = make.new_schedule_task_action(event.eventId, task.name, task.input.value)
            case "timerCreated":
                fire_at = event.timerCreated.fireAt.ToDatetime()
                asked[event.eventId] = make.new_create_timer_action(event.eventId, fire_at)
            case "taskCompleted":
                del asked[event.taskCompleted.taskScheduledId]
            case "taskFailed":
                del asked[event.taskFailed.taskScheduledId]
            case "timerFired":
                del asked[event.timerFired.timerId]
            case "eventRaised":  # ends the wait for it, whose timer is forgotten
                asked = {key: action for key, action in asked.items() if action.HasField("scheduleTask")}
    return list(asked.values())
