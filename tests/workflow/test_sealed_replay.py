"""The real generator over a history that nobody can read."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.workflow.replay import Replay

from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.steps import Step
from travelbuddy.domain.turn import MAX_DEFECTS, MAX_WAITS, Limits, ModelResult, ToolResult
from travelbuddy.errors import CannotOpen
from travelbuddy.sealing import Sealer
from travelbuddy.workflow.contracts import TurnInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = Step(name="x", started_at=NOW, duration_ms=1)
OLD, NEW = secrets.token_hex(32), secrets.token_hex(32)
MARKER = "my secret journey"


def _start(sealer: Sealer) -> Replay:
    turn = TurnInput(user_id="u", session_id="s", message=MARKER, accepted_at=NOW, model="m", limits=Limits())
    return Replay(turn.wire(), sealer=sealer)


def _tools() -> dict[str, Any]:
    call = ToolCall(id="a", name="search_flights", arguments=json.dumps({"destination": MARKER}))
    message = Message(role="assistant", content=MARKER, timestamp=NOW, tool_calls=(call,))
    return ModelResult(kind="tools", message=message, step=STEP).model_dump(mode="json", exclude_defaults=True)


def _tool_result() -> dict[str, Any]:
    message = Message(role="tool", content=MARKER, timestamp=NOW, tool_call_id="a")
    return ToolResult(message=message, step=STEP).model_dump(mode="json", exclude_defaults=True)


def _done() -> dict[str, Any]:
    message = Message(role="assistant", content=MARKER, timestamp=NOW)
    result = ModelResult(kind="done", message=message, outcome="answered", step=STEP)
    return result.model_dump(mode="json", exclude_defaults=True)


def _kept(replay: Replay) -> bytes:
    """What the engine has of the instance, as bytes."""
    return b"".join(event.SerializeToString() for event in replay._history)


def test_a_turn_over_a_sealed_history_is_the_same_and_leaves_no_text() -> None:
    """A turn with a tool goes through its three activities; its history holds not one word of it."""
    replay = _start(Sealer("PAYLOAD_KEY", NEW))
    replay.complete(_tools())
    assert replay.asked[0][1]["call"]["arguments"] == json.dumps({"destination": MARKER})
    replay.complete(_tool_result())
    replay.complete(_done())
    assert replay.output is not None
    assert replay.output["content"] == MARKER
    assert MARKER.encode() not in _kept(replay)
    open_too = _start(Sealer())
    open_too.complete(_tools())
    assert MARKER.encode() in _kept(open_too), "else this test could not fail"


def test_a_turn_goes_on_when_the_key_changes_in_its_middle() -> None:
    """With the old key among those that open, a history of both keys replays to the same end."""
    replay = _start(Sealer("PAYLOAD_KEY", OLD))
    replay.complete(_tools())
    replay.sealer = Sealer("PAYLOAD_KEY", NEW, [OLD])
    replay.complete(_tool_result())
    replay.complete(_done())
    assert replay.output is not None
    assert replay.output["content"] == MARKER


def test_a_turn_goes_on_when_sealing_begins_in_its_middle() -> None:
    """What was never sealed is read as it is."""
    replay = _start(Sealer())
    replay.complete(_tools())
    replay.sealer = Sealer("PAYLOAD_KEY", NEW)
    replay.complete(_tool_result())
    replay.complete(_done())
    assert replay.output is not None


def test_a_history_of_a_key_that_is_gone_is_refused() -> None:
    """Without the old key the history does not open, and the reason names the setting."""
    replay = _start(Sealer("PAYLOAD_KEY", OLD))
    replay.sealer = Sealer("PAYLOAD_KEY", NEW)
    with pytest.raises(CannotOpen, match="PAYLOAD_KEY_OLD"):
        replay.complete(_tools())


def test_a_turn_that_begins_anew_takes_its_input_along_sealed() -> None:
    """Continuing as new hands the same input on, and it opens."""
    replay = _start(Sealer("PAYLOAD_KEY", NEW))
    queued = ModelResult(kind="queued", position=2).model_dump(mode="json", exclude_defaults=True)
    for _ in range(MAX_WAITS + 1):
        replay.complete(queued)
        replay.waited()
    assert replay.continued is not None
    assert replay.continued["message"] == MARKER


def test_a_breakdown_ends_the_workflow_with_a_sealed_reason() -> None:
    """The message of an exception may quote what people wrote, so it is not kept readable either."""
    replay = _start(Sealer("PAYLOAD_KEY", NEW))
    for attempt in range(1, MAX_DEFECTS + 1):
        replay.break_down()
        if attempt < MAX_DEFECTS:
            replay.waited()
    assert replay.failed
    assert "broken" not in replay.failure
    assert replay.sealer.open(replay.failure, "workflow:t").endswith("broken")
