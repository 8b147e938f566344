"""What is told of a turn while it runs: its steps, on this replica and from one to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.patience import Trouble
from travelbuddy.domain.steps import Step, finished_step
from travelbuddy.live import LiveTurns
from travelbuddy.workflow.contracts import CallModelInput, TurnInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = finished_step("call_model", NOW, NOW + timedelta(seconds=1), tokens=7)
TOOL = finished_step("search_flights", NOW, NOW + timedelta(seconds=2))
FAILED = finished_step("call_model", NOW, NOW + timedelta(seconds=3), error="500")
CALLS = Message(
    role="assistant", content="", timestamp=NOW, tool_calls=(ToolCall(id="a", name="search_flights", arguments="{}"),)
)
RESULT = Message(role="tool", content="{}", timestamp=NOW, tool_call_id="a")


class Wire:
    """Links of replicas that hear each other at once."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}


class Link:
    """One end of it: the ReplicaLink port."""

    def __init__(self, wire: Wire, name: str) -> None:
        self.name, self._wire = name, wire
        self.handlers: dict[str, Callable[[dict[str, Any]], None]] = {}
        wire.links[name] = self

    def on(self, kind: str, handler: Callable[[dict[str, Any]], None]) -> None:
        self.handlers[kind] = handler

    def send(self, replica: str, notice: Mapping[str, Any]) -> None:
        self._wire.links[replica].handlers[str(notice["kind"])]({**notice, "from": self.name})

    def broadcast(self, notice: Mapping[str, Any]) -> None:
        for name in self._wire.links.keys() - {self.name}:
            self.send(name, notice)


@pytest.fixture
def pair() -> tuple[LiveTurns, LiveTurns]:
    """Two replicas: one that runs the turn, and one that has followed it from its start."""
    wire = Wire()
    here, there = LiveTurns(Link(wire, "here")), LiveTurns(Link(wire, "there"))
    there.follow("t")
    return here, there


def _call(*timeline: Step, step: int = 1, attempt: int = 1, follower: str | None = "there") -> CallModelInput:
    turn = TurnInput(
        user_id="u", session_id="s", message="hello", accepted_at=NOW, model="m", follower=follower, tools=()
    )
    return CallModelInput(turn=turn, step=step, attempt=attempt, timeline=timeline)


def _shown(replica: LiveTurns) -> tuple[str, list[str]]:
    shown = replica.follow("t").shown
    return shown["doing"], [step["name"] + ("!" if step["error"] else "") for step in shown["timeline"]]


def test_the_steps_come_one_by_one_on_both_replicas(pair: tuple[LiveTurns, LiveTurns]) -> None:
    """Each finished step is in the next status, wherever the turn is followed, and none is there twice."""
    here, there = pair
    told = []
    events: tuple[Callable[[], None], ...] = (
        lambda: here.asking("t", _call()),
        lambda: here.calls("t", 1, CALLS, MODEL),
        lambda: here.result("t", 1, RESULT, "there", TOOL),
        lambda: here.result("t", 1, RESULT, "there", TOOL),
        lambda: here.asking("t", _call(MODEL, TOOL, step=2)),
    )
    for tell in events:
        tell()
        assert _shown(here) == _shown(there)
        told.append(_shown(there))
    assert told == [
        ("asking the model", []),
        ("using tools", ["call_model"]),
        ("using tools", ["call_model", "search_flights"]),
        ("using tools", ["call_model", "search_flights"]),
        ("asking the model", ["call_model", "search_flights"]),
    ]


@pytest.mark.parametrize(
    ("trouble", "seconds", "failed", "told"),
    [
        ("model", 2.0, FAILED, ("waiting for the model since 00:00:00 UTC; asks again in 2 s", ["call_model!"])),
        ("breaker", 5.0, None, ("waiting for the model since 00:00:00 UTC; asks again in 5 s", [])),
        ("store", None, None, ("waiting for the store", [])),
    ],
)
def test_a_wait_and_its_reason_are_told(
    pair: tuple[LiveTurns, LiveTurns],
    trouble: Trouble,
    seconds: float | None,
    failed: Step | None,
    told: tuple[str, list[str]],
) -> None:
    """What a turn waits for, how long where that is known, and the try that failed."""
    here, there = pair
    here.asking("t", _call())
    since = None if trouble == "store" else NOW.replace(hour=0, minute=0, second=0)
    here.waiting("t", _call(), trouble, seconds, failed, since)
    assert _shown(here) == _shown(there) == told
    again = _call(*([failed] if failed else []), attempt=2)
    here.asking("t", again)
    assert _shown(there) == ("asking the model", told[1])


def test_a_step_of_a_lost_execution_is_taken_back(pair: tuple[LiveTurns, LiveTurns]) -> None:
    """What an execution did that is repeated is not done: the timeline is what the workflow knows."""
    here, there = pair
    here.asking("t", _call())
    here.calls("t", 1, CALLS, MODEL)
    here.asking("t", _call())
    assert _shown(here) == _shown(there) == ("asking the model", [])


def test_a_replica_that_comes_late_is_told_all_at_once() -> None:
    """Asking for a turn brings how it stands, with its steps, before anything new happens."""
    wire = Wire()
    here, there = LiveTurns(Link(wire, "here")), LiveTurns(Link(wire, "there"))
    here.asking("t", _call(MODEL, TOOL, step=2, follower=None))
    there.follow("t")
    there.ask("t")
    assert _shown(there) == ("asking the model", ["call_model", "search_flights"])


def test_a_pause_is_told_everywhere(pair: tuple[LiveTurns, LiveTurns]) -> None:
    """Whichever replica pauses a turn, all show it at once, with the steps they knew."""
    here, there = pair
    here.asking("t", _call(MODEL, TOOL, step=2))
    there.stands("t", {"state": "paused", "queue_position": 0, "doing": "thinking"})
    for replica in pair:
        assert replica.follow("t").shown["state"] == "paused"
        assert _shown(replica)[1] == ["call_model", "search_flights"]


def test_odd_notices_harm_nobody(pair: tuple[LiveTurns, LiveTurns]) -> None:
    """A step that is none is left out; what is one is shown."""
    _, there = pair
    there._on_turn({"turn": "t", "status": {"state": "running", "doing": "x"}, "timeline": [{}, 7, TOOL.model_dump()]})
    assert _shown(there) == ("x", ["search_flights"])


@pytest.mark.parametrize(("waited", "held_up"), [(0, None), (999, None), (1000, 1000), (4321, 4321), (-5, None)])
def test_a_step_that_stood_long_says_so(waited: int, held_up: int | None) -> None:
    """From one second on the timeline has how long a step waited to be begun; a clock that lags says nothing."""
    began = NOW + timedelta(milliseconds=waited)
    step = finished_step("call_model", began, began + timedelta(milliseconds=5), asked_at=NOW)
    assert (step.held_up_ms, step.duration_ms) == (held_up, 5)
    assert finished_step("x", NOW, NOW).held_up_ms is None
