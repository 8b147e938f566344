"""The workflow that other agents call, replayed after every step."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

import dapr.ext.workflow._durabletask.internal.helpers as make
import pytest
from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.internal import protos
from dapr.ext.workflow._durabletask.worker import _Registry
from tests.workflow.replay import START, Replay

from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.incoming import Incoming
from travelbuddy.sealing import Sealer
from travelbuddy.turns import Accepted
from travelbuddy.workflow.calling import is_called
from travelbuddy.workflow.payloads import seal_actions
from travelbuddy.workflow.team import MAX_ASKS, NOT_TAKEN, STILL_AT_WORK, team_task
from travelbuddy.workflow.team_activities import TeamActivities
from travelbuddy.workflow.team_payloads import ACCEPT_TASK, AWAIT_REPLY, TEAM_WORKFLOW, AcceptTask

ASKED = {"task": "To Paris", "_message_metadata": {"source": "Coordinator"}}
ACCEPTED = {"turn_id": "u1-k2"}


def _parent(run: str = "run", execution: str = "e", step: int = 4) -> Any:
    workflow = protos.WorkflowInstance(instanceId=run, executionId=make.get_string_value(execution))
    return protos.ParentInstanceInfo(taskScheduledId=step, workflowInstance=workflow, appID="planner")


class TeamReplay(Replay):
    """One call, by a step of another app's workflow unless ``parent`` is None."""

    def __init__(self, payload: Any, parent: Any = None, instance_id: str = "t") -> None:
        self.sealer = Sealer()
        self._registry = _Registry()
        self._registry.add_named_orchestrator(TEAM_WORKFLOW, lambda ctx, inp: team_task(DaprWorkflowContext(ctx), inp))
        self._history, self._pending, self._now = [], [], START
        self.asked, self.output, self.continued, self.failed = [], None, None, False
        self.failure = self.status = ""
        started = make.new_execution_started_event(TEAM_WORKFLOW, instance_id, json.dumps(payload))
        if parent is not None:
            started.executionStarted.parentInstance.CopyFrom(parent)
        self._advance(started)

    def _opened(self, events: list[Any]) -> list[Any]:
        sent = super()._opened(events)
        is_called(sent)
        return sent

    @property
    def task(self) -> Mapping[str, Any]:
        """What ``accept_task`` is asked."""
        ((name, payload),) = self.asked
        assert name == ACCEPT_TASK
        return dict(payload)

    @property
    def waits(self) -> float:
        """Seconds from now until the activity that is asked for does something."""
        ((_, payload),) = self.asked
        return float(payload.get("after", 0.0)) - self.now.timestamp()


def _said(replay: Replay) -> str:
    assert not replay.failed, replay.failure
    assert replay.output is not None
    assert (replay.output["role"], replay.output["name"]) == ("assistant", "TravelBuddy")
    return str(replay.output["content"])


def test_a_task_becomes_one_turn_and_its_reply_the_output() -> None:
    """Accepted once, waited for, and the reply is an assistant message; each step is asked for once."""
    replay = TeamReplay(ASKED, _parent())
    assert replay.task["user_id"] == "agent-Coordinator"
    assert replay.task["text"] == "To Paris"
    replay.complete(ACCEPTED)
    assert replay.asked == [(AWAIT_REPLY, {"user_id": "agent-Coordinator", "turn_id": "u1-k2"})]
    assert replay.status == "turn u1-k2"
    replay.complete({"reply": "Three flights"})
    assert _said(replay) == "Three flights"


def test_the_same_step_of_a_caller_is_the_same_turn_whatever_id_it_gives_its_child() -> None:
    """dapr-agents draws a child's id anew at each replay: what counts is which step of which run calls."""
    one, again = TeamReplay(ASKED, _parent(), "one").task, TeamReplay(ASKED, _parent(), "another").task
    assert one == again
    keys = {
        TeamReplay(ASKED, parent).task["key"]
        for parent in (_parent(), _parent(step=5), _parent(run="other"), _parent(execution="restarted"))
    }
    assert len(keys) == 4, "another step, run or restart is another call"


def test_calls_of_one_run_share_a_conversation() -> None:
    """Every call of a run is in one session; another run, and another user in the same run, has one of its own."""
    session = TeamReplay(ASKED, _parent()).task["session_id"]
    assert session.startswith("team-")
    assert TeamReplay({**ASKED, "task": "And back?"}, _parent(step=9)).task["session_id"] == session
    assert TeamReplay(ASKED, _parent(run="other")).task["session_id"] != session
    mallory = {**ASKED, "_message_metadata": {"user_id": "mallory"}}
    assert TeamReplay(mallory, _parent()).task["session_id"] != session


def test_who_calls_is_the_engines_word_alone() -> None:
    """What a caller writes about itself into the input is thrown away."""
    forged = {**ASKED, "_caller": {"app_id": "planner", "instance_id": "run", "call": "e|4"}}
    assert TeamReplay(forged).task["key"] != TeamReplay(ASKED, _parent()).task["key"]
    assert TeamReplay(forged, _parent(run="mine")).task == TeamReplay(ASKED, _parent(run="mine")).task


