"""Whatever arrives as an event, the door stays up: it becomes one turn, or one dead letter that says why."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.messaging.test_inbox import Door

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text(st.characters(categories=["Cs"]))
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))
NAMES = st.sampled_from(
    ["id", "source", "type", "specversion", "subject", "data", "data_base64", "text", "sender", "time"]
)
MESSAGES = st.fixed_dictionaries({"text": JSON | st.just("hello"), "sender": JSON | st.just("ada")})
EVENTS = st.dictionaries(NAMES | st.text(), MESSAGES | JSON, max_size=8) | MESSAGES
BYTES = st.one_of(
    st.binary(max_size=200),
    EVENTS.map(lambda event: json.dumps(event).encode()),
    EVENTS.map(lambda event: json.dumps(event).encode("utf-16")),
    st.tuples(EVENTS, st.integers(0, 400)).map(lambda cut: json.dumps(cut[0]).encode()[: cut[1]]),
    st.sampled_from(
        [b"[" * 100_000, b'{"data":' * 5_000 + b"1" + b"}" * 5_000, b'{"id":"a","id":"b","text":"x","text":1}']
    ),
)


async def _deliver(raw: bytes, times: int = 1) -> tuple[set[str], Door]:
    door = Door()
    try:
        return {await door.deliver(raw) for _ in range(times)}, door
    finally:
        await door.http.aclose()


@given(raw=BYTES)
def test_any_bytes_become_one_turn_or_one_dead_letter(raw: bytes) -> None:
    """Never an error, which would make the broker deliver it for ever; and a dead letter has a reason."""
    said, door = asyncio.run(_deliver(raw))
    assert said == {"SUCCESS"}
    assert len(door.inputs) + len(door.broker.letters) == 1
    assert all(letter["reason"] for _, letter in door.broker.letters)


@given(
    extras=st.dictionaries(st.text(), JSON, max_size=5),
    event_id=st.text(min_size=1, max_size=300),
    text=st.text(min_size=1, max_size=50).filter(str.strip),
    wrapped=st.booleans(),
)
def test_a_good_message_is_taken_once_whatever_stands_beside_it(
    extras: dict[str, Any], event_id: str, text: str, wrapped: bool
) -> None:
    """Fields that nobody knows change nothing, and a redelivery is the same turn."""
    message = {"text": text, "sender": "ada"}
    known = {"id": event_id, "data": message} if wrapped else {"id": event_id, **message}
    unknown = {key: value for key, value in extras.items() if key != "data"}
    said, door = asyncio.run(_deliver(json.dumps({**unknown, **known}).encode(), times=3))
    assert said == {"SUCCESS"}
    assert [turn.message for turn in door.inputs] == [text]
    assert door.broker.letters == []


@pytest.mark.parametrize("sender", ["../user:bob", "bob|x", "a" * 129, "bob\n", "", "dm-bob/..", "\x00"])
def test_a_sender_is_a_user_id_or_a_dead_letter(sender: str) -> None:
    """No sender reaches another key of the store than its own."""
    _, door = asyncio.run(_deliver(json.dumps({"id": "1", "text": "hi", "sender": sender}).encode()))
    assert door.inputs == []
    assert len(door.broker.letters) == 1
