"""The real generator, replayed from its history after every step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sizes import examples
from tests.workflow.replay import START, Replay

from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.steps import Step
from travelbuddy.domain.turn import MAX_DEFECTS, MAX_WAITS, Limits, ModelResult, ToolResult
from travelbuddy.workflow.contracts import TurnInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = Step(name="x", started_at=NOW, duration_ms=1)


def _start(limits: Limits | None = None) -> Replay:
    turn = TurnInput(
        user_id="u", session_id="s", message="hello", accepted_at=NOW, model="m", limits=limits or Limits()
    )
    return Replay(turn.wire())


def _json(result: ModelResult | ToolResult) -> dict[str, Any]:
    return result.model_dump(mode="json", exclude_defaults=True)


def _tools(*ids: str) -> dict[str, Any]:
    calls = tuple(ToolCall(id=i, name="search_flights", arguments="{}") for i in ids)
    message = Message(role="assistant", content="", timestamp=NOW, tool_calls=calls)
    return _json(ModelResult(kind="tools", message=message, step=STEP))


def _tool_result(call_id: str) -> dict[str, Any]:
    message = Message(role="tool", content="{}", timestamp=NOW, tool_call_id=call_id)
    return _json(ToolResult(message=message, step=STEP))


def _done(text: str = "bye") -> dict[str, Any]:
    message = Message(role="assistant", content=text, timestamp=NOW)
    return _json(ModelResult(kind="done", message=message, outcome="answered", step=STEP))


QUEUED = _json(ModelResult(kind="queued", position=2))


def test_a_step_knows_when_it_was_asked_for() -> None:
    """By the history's own clock, in UTC; a step that broke down began then."""
    replay = _start()
    asked: list[datetime] = []
    for result in (_tools("a"), _tool_result("a")):
        asked.append(datetime.fromisoformat(replay.asked[0][1]["asked_at"]))
        replay.complete(result)
    asked.append(datetime.fromisoformat(replay.asked[0][1]["asked_at"]))
    assert asked == sorted(set(asked))
    assert asked[0] - START == timedelta(milliseconds=1)
    replay.break_down()
    replay.waited()
    timeline = replay.asked[0][1]["timeline"]
    assert datetime.fromisoformat(timeline[-1]["started_at"]) == asked[-1]


def test_a_one_tool_turn_is_three_activities() -> None:
    """A turn with one tool call schedules call_model, call_tool, call_model, and then completes with the reply."""
    replay = _start()
    assert replay.next == ["call_model"]
    replay.complete(_tools("a"))
    assert replay.next == ["call_tool"]
    replay.complete(_tool_result("a"))
    assert replay.next == ["call_model"]
    replay.complete(_done("three flights"))
    assert replay.output is not None
    assert (replay.output["role"], replay.output["content"]) == ("assistant", "three flights")


def test_tool_calls_of_one_answer_run_in_parallel() -> None:
    """All tool calls of one answer are scheduled at once and their results keep the order of the calls."""
    replay = _start()
    replay.complete(_tools("a", "b", "c"))
    assert replay.next == ["call_tool"] * 3
    assert [payload["place"] for _, payload in replay.asked] == [0, 1, 2]
    replay.complete(*map(_tool_result, "abc"))
    messages = replay.asked[0][1]["messages"]
    assert [m.get("tool_call_id") for m in messages] == [None, "a", "b", "c"]


def test_a_queued_turn_waits_inside_an_activity() -> None:
    """A turn that is not at the head waits in ``await_turn``, and asks again when that ends, however it ends."""
    replay = _start()
    replay.complete(QUEUED)
    ((name, wait),) = replay.asked
    assert (name, wait) == ("await_turn", {"user_id": "u", "session_id": "s", "turn_id": "t", "position": 2})
    assert replay.status == "queued (position 2)"
    replay.waited()
    assert replay.next == ["call_model"]
    replay.complete(QUEUED)
    replay.break_down()
    assert replay.next == ["call_model"]


