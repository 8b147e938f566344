"""The rules about attempts, steps and waits, for any answers the activities may give."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.sizes import examples

from travelbuddy.domain.messages import Message, ToolCall, whole
from travelbuddy.domain.patience import MAX_BACKOFF
from travelbuddy.domain.steps import Step, tokens_of
from travelbuddy.domain.turn import (
    MAX_WAITS,
    AwaitTurn,
    Backoff,
    CallModel,
    CallTools,
    Finish,
    Limits,
    ModelResult,
    Progress,
    StartOver,
    ToolResult,
    TurnState,
    fold_model,
    fold_tools,
    next_step,
    waited,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = Step(name="x", started_at=NOW, duration_ms=1, tokens=9)
START = TurnState(limits=Limits())


def _calls(*ids: str) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(id=call_id, name="search_flights", arguments="{}") for call_id in ids)


def _tools(*ids: str) -> ModelResult:
    message = Message(role="assistant", content="", timestamp=NOW, tool_calls=_calls(*ids))
    return ModelResult(kind="tools", message=message, step=STEP)


def _answers(decision: CallTools) -> list[ToolResult]:
    return [
        ToolResult(message=Message(role="tool", content="{}", timestamp=NOW, tool_call_id=call.id), step=STEP)
        for call in decision.calls
    ]


def _done(outcome: str = "answered") -> ModelResult:
    message = Message(role="assistant", content="bye", timestamp=NOW)
    return ModelResult.model_validate({"kind": "done", "message": message, "outcome": outcome, "step": STEP})


def _backoff(state: TurnState) -> Backoff:
    decision = next_step(state)
    assert isinstance(decision, Backoff)
    return decision


def _call(state: TurnState) -> CallModel:
    decision = next_step(state)
    assert isinstance(decision, CallModel)
    return decision


def test_a_turn_begins_with_the_model() -> None:
    """The first decision is the first attempt of the first step."""
    assert next_step(START) == CallModel(step=1, attempt=1, last_step=False, last_attempt=False)


def test_a_turn_without_tools_is_one_call() -> None:
    """A reply without tool calls finishes the turn with that reply and its outcome."""
    done = _done("failed")
    assert done.message is not None
    assert next_step(fold_model(START, done)) == Finish(done.message, "failed")


def test_tool_calls_run_together_and_keep_their_order() -> None:
    """All calls of a message are one decision, and their results follow the message in the order of the calls."""
    state = fold_model(START, _tools("b", "a"))
    decision = next_step(state)
    assert isinstance(decision, CallTools)
    assert [call.id for call in decision.calls] == ["b", "a"]
    state = fold_tools(state, _answers(decision))
    assert [message.tool_call_id for message in state.messages] == [None, "b", "a"]
    assert len(state.timeline) == 3
    assert _call(state) == CallModel(step=2, attempt=1, last_step=False, last_attempt=False)


def test_a_turn_that_used_up_its_tokens_is_told_to_finish() -> None:
    """At the budget, and not a token before it, the next call is the last step."""
    asked = fold_model(TurnState(limits=Limits(max_tokens=9)), _tools("a"))
    assert _call(fold_tools(asked, ())).last_step
    asked = fold_model(TurnState(limits=Limits(max_tokens=10)), _tools("a"))
    assert not _call(fold_tools(asked, ())).last_step


def test_the_attempts_of_a_step_start_anew_after_its_tools() -> None:
    """Trouble before a tool call does not shorten the patience after it."""
    state = waited(fold_model(START, ModelResult(kind="retry", step=STEP)))
    assert _call(state).attempt == 2
    state = fold_model(state, _tools("a"))
    decision = next_step(state)
    assert isinstance(decision, CallTools)
    assert _call(fold_tools(state, _answers(decision))).attempt == 1


def test_a_waiting_turn_asks_again_by_itself() -> None:
    """To be queued uses up no attempt."""
    state = fold_model(START, ModelResult(kind="queued", position=3))
    assert next_step(state) == AwaitTurn(3)
    assert _call(waited(state)) == _call(START)


def test_a_turn_that_has_waited_often_begins_anew() -> None:
    """With an empty history, as far as it has come; what follows is decided as without that."""
    state = fold_tools(fold_model(START, _tools("a")), _answers(CallTools(_calls("a"))))
    for _ in range(MAX_WAITS + 1):
        assert isinstance(next_step(state), CallModel)
        state = waited(fold_model(state, ModelResult(kind="queued", position=1)))
    assert next_step(state) == StartOver()
    anew = TurnState(state.limits, Progress.model_validate_json(state.progress.model_dump_json()))
    assert (anew.messages, anew.timeline, _call(anew).step) == (state.messages, state.timeline, 2)


def test_trouble_of_the_store_uses_up_no_attempt() -> None:
    """However long the store is away, the model's attempts are all still there, and each wait is bounded."""
    state = START
    for _ in range(3000):
        state = fold_model(state, ModelResult(kind="retry", trouble="store"))
        assert 0 < _backoff(state).seconds <= MAX_BACKOFF
        state = replace(waited(state), waits=0)  # as of an instance that began anew
    assert _call(state) == _call(START)


def test_a_turn_that_the_breaker_held_back_has_used_no_attempt() -> None:
    """It waits as long as it is told to, and since when the model is away is kept; an answer clears that."""
    state = TurnState(limits=Limits(model_attempts=2))
    for _ in range(50):
        state = fold_model(state, ModelResult(kind="retry", trouble="breaker", retry_after=5, away_since=NOW))
        assert _backoff(state) == Backoff(5, "breaker", 1, NOW)
        state = replace(waited(state), waits=0)
    assert (_call(state), state.timeline) == (_call(START), ())
    assert fold_tools(fold_model(state, _tools("a")), ()).progress.away_since is None


