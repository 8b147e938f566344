"""Payloads written by an earlier version, kept here as they lie in histories: each must parse, and mean the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from travelbuddy.domain.conversation import LaneEntry, SessionRecord, TurnRecord
from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.steps import Step
from travelbuddy.domain.turn import Limits, ModelResult, ToolResult
from travelbuddy.domain.users import SessionIndex, Tally, UserRecord
from travelbuddy.workflow.contracts import (
    AWAIT_TURN,
    CALL_MODEL,
    CALL_TOOL,
    PAUSE,
    TURN_WORKFLOW,
    CallModelInput,
    CallToolInput,
    ReplyTo,
    TurnInput,
    TurnOutput,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
AT = "2026-01-02T03:04:05Z"

CALL = ToolCall(id="c1", name="search_flights", arguments='{"destination":"NCE"}')
ASKS = Message(role="assistant", content="Let me look.", timestamp=NOW, tool_calls=(CALL,), metadata={"k": 1})
FOUND = Message(role="tool", content="{}", timestamp=NOW, tool_call_id="c1")
STEP = Step(name="call_model", attempt=2, started_at=NOW, duration_ms=7, tokens=12, error="slow")

CALL_JSON = {"id": "c1", "name": "search_flights", "arguments": '{"destination":"NCE"}'}
ASKS_JSON = {
    "role": "assistant",
    "content": "Let me look.",
    "timestamp": AT,
    "metadata": {"k": 1},
    "tool_calls": [CALL_JSON],
}
FOUND_JSON = {"role": "tool", "content": "{}", "timestamp": AT, "tool_call_id": "c1"}
STEP_JSON = {"name": "call_model", "attempt": 2, "started_at": AT, "duration_ms": 7, "tokens": 12, "error": "slow"}
INPUT = TurnInput(
    user_id="ada",
    session_id="trip",
    message="Paris to Nice",
    accepted_at=NOW,
    model="gpt-4o-mini",
    tools=("search_flights",),
    limits=Limits(max_steps=3, model_attempts=2),
    context={"page": "home"},
    reply_to=ReplyTo(recipient="ada", in_reply_to="e1"),
)
INPUT_JSON = {
    "user_id": "ada",
    "session_id": "trip",
    "message": "Paris to Nice",
    "accepted_at": AT,
    "model": "gpt-4o-mini",
    "tools": ["search_flights"],
    "limits": {"max_steps": 3, "model_attempts": 2},
    "context": {"page": "home"},
    "reply_to": {"recipient": "ada", "in_reply_to": "e1"},
}
TURN = TurnRecord(
    workflow_instance_id="t1",
    session_id="trip",
    user_id="ada",
    outcome="answered",
    created_at=NOW,
    completed_at=NOW,
    messages=(FOUND,),
    error="e",
    timeline=(STEP,),
)
TURN_JSON = {
    "workflow_instance_id": "t1",
    "session_id": "trip",
    "user_id": "ada",
    "outcome": "answered",
    "created_at": AT,
    "completed_at": AT,
    "messages": [FOUND_JSON],
    "error": "e",
    "timeline": [STEP_JSON],
}

GOLDEN: list[tuple[Any, dict[str, Any]]] = [
    (INPUT, INPUT_JSON),
    (
        CallModelInput(
            turn=INPUT,
            step=3,
            attempt=2,
            last_step=True,
            last_attempt=True,
            messages=(ASKS, FOUND),
            timeline=(STEP,),
        ),
        {
            "turn": INPUT_JSON,
            "step": 3,
            "attempt": 2,
            "last_step": True,
            "last_attempt": True,
            "messages": [ASKS_JSON, FOUND_JSON],
            "timeline": [STEP_JSON],
        },
    ),
    (
        CallToolInput(user_id="ada", session_id="trip", call=CALL),
        {"user_id": "ada", "session_id": "trip", "call": CALL_JSON},
    ),
    (
        TurnOutput(content="bye", outcome="answered", metadata={"tokens_used": 3}),
        {"role": "assistant", "content": "bye", "outcome": "answered", "metadata": {"tokens_used": 3}},
    ),
    (ModelResult(kind="queued", position=2), {"kind": "queued", "position": 2}),
    (
        ModelResult(kind="retry", trouble="store", retry_after=1.5, step=STEP),
        {"kind": "retry", "trouble": "store", "retry_after": 1.5, "step": STEP_JSON},
    ),
    (ModelResult(kind="tools", message=ASKS, step=STEP), {"kind": "tools", "message": ASKS_JSON, "step": STEP_JSON}),
    (
        ModelResult(kind="done", message=FOUND, outcome="interrupted"),
        {"kind": "done", "message": FOUND_JSON, "outcome": "interrupted"},
    ),
    (ToolResult(message=FOUND, step=STEP), {"message": FOUND_JSON, "step": STEP_JSON}),
    (TURN, TURN_JSON),
    (
        SessionRecord(
            session_id="trip",
            user_id="ada",
            created_at=NOW,
            last_activity=NOW,
            message_count=4,
            lane=(LaneEntry(id="t2", message="and back?", accepted_at=NOW),),
            turns=(TURN,),
            turn_ids=("t0", "t1"),
            metadata={"k": "v"},
        ),
        {
            "session_id": "trip",
            "user_id": "ada",
            "created_at": AT,
            "last_activity": AT,
            "message_count": 4,
            "lane": [{"id": "t2", "message": "and back?", "accepted_at": AT}],
            "turns": [TURN_JSON],
            "turn_ids": ["t0", "t1"],
            "metadata": {"k": "v"},
        },
    ),
    (
        UserRecord(user_id="ada", context={"cabin": "business"}, updated_at=NOW),
        {"user_id": "ada", "context": {"cabin": "business"}, "updated_at": AT},
    ),
    (SessionIndex(user_id="ada", sessions={"trip": NOW}), {"user_id": "ada", "sessions": {"trip": AT}}),
    (Tally(message_count=4, last_activity=NOW), {"message_count": 4, "last_activity": AT}),
]
IDS = [f"{type(value).__name__}-{i}" for i, (value, _) in enumerate(GOLDEN)]


@pytest.mark.parametrize(("value", "written"), GOLDEN, ids=IDS)
def test_what_was_written_is_still_understood(value: Any, written: dict[str, Any]) -> None:
    """A stored payload parses to the value it was, so no field was renamed, removed or given another meaning."""
    assert type(value).model_validate(written) == value


@pytest.mark.parametrize(("value", "written"), GOLDEN, ids=IDS)
def test_what_is_written_can_still_be_read_by_the_version_before(value: Any, written: dict[str, Any]) -> None:
    """A payload without any new field is written as ever: during a rolling upgrade the old version reads it too."""
    assert value.model_dump(mode="json", exclude_defaults=True) == {
        key: part for key, part in written.items() if (type(value).__name__, key) != ("TurnOutput", "role")
    }


@pytest.mark.parametrize(("value", "written"), GOLDEN, ids=IDS)
def test_a_newer_version_s_field_is_ignored(value: Any, written: dict[str, Any]) -> None:
    """During a rolling upgrade a payload of the next version does not break this one."""
    assert type(value).model_validate({**written, "added_later": 1}) == value


def test_a_field_that_is_left_out_keeps_its_meaning() -> None:
    """Defaults are not written, so a turn in flight relies on them: they are part of the contract."""
    turn = TurnInput.model_validate(
        {"user_id": "u", "session_id": "s", "message": "m", "accepted_at": AT, "model": "x"}
    )
    assert turn.limits == Limits(max_steps=8, model_attempts=None, model_patience=900)
    assert TurnInput.model_validate({**turn.wire(), "limits": {"max_steps": 8, "model_attempts": 5}}).limits == Limits(
        model_attempts=5
    ), "a turn of before keeps its bound"
    assert (turn.tools, turn.context, turn.reply_to) == ((), {}, None)
    call = CallModelInput.model_validate({"turn": turn.wire(), "step": 1, "attempt": 1})
    assert (call.last_step, call.last_attempt, call.messages, call.timeline) == (False, False, (), ())
    retry = ModelResult.model_validate({"kind": "retry"})
    assert (retry.trouble, retry.position, retry.retry_after) == ("model", 0, None)


def test_the_output_is_written_in_full() -> None:
    """People read the output in Dapr's own API, so no field of it is left out."""
    assert TurnOutput(content="bye", outcome="answered").wire() == {
        "role": "assistant",
        "content": "bye",
        "outcome": "answered",
        "metadata": {},
    }


def test_the_names_in_histories_stay() -> None:
    """A workflow in flight finds its workflow and activities under the names it began with."""
    assert (TURN_WORKFLOW, CALL_MODEL, CALL_TOOL) == ("turn", "call_model", "call_tool")
    assert (AWAIT_TURN, PAUSE) == ("await_turn", "pause")
