"""The lane protocol against its promise, under every accident a schedule can hold."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.simulation import SESSION, USER, World

from travelbuddy.domain.messages import whole
from travelbuddy.turns import Incoming
from travelbuddy.workflow.contracts import ReplyTo

seeds = st.integers(0, 2**32)


def _messages(count: int, duplicates: int) -> list[Incoming]:
    messages = [
        Incoming(USER, SESSION, f"message {i}", key=f"key {i}", reply_to=ReplyTo(recipient=USER, in_reply_to=str(i)))
        for i in range(count)
    ]
    return messages + messages[:1] * duplicates


def _judge(world: World) -> None:
    session = world.session
    assert session.lane == (), "nobody waits for ever"
    assert len(set(session.turn_ids)) == len(session.turn_ids), "no turn has two outcomes (V1)"
    for accepted in world.accepted:
        assert session.done(accepted.turn_id), "every accepted turn has an outcome (V1)"
    seen: list[str] = []
    for turn in session.turns:
        assert whole(turn.messages), "a stored turn is whole (V2)"
        assert turn.messages[0].role == "user"
        assert turn.messages[-1].role == "assistant"
        if turn.outcome == "cancelled":
            assert turn.workflow_instance_id in world.ended_outside, "nobody is cancelled who was not ended"
        if turn.outcome == "answered":
            prompt = world.model.prompts[int(turn.reply.content.split()[1]) - 1]
            assert prompt == [*seen, turn.messages[0].content], "the prompt held every earlier turn, in order (V3)"
        seen.append(turn.messages[0].content)
    answers = {turn.workflow_instance_id: turn.reply.content for turn in session.turns}
    for event_id, text in world.replies.sent:
        assert answers[event_id] == text, "only the committed reply is ever sent (V4)"
    for turn in session.turns:
        if turn.outcome == "answered" and turn.workflow_instance_id not in world.ended_outside:
            assert turn.workflow_instance_id in dict(world.replies.sent), "every answer is sent"


@settings(max_examples=300, deadline=None)
@given(
    seed=seeds,
    redis=st.booleans(),
    crashes=st.integers(0, 3),
    ends=st.integers(0, 1),
    seconds=st.integers(0, 2),
)
def test_no_accident_loses_doubles_or_reorders_a_turn(
    seed: int, redis: bool, crashes: int, ends: int, seconds: int
) -> None:
    """With crashes, second executions, duplicates and outside terminations at any step, V1 to V4 hold."""
    world = World(_messages(3, duplicates=1), applies_refused=redis, crashes=crashes, ends=ends, seconds=seconds)
    world.play(seed)
    world.finish()
    _judge(world)


@settings(max_examples=100, deadline=None)
@given(seed=seeds, failures=st.integers(0, 12))
def test_a_failing_model_ends_turns_but_never_blocks_the_session(seed: int, failures: int) -> None:
    """However often the model fails, each accepted turn ends, answered or failed, and the lane is empty."""
    world = World(_messages(2, duplicates=0), applies_refused=False, crashes=1, ends=0, seconds=1)
    world.model.failures = failures
    world.play(seed)
    world.finish()
    _judge(world)


@settings(max_examples=100, deadline=None)
@given(seed=seeds, redis=st.booleans())
def test_a_turns_own_record_equals_the_committed_one(seed: int, redis: bool) -> None:
    """Whatever lost writes a store applied, the turn's own record says what the session says once all is at rest."""
    world = World(_messages(2, duplicates=1), applies_refused=redis, crashes=0, ends=0, seconds=2)
    world.play(seed)
    world.finish()
    for turn in world.session.turns:
        data, _ = world.store.rows[f"turn:{turn.workflow_instance_id}"]
        assert type(turn).model_validate_json(data) == turn
