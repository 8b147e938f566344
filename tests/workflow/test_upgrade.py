"""A rolling upgrade: turns begun by earlier code go on under this one, and payloads keep their shapes."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.workflow.contract_rules import PAYLOADS, breaks, recorded, schema
from tests.workflow.recorded import FOLDER, Resumed, load, steps

from travelbuddy.domain.messages import Message
from travelbuddy.domain.steps import Step
from travelbuddy.domain.turn import ModelResult, ToolResult
from travelbuddy.workflow.contracts import AWAIT_TURN, CALL_TOOL, PAUSE

HISTORIES = sorted(FOLDER.rglob("*.json"))
TIMED = [path for path in HISTORIES if any(event.HasField("timerCreated") for event in load(path))]
"""Of a version whose turns waited by durable timers, which no turn does any more (ARC-029)."""
GO_ON = [path for path in HISTORIES if path not in TIMED]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = Step(name="x", started_at=NOW, duration_ms=1)
DONE = ModelResult(
    kind="done", message=Message(role="assistant", content="bye", timestamp=NOW), outcome="answered", step=STEP
).model_dump(mode="json", exclude_defaults=True)
WHAT_TO_DO = """
Turns that an earlier version has begun, and replicas that still run it, write and read this payload. Do not change a
field that is there: add a new one with a default (a new workflow name for a new meaning, keep the old one until the
last turn begun under it is over), see docs/upgrading.md. For an addition:
.venv/bin/python -m tests.workflow.contract_rules records it."""

WHAT_TO_DO_WITH_STEPS = """
The generator decides otherwise than it did when this turn was begun; turns in flight would break down. Put the new
behaviour behind something that only new turns have (a field of TurnInput, or a new workflow name), see
docs/upgrading.md, and record histories of it: scripts/record_histories VERSION."""


def test_there_are_histories_of_every_kind() -> None:
    """Each recorded version has turns in the lane, at the model, waiting, with tools, interrupted, and done."""
    kinds = {"asking_the_model", "waiting_in_the_lane", "waiting_to_ask_again", "interrupted", "answered_with_tools"}
    versions = {path.parent for path in HISTORIES}
    assert versions
    for version in versions:
        assert {path.stem for path in version.glob("*.json")} >= kinds


def _named(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=[str(path.relative_to(FOLDER)) for path in paths])


@_named(GO_ON)
def test_every_step_is_decided_as_it_was(path: Path) -> None:
    """Replayed up to any of its steps, a turn asks for the very activities and timers that its history holds next."""
    for before, came, decided in steps(load(path)):
        if any(event.HasField("executionTerminated") for event in came):
            continue  # ended from outside: nothing is decided
        actions = Resumed([*before, *came]).decide(len(before))
        asked = [(_kind(action), _name(action)) for action in actions]
        assert asked == [(_kind(event), _name(event)) for event in decided], WHAT_TO_DO_WITH_STEPS


@_named(TIMED)
def test_a_turn_that_waited_by_a_timer_ends_as_failed_at_once(path: Path) -> None:
    """What comes to it next ends its instance, so that the worker tells it and a successor carries the turn on."""
    events = load(path)
    waits = next(number for number, event in enumerate(events) if event.HasField("timerCreated")) + 1
    replay = Resumed(events[:waits])
    replay.time_passes()
    assert replay.failed
    assert replay.output is None


@_named(GO_ON)
def test_a_turn_begun_before_is_finished(path: Path) -> None:
    """Wherever the upgrade meets the turn, before or after each of its steps, it is answered under this code."""
    events = load(path)
    cuts = [len(before) for before, _, _ in steps(events)][1:]
    ended = any(event.HasField("executionCompleted") or event.HasField("executionTerminated") for event in events)
    for cut in [*cuts, *([] if ended else [len(events)])]:
        replay = Resumed(events[:cut])
        _finish(replay)
        assert not replay.failed, f"cut at event {cut}"
        assert replay.output is not None
        assert replay.output["content"] == "bye"


def _finish(replay: Resumed) -> None:
    for _ in range(20):
        waiting = replay.waits_for()
        if replay.output is not None or replay.failed:
            return
        if waiting and waiting[0] in {AWAIT_TURN, PAUSE}:
            replay.waited()
        elif waiting:
            replay.complete(*(_tool_result(n) if name == CALL_TOOL else DONE for n, name in enumerate(waiting)))
        else:
            replay.time_passes()
    raise AssertionError(f"the turn goes round in circles: {replay.next}")


def _tool_result(number: int) -> dict[str, Any]:
    message = Message(role="tool", content="{}", timestamp=NOW, tool_call_id=f"call-{number}")
    return ToolResult(message=message, step=STEP).model_dump(mode="json", exclude_defaults=True)


def _kind(one: Any) -> str:
    for kinds in (("taskScheduled", "scheduleTask"), ("timerCreated", "createTimer")):
        if any(one.DESCRIPTOR.fields_by_name.get(kind) is not None and one.HasField(kind) for kind in kinds):
            return kinds[1]
    return "completeWorkflow"


def _name(one: Any) -> str:
    for kind in ("taskScheduled", "scheduleTask"):
        if one.DESCRIPTOR.fields_by_name.get(kind) is not None and one.HasField(kind):
            return str(getattr(one, kind).name)
    timer = one.timerCreated if hasattr(one, "timerCreated") else one.createTimer
    return f"for {timer.externalEvent.name}" if timer.HasField("externalEvent") else ""


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.__name__)
def test_payloads_keep_their_shapes(payload: type[BaseModel]) -> None:
    """No field is gone, renamed, newly required, narrowed or of another default; what is new is on record."""
    broken = list(breaks(recorded(payload), schema(payload)))
    assert not broken, f"{payload.__name__}: {'; '.join(broken)}{WHAT_TO_DO}"
    assert schema(payload) == recorded(payload), f"{payload.__name__} has additions that are not on record.{WHAT_TO_DO}"


def _without(shape: dict[str, Any], name: str) -> None:
    del shape["properties"][name]


def _renamed(shape: dict[str, Any], name: str) -> None:
    shape["properties"][f"new_{name}"] = shape["properties"].pop(name)


def _required(shape: dict[str, Any], name: str) -> None:
    shape["required"].append(name)


def _added_and_required(shape: dict[str, Any], name: str) -> None:
    shape["properties"]["added"] = {"type": "string"}
    shape["required"].append("added")


def _another_type(shape: dict[str, Any], name: str) -> None:
    shape["properties"][name] = {"type": "integer"}


def _another_default(shape: dict[str, Any], name: str) -> None:
    shape["properties"][name]["default"] = "reject"


def _fewer_values(shape: dict[str, Any], name: str) -> None:
    shape["properties"][name]["enum"].pop()


@pytest.mark.parametrize(
    "change",
    [_without, _renamed, _required, _added_and_required, _another_type, _another_default, _fewer_values],
    ids=lambda change: change.__name__,
)
def test_a_change_that_breaks_turns_in_flight_is_seen(change: Any) -> None:
    """Each of these, done to the input of a turn, is found and named."""
    before = schema(PAYLOADS[0])
    now = copy.deepcopy(before)
    change(now, "if_busy")
    assert list(breaks(before, now))


def test_a_part_of_a_payload_is_looked_at_too() -> None:
    """A field that is gone from a message inside a list, or from an optional part, is found."""
    before = next(schema(payload) for payload in PAYLOADS if payload.__name__ == "CallModelInput")
    for gone in ('"tool_call_id": ', '"recipient": '):
        now = json.loads(json.dumps(before).replace(gone, '"other": '))
        assert now != before
        assert list(breaks(before, now))


def test_an_addition_with_a_default_breaks_nothing() -> None:
    """A new optional field is fine for turns in flight."""
    before = schema(PAYLOADS[0])
    now = copy.deepcopy(before)
    now["properties"]["added"] = {"type": "string", "default": ""}
    now["properties"]["limits"]["properties"]["added"] = {"type": "integer", "default": 1}
    now["properties"]["limits"]["default"]["added"] = 1
    assert not list(breaks(before, now))
