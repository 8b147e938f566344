"""The lane protocol against its promise, under every accident a schedule can hold."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.simulation import SESSION, USER, World, is_notice
from tests.sizes import examples

from travelbuddy.domain.messages import whole
from travelbuddy.incoming import Incoming
from travelbuddy.workflow.contracts import IfBusy, ReplyTo

seeds = st.integers(0, 2**32)
IF_BUSY: list[IfBusy] = ["enqueue", "reject", "interrupt"]


def _messages(count: int, duplicates: int, policies: Sequence[IfBusy] = (), notices: int = 0) -> list[Incoming]:
    messages = [
        Incoming(
            USER,
            SESSION,
            f"message {i}",
            key=f"key {i}",
            reply_to=ReplyTo(recipient=USER, in_reply_to=str(i)),
            if_busy=policies[i] if policies else "enqueue",
        )
        for i in range(count)
    ]
    told = [
        Incoming(
            USER,
            SESSION,
            f"notice {i}",
            key=f"notice {i}",
            reply_to=ReplyTo(recipient=USER, in_reply_to=f"notice {i}"),
            notice={"kind": "booking"},
        )
        for i in range(notices)
    ]
    return messages + messages[:1] * duplicates + told * 2


def _judge_roles(prompts: Sequence[list[str]]) -> None:
    for roles in prompts:
        expected = ["system", *(("user", "assistant")[place % 2] for place in range(len(roles) - 1))]
        assert roles == expected, "system, user, assistant, user, … for every server"


def _judge(world: World) -> None:
    session = world.session
    assert session.lane == (), "nobody waits for ever"
    assert len(set(session.turn_ids)) == len(session.turn_ids), "no turn has two outcomes (V1)"
    for accepted in world.accepted:
        assert session.done(accepted.turn_id), "every accepted turn has an outcome (V1)"
    other_copies = {accepted.turn_id for accepted in world.accepted} | world.dead_doors
    for refused in set(world.refused) - other_copies:
        assert not session.done(refused), "a refused message leaves nothing"
    seen: list[str] = []
    for turn in session.turns:
        assert whole(turn.messages), "a stored turn is whole (V2)"
        assert turn.messages[-1].role == "assistant"
        if is_notice(turn.messages[0].content):
            assert (len(turn.messages), turn.outcome) == (1, "answered"), "a notice is told, whatever becomes of it"
            seen.append(turn.reply.content)
            continue
        assert turn.messages[0].role == "user"
        if turn.outcome == "cancelled":
            ended = world.ended_outside | world.cancelled | world.ended_by_us | world.withdrawn
            assert turn.workflow_instance_id in ended, "nobody is cancelled who was not ended"
        if turn.outcome == "answered":
            prompt = world.model.prompts[int(turn.reply.content.split()[1]) - 1]
            assert prompt == [*seen, turn.messages[0].content], (
                "the prompt held what counts of the earlier turns, in order (V3)"
            )
        seen += [turn.messages[0].content] * (turn.outcome in {"answered", "interrupted"})
    _judge_roles(world.model.roles)
    answers = {turn.workflow_instance_id: turn.reply.content for turn in session.turns}
    for event_id, text in world.replies.sent:
        assert answers[event_id] == text, "only the committed reply is ever sent (V4)"
    for turn in session.turns:
        ended = world.ended_outside | world.cancelled | world.broken
        if turn.outcome == "answered" and turn.workflow_instance_id not in ended:
            assert turn.workflow_instance_id in dict(world.replies.sent), "every answer is sent"


@settings(max_examples=examples(300), deadline=None)
@given(
    seed=seeds,
    redis=st.booleans(),
    crashes=st.integers(0, 3),
    ends=st.integers(0, 1),
    seconds=st.integers(0, 2),
    searches=st.booleans(),
    notices=st.integers(0, 1),
)
def test_no_accident_loses_doubles_or_reorders_a_turn(
    seed: int, redis: bool, crashes: int, ends: int, seconds: int, searches: bool, notices: int
) -> None:
    """With crashes, second executions, duplicates and outside terminations at any step, V1 to V4 hold.

    Also of turns with a local tool, whose second step goes on from what the first one read.
    """
    world = World(
        _messages(3 - notices, duplicates=1, notices=notices),
        applies_refused=redis,
        crashes=crashes,
        ends=ends,
        seconds=seconds,
        searches=searches,
    )
    world.play(seed)
    world.finish()
    _judge(world)


@settings(max_examples=examples(300), deadline=None)
@given(
    seed=seeds,
    policies=st.lists(st.sampled_from(IF_BUSY), min_size=3, max_size=4),
    redis=st.booleans(),
    accidents=st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1), st.integers(0, 2)),
    searches=st.booleans(),
    notices=st.integers(0, 1),
)
def test_every_policy_keeps_the_promises(
    seed: int, policies: list[IfBusy], redis: bool, accidents: tuple[int, int, int, int], searches: bool, notices: int
) -> None:
    """However messages queue, refuse to wait, interrupt and are cancelled, V1 to V4 hold; a notice is always told."""
    crashes, ends, seconds, cancels = accidents
    world = World(
        _messages(len(policies), 1, policies, notices),
        applies_refused=redis,
        crashes=crashes,
        ends=ends,
        seconds=seconds,
        cancels=cancels,
        searches=searches,
    )
    world.play(seed)
    world.finish()
    _judge(world)


@settings(max_examples=examples(400), deadline=None)
@given(
    seed=seeds,
    redis=st.booleans(),
    losses=st.integers(1, 4),
    lost_wakes=st.integers(0, 3),
    deaf=st.integers(0, 4),
    crashes=st.integers(0, 2),
    ends=st.integers(0, 1),
)
def test_what_the_engine_loses_is_carried_on(
    seed: int, redis: bool, losses: int, lost_wakes: int, deaf: int, crashes: int, ends: int
) -> None:
    """Instances lost, torn, failed or never run again, wake-ups lost, replicas not heard: each turn is answered once.

    Nobody reads: the reconciler's looks alone bring every turn to its end, and no loss makes a turn fail.
    """
    world = World(
        _messages(4, duplicates=1),
        applies_refused=redis,
        crashes=crashes,
        ends=ends,
        losses=losses,
        lost_wakes=lost_wakes,
        deaf=deaf,
    )
    world.play(seed)
    world.finish()
    _judge(world)
    for turn in world.session.turns:
        assert turn.outcome == "answered" or turn.workflow_instance_id in world.ended_outside


@settings(max_examples=examples(100), deadline=None)
@given(seed=seeds, redis=st.booleans())
def test_a_refused_message_leaves_nothing(seed: int, redis: bool) -> None:
    """A message that would rather not wait is a turn, or refused and nowhere; without crashes none is cancelled."""
    world = World(_messages(4, 0, ["reject"] * 4), applies_refused=redis)
    world.play(seed)
    world.finish()
    _judge(world)
    assert len(world.refused) + len(world.accepted) == 4
    for turn in world.session.turns:
        assert turn.outcome == "answered" or turn.workflow_instance_id in world.withdrawn


@settings(max_examples=examples(100), deadline=None)
@given(seed=seeds, redis=st.booleans())
def test_the_last_interrupting_message_is_answered(seed: int, redis: bool) -> None:
    """Of messages that interrupt each other one is answered, and the turns before it are answered or interrupted."""
    world = World(_messages(3, 0, ["interrupt"] * 3), applies_refused=redis)
    world.play(seed)
    world.finish()
    _judge(world)
    assert len(world.accepted) == 3
    assert world.session.turns[-1].outcome == "answered"
    assert {turn.outcome for turn in world.session.turns} <= {"answered", "interrupted"}


@settings(max_examples=examples(100), deadline=None)
@given(seed=seeds, failures=st.integers(0, 12))
def test_a_failing_model_ends_turns_but_never_blocks_the_session(seed: int, failures: int) -> None:
    """However often the model fails, each accepted turn ends, answered or failed, and the lane is empty."""
    world = World(_messages(2, duplicates=0), applies_refused=False, crashes=1, ends=0, seconds=1)
    world.model.failures = failures
    world.play(seed)
    world.finish()
    _judge(world)


@settings(max_examples=examples(100), deadline=None)
@given(seed=seeds, redis=st.booleans())
def test_a_turns_own_record_equals_the_committed_one(seed: int, redis: bool) -> None:
    """Whatever lost writes a store applied, the turn's own record says what the session says once all is at rest."""
    world = World(_messages(2, duplicates=1), applies_refused=redis, crashes=0, ends=0, seconds=2)
    world.play(seed)
    world.finish()
    for turn in world.session.turns:
        data, _ = world.store.rows[f"turn:{turn.workflow_instance_id}"]
        assert type(turn).model_validate_json(data) == turn


@settings(max_examples=examples(300), deadline=None)
@given(
    seed=seeds,
    policies=st.lists(st.sampled_from(IF_BUSY), min_size=3, max_size=4),
    cancels=st.integers(0, 2),
    second=st.integers(0, 1),
)
def test_a_refused_interruption_leaves_no_record_of_it(
    seed: int, policies: list[IfBusy], cancels: int, second: int
) -> None:
    """Whoever interrupts or cancels too late leaves the record of a turn that was answered meanwhile as it was."""
    world = World(_messages(len(policies), 1, policies), applies_refused=True, seconds=second, cancels=cancels)
    world.play(seed)
    world.finish()
    for turn in world.session.turns:
        data, _ = world.store.rows[f"turn:{turn.workflow_instance_id}"]
        assert type(turn).model_validate_json(data) == turn