def test_without_a_bound_the_attempts_go_on() -> None:
    """Only patience ends the tries: each has its true number, and none is the last."""
    state = START
    for number in range(1, 200):
        assert (_call(state).attempt, _call(state).last_attempt) == (number, False)
        state = replace(waited(fold_model(state, ModelResult(kind="retry", away_since=NOW))), waits=0)
        assert state.progress.away_since == NOW


def test_of_many_failed_tries_the_first_and_the_last_stay() -> None:
    """The timeline is bounded, tries keep their numbers, and what came before them stays whole."""
    state = fold_tools(fold_model(START, _tools("a")), _answers(CallTools(_calls("a"))))
    for number in range(1, 101):
        failed = STEP.model_copy(update={"name": "call_model", "attempt": number, "error": "500"})
        state = replace(waited(fold_model(state, ModelResult(kind="retry", step=failed))), waits=0)
    before, tries = state.timeline[:2], state.timeline[2:]
    assert before == (STEP, STEP)
    assert [step.attempt for step in tries] == [1, 2, 96, 97, 98, 99, 100]


def test_back_off_doubles_up_to_its_bound() -> None:
    """Without a named time the waits are half a second, then twice the one before, never above the bound."""
    state, waits = START, []
    for _ in range(9):
        state = fold_model(state, ModelResult(kind="retry"))
        waits.append(_backoff(state).seconds)
        state = waited(state)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


@given(st.floats(0.1, 86_400))
def test_a_named_time_is_honoured(seconds: float) -> None:
    """``retry_after`` up to a day is the wait, to the letter: whether that is too long is decided before."""
    assert _backoff(fold_model(START, ModelResult(kind="retry", retry_after=seconds))).seconds == seconds


@given(st.floats())
@example(math.nan)
@example(math.inf)
def test_no_named_time_breaks_the_wait(seconds: float) -> None:
    """Whatever number the other side names, the wait is a real one of at most a day."""
    wait = _backoff(fold_model(START, ModelResult(kind="retry", retry_after=seconds))).seconds
    assert math.isfinite(wait)
    assert 0.1 <= wait <= 86_400


@pytest.mark.parametrize(
    "broken",
    [
        ModelResult(kind="done"),
        ModelResult(kind="tools"),
        ModelResult(kind="done", message=Message(role="assistant", content="x", timestamp=NOW)),
    ],
)
def test_a_result_without_what_its_kind_carries_is_refused(broken: ModelResult) -> None:
    """A result that lacks its message or outcome raises instead of finishing a turn with nothing."""
    with pytest.raises(ValueError, match="carries a message"):
        next_step(fold_model(START, broken))


def test_tool_results_need_a_tool_call() -> None:
    """Results that nobody asked for are refused."""
    with pytest.raises(ValueError, match="without a tool call"):
        fold_tools(START, [])


MODEL_RESULTS = st.one_of(
    st.builds(ModelResult, kind=st.just("queued"), position=st.integers(1, 50)),
    st.builds(
        ModelResult,
        kind=st.just("retry"),
        trouble=st.sampled_from(["model", "breaker", "store", "defect"]),
        away_since=st.none() | st.just(NOW),
        retry_after=st.none() | st.floats(-10, 1e9),
    ),
    st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3, unique=True).map(lambda ids: _tools(*ids)),
    st.sampled_from(["answered", "failed", "interrupted", "cancelled"]).map(_done),
)


@given(
    st.lists(MODEL_RESULTS, max_size=60),
    st.builds(
        Limits,
        max_steps=st.integers(1, 5),
        model_attempts=st.none() | st.integers(1, 4),
        max_tokens=st.none() | st.integers(1, 40),
    ),
)
@settings(max_examples=examples(150), deadline=None)
def test_any_answers_stay_within_the_limits(results: list[ModelResult], limits: Limits) -> None:
    """For any sequence of answers: attempts within the limit, last chances announced, waits bounded, calls whole."""
    state = TurnState(limits=limits)
    for result in results:
        call = _call(state)
        assert 1 <= call.attempt <= (limits.model_attempts or len(results))
        assert call.last_attempt == (call.attempt == limits.model_attempts)
        over = limits.max_tokens is not None and tokens_of(state.timeline) >= limits.max_tokens
        assert call.last_step == (call.step >= limits.max_steps or over)
        assert whole(state.messages)
        state = fold_model(state, result)
        decision = next_step(state)
        assert next_step(state) == decision
        match decision:
            case Finish(message, outcome):
                assert message == result.message
                assert outcome == result.outcome
                return
            case CallTools(calls):
                assert calls
                state = fold_tools(state, _answers(decision))
                assert _call(state).step == call.step + 1
            case Backoff(seconds):
                assert 0 < seconds <= 86_400
                state = replace(waited(state), waits=0)
            case AwaitTurn(position):
                assert position == result.position
                state = replace(waited(state), waits=0)
            case CallModel():
                pytest.fail("an answer was not taken in")


@given(MODEL_RESULTS)
def test_results_survive_the_history(result: ModelResult) -> None:
    """A result is the same after its way through the workflow's history."""
    wire = json.dumps(result.model_dump(mode="json", exclude_defaults=True))
    assert ModelResult.model_validate(json.loads(wire)) == result
