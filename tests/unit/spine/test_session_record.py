"""The two changes a session record knows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sizes import examples

from travelbuddy.domain.conversation import (
    REMEMBERED,
    WINDOW,
    LaneEntry,
    SessionRecord,
    TurnRecord,
    cancel_waiting,
    closed_unanswered,
    commit_turns,
    enter_lane,
    interrupt_with,
    new_session,
    window,
)
from travelbuddy.domain.messages import Message, ToolCall, whole
from travelbuddy.domain.steps import Step
from travelbuddy.domain.users import Tally, tokens_on

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _session() -> SessionRecord:
    return new_session("s", "u", NOW)


def _entry(turn_id: str, minutes: int = 0) -> LaneEntry:
    return LaneEntry(id=turn_id, message=f"say {turn_id}", accepted_at=NOW + timedelta(minutes=minutes))


def _turn(turn_id: str, rounds: tuple[int, ...] = ()) -> TurnRecord:
    """A finished turn; each of ``rounds`` is an assistant message with that many tool calls and their results."""
    messages = [Message(role="user", content=f"say {turn_id}", timestamp=NOW)]
    for number, size in enumerate(rounds):
        calls = tuple(ToolCall(id=f"c{number}-{i}", name="search_flights", arguments="{}") for i in range(size))
        messages.append(Message(role="assistant", content="", timestamp=NOW, tool_calls=calls))
        messages += [Message(role="tool", content="{}", timestamp=NOW, tool_call_id=call.id) for call in calls]
    messages.append(Message(role="assistant", content=f"reply {turn_id}", timestamp=NOW))
    return TurnRecord(
        workflow_instance_id=turn_id,
        session_id="s",
        user_id="u",
        outcome="answered",
        created_at=NOW,
        completed_at=NOW + timedelta(minutes=1),
        messages=tuple(messages),
    )


def _after(count: int) -> SessionRecord:
    session = _session()
    for number in range(count):
        session = commit_turns(session, _turn(f"t{number}")).session
    return session


def test_a_new_session_is_empty_and_owned() -> None:
    """A new session belongs to its first user, nobody waits in it, and nothing was said."""
    session = _session()
    assert (session.user_id, session.head, session.message_count, window(session)) == ("u", None, 0, [])


def test_turns_wait_in_the_order_they_entered() -> None:
    """The lane is first in, first out, and knows everybody's place."""
    session = enter_lane(enter_lane(_session(), _entry("a")), _entry("b", minutes=5))
    assert session.head == _entry("a")
    assert [session.position(turn_id) for turn_id in ("a", "b", "c")] == [0, 1, None]
    assert session.last_activity == NOW + timedelta(minutes=5)


def test_entering_twice_changes_nothing() -> None:
    """A turn that waits already keeps its place and its message, and the record is the same object."""
    session = enter_lane(enter_lane(_session(), _entry("a")), _entry("b"))
    assert enter_lane(session, _entry("a", minutes=9)) is session


def test_a_done_turn_does_not_enter_again() -> None:
    """A turn that is committed stays out of the lane, also when it has left the window."""
    session = _after(WINDOW + 3)
    assert session.turn("t0") is None
    assert enter_lane(session, _entry("t0")) is session


def test_a_commit_appends_the_turn_and_takes_it_out_of_the_lane() -> None:
    """After a commit the turn is done and inline, the next one is the head, and the counters moved."""
    session = enter_lane(enter_lane(_session(), _entry("a")), _entry("b"))
    commit = commit_turns(session, _turn("a"))
    assert commit.session.done("a")
    assert commit.session.turn("a") == _turn("a")
    assert commit.session.head == _entry("b")
    assert commit.session.message_count == 1
    assert commit.session.last_activity == NOW + timedelta(minutes=1)
    assert (commit.sealed, commit.dropped) == ((), ())


def test_a_turn_is_committed_once() -> None:
    """A second commit of a turn is refused, whether or not its content is still inline."""
    for session in (_after(1), _after(WINDOW + 1)):
        with pytest.raises(ValueError, match="t0 is committed already"):
            commit_turns(session, _turn("t0"))


def test_a_turn_that_leaves_the_window_is_sealed() -> None:
    """The eleventh commit pushes the first turn out of the record, and hands it over to be written on its own."""
    commit = commit_turns(_after(WINDOW), _turn("new"))
    assert [turn.workflow_instance_id for turn in commit.sealed] == ["t0"]
    assert [turn.workflow_instance_id for turn in commit.session.turns] == [*(f"t{i}" for i in range(1, WINDOW)), "new"]
    assert commit.session.done("t0")


