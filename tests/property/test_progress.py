"""A client that follows a turn ends with the stored reply, whatever is lost, doubled, reordered or said again."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.progress import Cursor, Event, Said, events_after, parse_cursor, steps_of
from travelbuddy.live_turn import LiveTurn

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


def _record(steps: list[tuple[str, int]], reply: str) -> TurnRecord:
    messages = [Message(role="user", content="hi", timestamp=NOW)]
    for number, (text, count) in enumerate(steps):
        calls = tuple(ToolCall(id=f"{number}-{i}", name="search_flights", arguments="{}") for i in range(count))
        messages.append(Message(role="assistant", content=text, timestamp=NOW, tool_calls=calls))
        messages += [Message(role="tool", content='{"a": 1}', timestamp=NOW, tool_call_id=c.id) for c in calls]
    messages.append(Message(role="assistant", content=reply, timestamp=NOW))
    return TurnRecord(
        workflow_instance_id="t",
        session_id="s",
        user_id="u",
        outcome="answered",
        created_at=NOW,
        completed_at=NOW,
        messages=tuple(messages),
    )


RECORDS = st.builds(_record, st.lists(st.tuples(TEXTS | st.just(""), st.integers(1, 3)), max_size=3), TEXTS)


class Client:
    """What a client makes of events: the tokens of each step, the calls, the results, the message."""

    def __init__(self) -> None:
        self.cursor = Cursor()
        self.tokens: dict[int, str] = {}
        self.calls: dict[int, list[Any]] = {}
        self.results: dict[int, list[Any]] = {}
        self.message: Any = None

    def take(self, events: list[Event]) -> None:
        for event in events:
            step: Any = event.data.get("step")
            if event.name == "status":
                assert event.data["state"] == "restarted"
                self.tokens[step], self.calls[step], self.results[step] = "", [], []
            elif event.name == "token":
                self.tokens[step] = self.tokens.get(step, "") + str(event.data["text"])
            elif event.name == "tool_call":
                self.calls.setdefault(step, []).append(event.data["id"])
            elif event.name == "tool_result":
                self.results.setdefault(step, []).append(event.data["tool_call_id"])
            else:
                self.message = event.data["response"]
            self.cursor = parse_cursor(event.cursor.id)

    def has_it_all(self, record: TurnRecord) -> None:
        steps = steps_of(record.messages)
        assert self.tokens.get(len(steps)) == self.message == record.reply.content
        for number, said in enumerate(steps, start=1):
            assert self.tokens.get(number, "") == said.text
            assert self.calls.get(number, []) == [call.id for call in said.calls]
            assert self.results.get(number, []) == [call.id for call in said.calls]


@given(RECORDS, st.data())
def test_cut_anywhere_and_resumed_from_the_record(record: TurnRecord, data: st.DataObject) -> None:
    """A connection cut after any event goes on from the stored record, and the parts together are the whole."""
    client, everything = Client(), events_after([], Cursor(), record)
    client.take(everything[: data.draw(st.integers(0, len(everything)))])
    client.take(events_after([], client.cursor, record))
    client.has_it_all(record)
    assert events_after([], client.cursor, record) == []


@given(RECORDS, st.integers(0, 2**32), st.booleans())
def test_pieces_lost_doubled_and_reordered_are_healed(record: TurnRecord, seed: int, again: bool) -> None:
    """However notices arrive, and also when an execution was repeated, the client ends with the stored turn."""
    chance = random.Random(seed)
    client, live = Client(), LiveTurn()
    for number, said in enumerate(steps_of(record.messages), start=1):
        texts = (["said first, then lost"] if again and chance.random() < 0.5 else []) + [said.text]
        for run, text in enumerate(texts, start=1):
            cuts = sorted(chance.randint(0, len(text)) for _ in range(3))
            pieces = [(a, text[a:b]) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
            pieces = [p for p in pieces if chance.random() < 0.8] + pieces[:1]
            chance.shuffle(pieces)
            for offset, piece in pieces:
                live.say(number, number * 10 + run, offset, piece)
                client.take(events_after(live.steps, client.cursor))
        if said.calls and chance.random() < 0.7:
            live.step(number).text, live.step(number).calls = said.text, said.calls
            for call in chance.sample(said.calls, len(said.calls)):
                live.step(number).results[call.id] = said.results[call.id]
                client.take(events_after(live.steps, client.cursor))
    client.take(events_after(live.steps, client.cursor, record))
    client.has_it_all(record)


@given(st.text(max_size=20))
def test_an_id_that_is_none_of_ours_is_refused(text: str) -> None:
    """A Last-Event-ID is understood exactly when some cursor has it."""
    try:
        cursor = parse_cursor(text)
    except ValueError:
        return
    assert parse_cursor(cursor.id) == cursor


@given(RECORDS, st.integers(0, 5), st.sampled_from("tcrm"), st.integers(0, 50), st.integers(0, 2**32 - 1))
def test_a_forged_place_does_no_harm(record: TurnRecord, step: int, phase: Any, seen: int, check: int) -> None:
    """Any well-formed place gets either nothing, after the end, or everything that leads to the message."""
    events = events_after([], Cursor(step, phase, seen, check), record)
    assert (events == []) if phase == "m" else (events[-1].name == "message")


@pytest.mark.parametrize("known", [[], ["b"], ["a"], ["a", "b"]])
def test_results_are_told_in_the_order_of_the_calls(known: list[str]) -> None:
    """A result that comes before an earlier call's waits for it."""
    calls = tuple(ToolCall(id=i, name="x", arguments="{}") for i in "ab")
    events = events_after([Said("", calls, dict.fromkeys(known, "1"))], Cursor())
    told = [event.data["tool_call_id"] for event in events if event.name == "tool_result"]
    assert told == (["a", "b"][: len(known)] if known != ["b"] else [])