def test_a_successor_carries_its_turn_on() -> None:
    """An instance that was started for another turn waits for that one, and runs its tools under that one's id."""
    turn = TurnInput(
        user_id="u",
        session_id="s",
        message="hello",
        accepted_at=NOW,
        model="m",
        limits=Limits(),
        turn_id="first",
        run=2,
    )
    assert turn.entry("first").instance_id == "first-r2"
    replay = Replay(turn.wire())
    replay.complete(QUEUED)
    assert replay.asked[0][1]["turn_id"] == "first"
    replay.waited()
    replay.complete(_tools("a"))
    assert replay.asked[0][1]["turn_id"] == "first"


def test_model_retries_are_durable_and_honour_retry_after() -> None:
    """A failed model call is tried again after a pause, as long as the server asked, one attempt further."""
    replay = _start()
    replay.complete(_json(ModelResult(kind="retry", retry_after=7, step=STEP)))
    assert replay.next == ["pause"]
    assert replay.waited() == pytest.approx(7, abs=0.1)
    assert replay.asked[0][1]["attempt"] == 2


def test_a_result_that_came_before_its_step_was_noted_is_not_lost() -> None:
    """The engine hands a step out before it saves that it did, and never hands out again what it knows has been run."""
    run = _start()
    run.complete({"kind": "retry", "retry_after": 1})
    assert run.next == ["pause"]
    run.early(3, _tools("a"))
    assert run.next == [], "it still waits for its pause to end"
    run.waited()
    assert run.next == ["call_model", "call_tool"], "the second try, as noted now, and what follows from its result"
    run.complete(_tools("a"), _tool_result("a"))
    assert run.next == ["call_model"], "the same result once more changes nothing"
    run.complete(_done())
    assert (run.failed, run.output and run.output["content"]) == (False, "bye")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_turn_paused_several_times_goes_on_when_it_is_resumed_once(times: int) -> None:
    """And not before: what came meanwhile counts from then on. The SDK's executor alone would never return."""
    replay = _start()
    for _ in range(times):
        replay.pause()
    replay.complete(_tools("a"))
    for _ in range(times - 1):
        replay.pause()
    assert replay.next == []
    replay.resume()
    assert replay.next == ["call_tool"]
    replay.complete(_tool_result("a"))
    replay.complete(_done())
    assert replay.output is not None


def test_a_step_asked_for_as_the_turn_is_paused_is_asked_for_once() -> None:
    """A pause that comes together with a result lets the steps behind that result be noted, and asked for no more."""
    replay = _start()
    replay.complete_and_pause(_tools("a"))
    assert replay.next == ["call_tool"]
    replay.pause()
    assert replay.next == [], "it is noted already"
    replay.complete(_tool_result("a"))
    replay.resume()
    assert replay.next == ["call_model"]
    assert not replay.failed


def test_the_last_attempt_says_so() -> None:
    """The last allowed attempt is marked, so that its failure is committed instead of retried."""
    replay = _start(Limits(model_attempts=2))
    replay.complete(_json(ModelResult(kind="retry", step=STEP)))
    replay.waited()
    assert replay.asked[0][1]["last_attempt"] is True


def test_store_trouble_uses_up_no_attempt() -> None:
    """However long the store is away, the turn waits and keeps its attempts."""
    replay = _start(Limits(model_attempts=2))
    for _ in range(12):
        replay.complete(_json(ModelResult(kind="retry", trouble="store")))
        assert replay.waited() <= 31
    assert replay.asked[0][1]["attempt"] == 1


def test_the_last_step_offers_no_tools() -> None:
    """The last allowed step is marked, so that the model has to answer."""
    replay = _start(Limits(max_steps=2))
    replay.complete(_tools("a"))
    replay.complete(_tool_result("a"))
    assert replay.asked[0][1]["last_step"] is True


def test_an_activity_that_breaks_down_is_tried_again_and_then_ends_the_workflow() -> None:
    """Ten exceptions of ours in a row on one step end the workflow; anything else in between starts the count anew."""
    replay = _start()
    for trouble in (None, "store", "breaker"):
        for _ in range(MAX_DEFECTS - 1):
            replay.break_down()
            assert replay.next == ["pause"]
            replay.waited()
        if trouble is not None:
            replay.complete(_json(ModelResult.model_validate({"kind": "retry", "trouble": trouble})))
            replay.waited()
        else:
            replay.complete(_tools("a"))
            replay.complete(_tool_result("a"))
    for _ in range(MAX_DEFECTS):
        assert not replay.failed
        replay.break_down()
        if not replay.failed:
            replay.waited()
    assert replay.failed


