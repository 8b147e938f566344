"""What counts as a whole exchange of tool calls and results."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.domain.messages import Message, ToolCall, blank, for_the_wire, unique_ids, whole

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USER = Message(role="user", content="hi", timestamp=NOW)
REPLY = Message(role="assistant", content="bye", timestamp=NOW)


def _calls(*ids: str) -> Message:
    calls = tuple(ToolCall(id=call_id, name="x", arguments="{}") for call_id in ids)
    return Message(role="assistant", content="", timestamp=NOW, tool_calls=calls)


def _result(call_id: str | None) -> Message:
    return Message(role="tool", content="{}", timestamp=NOW, tool_call_id=call_id)


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (USER, REPLY),
        (USER, _calls("a"), _result("a"), REPLY),
        (USER, _calls("a", "b"), _result("b"), _result("a"), REPLY),
        (USER, _calls("a"), _result("a"), _calls("a"), _result("a"), REPLY),
    ],
)
def test_calls_with_their_results_are_whole(messages: tuple[Message, ...]) -> None:
    """Every call answered before anything else is said, in any order of the results."""
    assert whole(messages)


@pytest.mark.parametrize(
    "messages",
    [
        (USER, _calls("a")),
        (USER, _calls("a"), REPLY),
        (USER, _calls("a"), USER, _result("a")),
        (USER, _calls("a", "b"), _result("a"), REPLY),
        (USER, _calls("a"), _calls("b"), _result("a"), _result("b")),
        (USER, _result("a"), REPLY),
        (USER, _calls("a"), _result("b"), REPLY),
        (USER, _calls("a"), _result("a"), _result("a"), REPLY),
        (USER, _calls("a"), _result(None), REPLY),
    ],
)
def test_a_call_without_its_result_is_not_whole(messages: tuple[Message, ...]) -> None:
    """An open call, an answer to no call, a doubled answer, or talk in between: not whole."""
    assert not whole(messages)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_a_whole_exchange_with_one_message_less_is_not_whole(rounds: list[int], data: st.DataObject) -> None:
    """Losing any one call or result breaks an exchange that was whole."""
    messages = [USER]
    for number, size in enumerate(rounds):
        ids = [f"{number}-{i}" for i in range(size)]
        messages += [_calls(*ids), *map(_result, data.draw(st.permutations(ids)))]
    assert whole((*messages, REPLY))
    del messages[data.draw(st.integers(1, len(messages) - 1))]
    assert not whole((*messages, REPLY))


@given(st.lists(st.lists(st.sampled_from(["", "a", "call_0", "call_1_0", "call_2_1", "call_2_1_"]), max_size=4)))
def test_ids_of_calls_are_made_unique_within_the_turn(answers: list[list[str]]) -> None:
    """However a server numbers its calls, no two of a turn share an id, none is empty, and free ones stay."""
    messages: list[Message] = []
    for step, ids in enumerate(answers, start=1):
        asked = _calls(*ids)
        used = {call.id for message in messages for call in message.tool_calls or ()}
        renamed = unique_ids(asked.tool_calls or (), messages, step)
        assert unique_ids(asked.tool_calls or (), messages, step) == renamed
        if ids and ids[0] and ids[0] not in used:
            assert renamed[0].id == ids[0]
        messages.append(asked.model_copy(update={"tool_calls": renamed}))
    every = [call.id for message in messages for call in message.tool_calls or ()]
    assert len(set(every)) == len(every)
    assert all(every)


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b\u200d\ufeff", "\u2060\u00ad\u3164", "\x00\x1b"])
def test_what_shows_nothing_is_blank(text: str) -> None:
    """White space, zero-width and control characters are no answer, and with a letter among them they are one."""
    assert blank(text)
    assert not blank(f"{text}a{text}")
    assert not blank(f"{text}👍{text}")


@given(st.lists(st.sampled_from(["user", "assistant", "blank", "calls"]), max_size=12))
def test_neighbours_of_one_role_are_joined_for_the_wire(kinds: list[str]) -> None:
    """No server sees two neighbours of one role or a blank message; every text, call and result is there, in order."""
    said: list[Message] = []
    for number, kind in enumerate(kinds):
        match kind:
            case "calls":
                said += [
                    _calls(f"c{number}"),
                    Message(role="tool", content="{}", timestamp=NOW, tool_call_id=f"c{number}"),
                ]
            case "blank":
                said.append(REPLY.model_copy(update={"content": " \u200b"}))
            case _:
                said.append((USER if kind == "user" else REPLY).model_copy(update={"content": f"text {number}"}))
    wire = for_the_wire(said)
    for before, after in itertools.pairwise(wire):
        assert before.role != after.role or "calls" in {*kinds}
        texts = {before.role, after.role} == {before.role} and before.role != "tool"
        assert not texts or before.tool_calls or after.tool_calls
    joined = [text for m in wire if m.role != "tool" and not m.tool_calls for text in m.content.split("\n\n")]
    assert joined == [m.content for m in said if m.content.startswith("text")]
    assert [m for m in wire if m.role == "tool" or m.tool_calls] == [
        m for m in said if m.role == "tool" or m.tool_calls
    ]
