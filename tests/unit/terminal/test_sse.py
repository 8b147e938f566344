from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.terminal.sse import Event, EventParser


def parse(*parts: bytes) -> list[Event]:
    """All events of a stream that arrives in these parts."""
    parser = EventParser()
    return [event for part in parts for event in parser.feed(part)]


def test_an_event_has_name_data_and_id() -> None:
    """An event ends with an empty line; the id stays for events without one of their own."""
    stream = b'event: token\ndata: {"text": "hi"}\nid: 2t1.0a\n\ndata: {}\n\n'
    assert parse(stream) == [Event("token", {"text": "hi"}, "2t1.0a"), Event("message", {}, "2t1.0a")]


def test_what_is_no_event_is_passed_over() -> None:
    """Comments, unknown fields, data that is no JSON object and an event cut off at the end give nothing."""
    assert parse(b': ping\n\nretry: 1000\n\ndata: nonsense\n\ndata: [1]\n\nevent: token\ndata: {"a": 1}\n') == []


def test_data_of_several_lines_is_joined() -> None:
    """Several data lines are one text, and a byte order mark is none of it."""
    assert parse(b'\xef\xbb\xbfdata: {"a":\ndata: 1}\n\n') == [Event("message", {"a": 1})]


@given(st.lists(st.text(), max_size=4), st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_it_does_not_matter_where_the_stream_is_cut(texts: list[str], end: str, data: st.DataObject) -> None:
    """Whatever the texts hold, whichever line ends are used and wherever the bytes are cut, the events are the same."""
    lines = [f"event: token{end}data: {json.dumps({'text': text}, ensure_ascii=False)}{end}{end}" for text in texts]
    stream = "".join(lines).encode("utf-8", "replace")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    wanted = [text.encode("utf-8", "replace").decode() for text in texts]
    assert parse(*parts) == [Event("token", {"text": text}) for text in wanted]