def test_an_exception_on_the_last_attempt_ends_the_workflow() -> None:
    """Where attempts are bounded, one that breaks down counts as well."""
    replay = _start(Limits(model_attempts=2))
    replay.break_down()
    replay.waited()
    replay.break_down()
    assert replay.failed


def test_a_model_that_is_away_is_waited_for_with_its_beginning_told() -> None:
    """The status says since when and how long; the next try is told since when, until there is an answer."""
    replay = _start()
    retry = ModelResult(kind="retry", retry_after=8, away_since=NOW.replace(hour=12, minute=3, second=5), step=STEP)
    replay.complete(_json(retry))
    assert replay.status == "waiting for the model since 12:03:05 UTC; asks again in 8 s"
    replay.waited()
    assert replay.asked[0][1]["away_since"] == "2026-01-01T12:03:05Z"
    replay.complete(_tools("a"))
    replay.complete(_tool_result("a"))
    assert "away_since" not in replay.asked[0][1]


def test_a_long_wait_is_several_pauses() -> None:
    """A server that asks for twelve minutes gets them, in pauses of five minutes at most."""
    replay = _start()
    replay.complete(_json(ModelResult(kind="retry", retry_after=720, step=STEP)))
    waits = []
    while replay.next == ["pause"]:
        waits.append(replay.waited())
    assert sum(waits) == pytest.approx(720, abs=1)
    assert max(waits) <= 301
    assert replay.next == ["call_model"]


STEPS = ["queued", "retry", "store", "breaker", "tools", "broken"]


def _complete(replay: Replay, result: dict[str, Any], pauses: int) -> None:
    """The activity ends, after so many pauses; then the turn is resumed."""
    for _ in range(pauses):
        replay.pause()
    replay.complete(result)
    if pauses:
        assert replay.next == []
        replay.resume()


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2)), max_size=9))
def test_any_history_replays_to_the_same_decisions(steps: list[tuple[str, int]]) -> None:
    """Whatever a turn goes through, paused or not, replaying it never diverges, and it can still be answered."""
    replay = _start(Limits(max_steps=20))
    for step, pauses in steps:
        match step:
            case "queued":
                _complete(replay, QUEUED, pauses)
                replay.waited()
            case "retry" | "store" | "breaker":
                trouble: Any = "model" if step == "retry" else step
                _complete(replay, _json(ModelResult(kind="retry", trouble=trouble)), pauses)
                replay.waited()
            case "tools":
                _complete(replay, _tools("a"), pauses)
                _complete(replay, _tool_result("a"), pauses)
            case "broken":
                replay.break_down()
                replay.waited()
        assert replay.next == ["call_model"]
    replay.complete(_done())
    assert replay.output is not None
    assert not replay.failed


def test_a_turn_that_has_waited_often_begins_anew_with_an_empty_history() -> None:
    """After many waits the workflow continues as new, and takes along how far the turn has come."""
    replay = _start()
    replay.complete(_tools("a"))
    replay.complete(_tool_result("a"))
    for _ in range(MAX_WAITS + 1):
        assert replay.next == ["call_model"]
        replay.complete(_json(ModelResult(kind="retry", trouble="store")))
        replay.waited()
    assert replay.continued is not None
    assert replay.continued["message"] == "hello"
    again = Replay(replay.continued)
    call = again.asked[0][1]
    assert (call["step"], len(call["messages"]), len(call["timeline"])) == (2, 2, 2)


def test_a_withdrawn_turn_ends_and_says_so() -> None:
    """A turn that was refused at its door, or erased, completes with outcome withdrawn."""
    replay = _start()
    message = Message(role="assistant", content="withdrawn", timestamp=NOW)
    replay.complete(_json(ModelResult(kind="withdrawn", message=message)))
    assert replay.output is not None
    assert replay.output["outcome"] == "withdrawn"