def test_a_user_and_a_session_may_be_named() -> None:
    """Whoever calls for a person says so in the metadata, and is in that person's conversation on every run."""
    named = {"task": "Hi", "_message_metadata": {"source": "C", "user_id": "ada", "session_id": "trip-7"}}
    for parent in (_parent(), _parent(run="later"), None):
        task = TeamReplay(named, parent).task
        assert (task["user_id"], task["session_id"]) == ("ada", "trip-7")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (None, "task"),
        ("To Paris", "task"),
        ({}, "task"),
        ({"task": "  "}, "task"),
        ({"task": 7}, "task"),
        ({"task": "x" * 20_001}, "task"),
        ({"task": "half \ud83d"}, "task"),
        ({"task": "Hi", "_message_metadata": {"user_id": "a/b"}}, "_message_metadata.user_id"),
        ({"task": "Hi", "_message_metadata": {"session_id": ["s"]}}, "_message_metadata.session_id"),
        ({"task": "Hi", "_message_metadata": {"source": "x" * 200}}, "_message_metadata.source"),
    ],
)
def test_a_task_that_makes_no_sense_is_answered_not_failed(payload: Any, field: str) -> None:
    """The reply names the field and the fix; nothing is accepted, and the caller's run goes on."""
    replay = TeamReplay(payload, _parent())
    assert f"{field}: " in _said(replay)
    assert replay.asked == []


def test_a_refusal_is_the_reply() -> None:
    """What accept_task refuses is said, and nobody waits for a turn."""
    replay = TeamReplay(ASKED, _parent())
    replay.complete({"reply": "I cannot take this task: it is another's."})
    assert _said(replay) == "I cannot take this task: it is another's."


def test_a_store_that_is_away_is_waited_for() -> None:
    """A step that broke down or found no store is asked again after a pause, for as long as it takes."""
    replay = TeamReplay(ASKED, _parent())
    first = replay.task
    replay.complete({"retry_after": 7})
    assert replay.waits == pytest.approx(7, abs=0.01)
    replay.break_down()
    assert replay.waits > 0
    assert {**replay.task, "after": None} == {**first, "after": None}, "the same turn is asked for"
    replay.complete(ACCEPTED)
    for _ in range(3):
        replay.complete({})
        assert 0 < replay.waits <= 1.01, "a long turn is waited for without a gap"
    replay.complete({"reply": "At last"})
    assert _said(replay) == "At last"


@pytest.mark.parametrize(("accepted", "told"), [(False, NOT_TAKEN), (True, STILL_AT_WORK)])
def test_patience_has_an_end_that_is_told(accepted: bool, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After MAX_ASKS the caller hears how it stands, instead of waiting for ever."""
    monkeypatch.setattr("travelbuddy.workflow.team.MAX_ASKS", 3)
    assert MAX_ASKS > 100
    replay = TeamReplay(ASKED, _parent())
    if accepted:
        replay.complete(ACCEPTED)
    for _ in range(3):
        replay.complete({})
    assert _said(replay) == told


@pytest.mark.alone
async def test_the_pause_is_inside_the_activity() -> None:
    """An execution waits until the moment that it is given; one that comes again after a kill does not wait anew."""
    asked: list[Incoming] = []

    async def accept(incoming: Incoming) -> Any:
        asked.append(incoming)
        return Accepted("u1-k2", incoming.session_id)

    now = 1_000.0
    activities = TeamActivities(accept, Nobody(), lambda: now)
    task = AcceptTask(user_id="ada", session_id="trip", text="To Paris", key="k", after=now + 1)
    began = time.monotonic()
    assert (await activities.accept_task("t", task)).turn_id == "u1-k2"
    assert 0.99 < time.monotonic() - began < 6
    now += 1
    began = time.monotonic()
    await activities.accept_task("t", task)
    assert time.monotonic() - began < 0.9
    assert len(asked) == 2


class Nobody:
    """Who knows of no turn's end."""

    async def ended(self, turn_id: str, seconds: float, *, ask: bool) -> TurnRecord | None:
        return None


def test_the_caller_can_read_the_end_where_payloads_are_sealed() -> None:
    """With PAYLOAD_KEY what is kept is sealed, but not what is said to another app, which has no key."""
    sealer = Sealer("PAYLOAD_KEY", secrets.token_hex(32))
    end = make.new_complete_workflow_action(1, protos.ORCHESTRATION_STATUS_COMPLETED, '"the reply"')
    step = make.new_schedule_task_action(0, ACCEPT_TASK, '"the task"')
    seal_actions([step, end], "t", sealer, end=False)
    assert end.completeWorkflow.result.value == '"the reply"'
    assert "the task" not in step.scheduleTask.input.value
