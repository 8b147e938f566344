"""Runs the turn workflow as the runtime does: the SDK's own executor, the whole history replayed at every step."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dapr.ext.workflow._durabletask.internal.helpers as make
from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.internal.protos import (
    ORCHESTRATION_STATUS_CONTINUED_AS_NEW,
    ORCHESTRATION_STATUS_TERMINATED,
    HistoryEvent,
)
from dapr.ext.workflow._durabletask.worker import _OrchestrationExecutor, _Registry

from travelbuddy.sealing import Sealer
from travelbuddy.workflow.contracts import AWAIT_TURN, PAUSE, TURN_WORKFLOW
from travelbuddy.workflow.early import in_order
from travelbuddy.workflow.payloads import failure_of, open_events, place_of, seal_actions, seal_json
from travelbuddy.workflow.runtime import Workflow
from travelbuddy.workflow.turn import turn

START = datetime(2026, 1, 1, tzinfo=UTC)


class Replay:
    """One instance. Each method adds what happened, replays everything, and notes what the workflow asks for next.

    With a ``sealer`` the history is kept sealed, and opened for each replay.
    """

    def __init__(
        self,
        payload: Mapping[str, Any],
        sealer: Sealer | None = None,
        *,
        name: str = TURN_WORKFLOW,
        workflow: Workflow = turn,
    ) -> None:
        self.sealer = sealer or Sealer()
        registry = _Registry()
        registry.add_named_orchestrator(name, lambda ctx, inp: workflow(DaprWorkflowContext(ctx), inp))
        self._registry = registry
        self._history: list[Any] = []
        self._now = START
        self.asked: list[tuple[str, Any]] = []
        self.output: dict[str, Any] | None = None
        self.continued: dict[str, Any] | None = None
        self.failed = self.ended = False
        self.failure = ""
        self.status = ""
        self._pending: list[Any] = []
        self._advance(make.new_execution_started_event(name, "t", self._sealed(payload)))

    def complete(self, *results: Mapping[str, Any]) -> None:
        """The pending activities end with these results, in the order they were scheduled."""
        tasks = [action for action in self._pending if action.HasField("scheduleTask")]
        assert len(tasks) == len(results)
        self._pending = [action for action in self._pending if action not in tasks]
        done = zip(tasks, results, strict=True)
        self._advance(*(make.new_task_completed_event(action.id, self._sealed(r)) for action, r in done))

    def early(self, step: int, result: Mapping[str, Any]) -> None:
        """The result comes of a step that was handed out, but whose being asked for was not saved."""
        self._advance(make.new_task_completed_event(step, self._sealed(result)))

    def break_down(self) -> None:
        """The pending activity raises."""
        task = self._only_task()
        failed = make.new_task_failed_event(task.id, RuntimeError("broken"))
        failed.taskFailed.failureDetails.CopyFrom(failure_of(RuntimeError("broken"), "t", self.sealer))
        self._advance(failed)

    def complete_and_end(self, result: Mapping[str, Any]) -> None:
        """The pending activity ends while somebody ends the workflow; the engine tells both at once."""
        self._complete_with(result, make.new_terminated_event())

    def complete_and_pause(self, result: Mapping[str, Any]) -> None:
        """The pending activity ends while somebody pauses the workflow."""
        self._complete_with(result, make.new_suspend_event())

    def waited(self) -> float:
        """The pending activity in which the turn waits ends; returns the seconds that a pause was to last, else 0."""
        task = self._only_task()
        name, wait = task.scheduleTask.name, self._read(task.scheduleTask.input.value)
        assert name in {AWAIT_TURN, PAUSE}
        seconds = 0.0
        if name == PAUSE:
            until = datetime.fromisoformat(wait["until"])
            seconds, self._now = (until - self._now).total_seconds(), until
        self._advance(make.new_task_completed_event(task.id, seal_json("null", place_of("t"), self.sealer)))
        return seconds

    def pause(self) -> None:
        """Somebody holds the workflow."""
        self._advance(make.new_suspend_event())

    def resume(self) -> None:
        """Somebody lets it go on."""
        self._advance(make.new_resume_event())

    def time_passes(self) -> float:
        """The pending timer fires; returns the seconds it ran."""
        timer = [action for action in self._pending if action.HasField("createTimer")][-1]
        self._pending.remove(timer)
        fire_at = timer.createTimer.fireAt.ToDatetime(UTC)
        seconds = (fire_at - self._now).total_seconds()
        self._now = fire_at
        self._advance(make.new_timer_fired_event(timer.id, fire_at.replace(tzinfo=None)))
        return float(seconds)

    @property
    def now(self) -> datetime:
        """The time as the history has it."""
        return self._now

    @property
    def next(self) -> list[str]:
        """What the workflow waits for: activity names, ``timer``."""
        return [name for name, _ in self.asked]

    def _only_task(self) -> Any:
        """The one pending activity, which ends now."""
        (task,) = [action for action in self._pending if action.HasField("scheduleTask")]
        self._pending.remove(task)
        return task

    def _complete_with(self, result: Mapping[str, Any], event: Any) -> None:
        task = self._only_task()
        self._advance(make.new_task_completed_event(task.id, self._sealed(result)), event)

    def _advance(self, *events: Any) -> None:
        self._now += timedelta(milliseconds=1)
        new = [make.new_workflow_started_event(self._now.replace(tzinfo=None)), *events]
        executor = _OrchestrationExecutor(self._registry, logging.getLogger("replay"))
        result = executor.execute("t", *in_order(self._opened(self._history), self._opened(new)))
        seal_actions(result.actions, "t", self.sealer)
        self._history += new
        self.status = result.encoded_custom_status or ""
        self.asked = []
        self._pending += result.actions
        for action in result.actions:
            self._take(action)

    def _take(self, action: Any) -> None:
        if action.HasField("scheduleTask"):
            task = action.scheduleTask
            self.asked.append((task.name, self._read(task.input.value)))
            self._history.append(make.new_task_scheduled_event(action.id, task.name, task.input.value))
        elif action.HasField("createTimer"):
            fire_at = action.createTimer.fireAt.ToDatetime()
            self.asked.append(("timer", None))
            self._history.append(make.new_timer_created_event(action.id, fire_at))
        elif action.HasField("completeWorkflow"):
            done = action.completeWorkflow
            if done.workflowStatus == ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
                self.continued = self._read(done.result.value)
                return
            self.ended = bool(done.workflowStatus == ORCHESTRATION_STATUS_TERMINATED)
            self.failed = done.HasField("failureDetails")
            self.failure = done.failureDetails.errorMessage
            self.output = self._read(done.result.value) if done.result.value else None

    def _sealed(self, payload: Mapping[str, Any]) -> str:
        return seal_json(json.dumps(dict(payload)), place_of("t"), self.sealer)

    def _opened(self, events: list[Any]) -> list[Any]:
        """Copies, as the engine sends them at every step."""
        sent = [HistoryEvent.FromString(event.SerializeToString()) for event in events]
        open_events(sent, "t", self.sealer)
        return sent

    def _read(self, payload: str) -> Any:
        return json.loads(self.sealer.open(payload, place_of("t")))
