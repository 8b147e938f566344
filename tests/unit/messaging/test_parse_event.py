"""Reading a CloudEvent from strangers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.sizes import examples

from travelbuddy.messaging.inbox import DirectMessage, parse_event

BODY = {"text": "Paris to Nice", "sender": "ada"}
MESSAGE = DirectMessage(text="Paris to Nice", sender="ada")
ENVELOPE = {"specversion": "1.0", "id": "e1", "source": "x", "type": "t", "datacontenttype": "application/json"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=8), part, max_size=4),
    max_leaves=12,
)
NEAR = st.fixed_dictionaries({}, optional={"text": JSON, "sender": JSON, "id": JSON, "data": JSON})


@pytest.mark.parametrize(
    "event",
    [
        {**ENVELOPE, "data": BODY},
        {**ENVELOPE, "data": {"data": BODY}},
        {"data": BODY},
        BODY,
        {**ENVELOPE, "data": {**BODY, "mood": "good"}},
    ],
    ids=["event", "event-with-data-in-data", "data", "bare", "more-fields"],
)
def test_every_form_of_the_body_is_read(event: dict[str, Any]) -> None:
    """``{"data": {"text", "sender"}}`` and ``{"text", "sender"}``, with or without the broker's envelope."""
    assert parse_event(json.dumps(event).encode()) == (event, MESSAGE)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_any_unicode_encoding_is_read(encoding: str) -> None:
    """JSON says its own encoding; a byte order mark is no trouble."""
    text = json.dumps({"data": {"text": "Zürich → 東京", "sender": "ada"}}, ensure_ascii=False)
    assert parse_event(text.encode(encoding))[1].text == "Zürich → 東京"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"hello", "not JSON"),
        (b"\xff\xfe\xfd", "not JSON"),
        (b"9" * 10_000, "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"data":' * 100_000, "not JSON"),
        (b'{"data":' * 100_000 + b"1" + b"}" * 100_000, "not JSON"),
        (b"[]", "not a CloudEvent"),
        (b'[{"text":"x","sender":"a"}]', "not a CloudEvent"),
        (b"null", "not a CloudEvent"),
        (b'"text"', "not a CloudEvent"),
        (b"17", "not a CloudEvent"),
        (b'{"data":[]}', "data: send an object"),
        (b'{"data":null}', "data: send an object"),
        (b'{"data":"Paris"}', "data: send an object"),
        (b'{"id":"\\ud800","data":{"text":"x","sender":"a"}}', "id: "),
    ],
    ids=lambda part: repr(part)[:40],
)
def test_what_is_no_event_is_refused_with_a_reason(raw: bytes, reason: str) -> None:
    """A ValueError whose text can be shown to whoever reads the dead letters."""
    with pytest.raises(ValueError, match=reason):
        parse_event(raw)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"sender": "ada"}, "text"),
        ({"text": "x"}, "sender"),
        ({"text": "", "sender": "ada"}, "text"),
        ({"text": " \n", "sender": "ada"}, "text"),
        ({"text": "x" * 20_001, "sender": "ada"}, "text"),
        ({"text": 17, "sender": "ada"}, "text"),
        ({"text": "\ud800", "sender": "ada"}, "text"),
        ({"text": "x", "sender": ""}, "sender"),
        ({"text": "x", "sender": "a/b"}, "sender"),
        ({"text": "x", "sender": None}, "sender"),
        ({"text": "x", "sender": "\udfff"}, "sender"),
        ({"text": "x", "sender": "x" * 129}, "sender"),
    ],
)
def test_a_message_that_cannot_be_a_turn_is_refused_by_field(data: dict[str, Any], field: str) -> None:
    """The one wrong field is named."""
    with pytest.raises(ValidationError) as refused:
        parse_event(json.dumps({"data": data}).encode())
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


@given(st.one_of(JSON, NEAR, st.fixed_dictionaries({"data": NEAR})))
@settings(max_examples=examples(300), deadline=None)
def test_no_json_breaks_the_door(event: Any) -> None:
    """For any JSON: a message that can be accepted, or a ValueError; nothing else."""
    _read(json.dumps(event).encode())


@given(st.binary(max_size=60))
@example(b'{"data": {"text": "x", "sender": "a"}, "id": 1e999}')
@example(b'{"data": {"text": "x", "sender": "a"}, "id": NaN}')
@settings(max_examples=examples(300), deadline=None)
def test_no_bytes_break_the_door(raw: bytes) -> None:
    """For any bytes: a message that can be accepted, or a ValueError; nothing else."""
    _read(raw)


def _read(raw: bytes) -> None:
    try:
        event, message = parse_event(raw)
    except ValueError:  # pydantic's ValidationError is one
        return
    assert message.text.strip()
    assert 1 <= len(message.sender) <= 128
    f"{event.get('id')}{message.text}{message.sender}".encode()