def test_a_turn_beyond_the_last_hundred_is_dropped() -> None:
    """The hundred and first commit names the one record that is to be deleted, and forgets its id."""
    commit = commit_turns(_after(REMEMBERED), _turn("new"))
    assert commit.dropped == ("t0",)
    assert len(commit.session.turn_ids) == REMEMBERED
    assert not commit.session.done("t0")
    assert commit.session.message_count == REMEMBERED + 1


def test_the_record_does_not_grow_with_the_session() -> None:
    """A session of 150 turns is stored in about the bytes of one of 100."""
    hundred, more = (len(_after(count).model_dump_json()) for count in (REMEMBERED, REMEMBERED + 50))
    assert more < hundred * 1.1


def test_a_turn_closed_without_an_answer_is_whole() -> None:
    """The record of an unanswered turn holds the user's message, then a note that says what became of it."""
    record = closed_unanswered(_session(), _entry("a"), "cancelled", "stopped", NOW)
    assert [(message.role, message.content) for message in record.messages] == [
        ("user", "say a"),
        ("assistant", "stopped"),
    ]
    assert (record.outcome, record.reply.metadata, record.user_id) == ("cancelled", {"outcome": "cancelled"}, "u")


def test_the_tokens_of_a_day_start_again_at_midnight_utc() -> None:
    """Tokens of one day (UTC, whatever the zone they are told in) are summed over sessions."""
    late = datetime(2026, 1, 2, 1, 30, tzinfo=timezone(timedelta(hours=2)))  # 23:30 UTC of the first
    step = Step(name="call_model", started_at=NOW, duration_ms=1, tokens=10)
    session = _session()
    for turn_id, at in (("a", NOW), ("b", late), ("c", late + timedelta(hours=1))):
        turn = _turn(turn_id).model_copy(update={"completed_at": at, "timeline": (step,)})
        session = commit_turns(session, turn).session
        tally = Tally(message_count=1, last_activity=session.last_activity, day_tokens=session.day_tokens)
        assert tokens_on(date(2026, 1, 1), [tally, tally]) == {"a": 20, "b": 40, "c": 0}[turn_id]
    assert (tokens_on(date(2026, 1, 2), [tally]), session.tokens_used) == (10, 30)


COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(0, 30), st.just(())),
        st.tuples(st.just("commit"), st.integers(0, 30), st.lists(st.integers(1, 3), max_size=3).map(tuple)),
    ),
    max_size=80,
)


@given(COMMANDS)
@settings(max_examples=examples(60), deadline=None)
def test_any_history_keeps_the_session_in_order(commands: list[tuple[str, int, tuple[int, ...]]]) -> None:
    """Whatever enters and commits: the window is whole, no turn both waits and is done, none stands twice."""
    session = _session()
    committed: list[str] = []
    for command, number, rounds in commands:
        turn_id = f"t{number}"
        if command == "enter":
            session = enter_lane(session, _entry(turn_id))
        elif turn_id not in committed:
            session = commit_turns(session, _turn(turn_id, rounds)).session
            committed.append(turn_id)
        waiting = [entry.id for entry in session.lane]
        assert len({*waiting, *committed}) == len(waiting) + len(committed)
        assert [turn.workflow_instance_id for turn in session.turns] == committed[-WINDOW:]
        assert list(session.turn_ids) == committed
        assert session.message_count == len(committed)
        assert whole(tuple(window(session)))
    assert SessionRecord.model_validate_json(session.model_dump_json(exclude_defaults=True)) == session


def test_an_interruption_leaves_a_cancelled_turn_cancelled() -> None:
    """Whoever was told that a waiting turn is cancelled never sees it interrupted; the others of the lane are."""
    session = enter_lane(enter_lane(_session(), _entry("running")), _entry("waiting", 1))
    session = cancel_waiting(session, "waiting", NOW + timedelta(minutes=2))
    change = interrupt_with(session, _entry("urgent", 3), "interrupted", NOW + timedelta(minutes=3))
    assert {turn.workflow_instance_id: turn.outcome for turn in change.closed} == {
        "running": "interrupted",
        "waiting": "cancelled",
    }
    assert [entry.id for entry in change.session.lane] == ["urgent"]
