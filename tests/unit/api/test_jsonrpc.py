"""What comes to `/mcp` is one message of JSON-RPC, or is told what it is not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from fastapi import Response
from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.api.jsonrpc import Asked, read

BOTH = "application/json, text/event-stream"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON_VALUES,
        "id": st.integers() | JSON_VALUES,
        "method": st.sampled_from(["ping", "tools/call"]) | JSON_VALUES,
        "params": st.dictionaries(st.sampled_from(["_meta", "name", "arguments"]), JSON_VALUES) | JSON_VALUES,
    },
)


@given(st.binary(max_size=200) | (PARTS | JSON_VALUES).map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_message_or_refused(body: bytes) -> None:
    """Nothing breaks it: an error has a code and a text, and what is let through is an object with a known method."""
    found = read(body, BOTH)
    if isinstance(found, Asked):
        assert found.message["method"] in {"ping", "tools/call"}
        assert isinstance(found.message.get("params", {}), dict)
    elif found.status_code != 202:
        assert isinstance(json.loads(bytes(found.body))["error"]["code"], int)


@pytest.mark.parametrize(
    ("meta", "accept", "streamed"),
    [({"progressToken": 0}, BOTH, True), ({"progressToken": 0}, "application/json", False), ({}, BOTH, False)],
)
def test_only_who_asked_for_progress_gets_a_stream(meta: dict[str, int], accept: str, streamed: bool) -> None:
    """An answer is one piece, unless its caller can read a stream and wants to hear of progress."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x", "_meta": meta}}
    found = read(json.dumps(body).encode(), accept)
    assert isinstance(found, Asked)
    assert found.streamed is streamed


def test_what_wants_no_answer_gets_none() -> None:
    """Notifications and responses are taken without a word."""
    for body in ({"method": "notifications/initialized"}, {"id": 1, "result": {}}):
        found = read(json.dumps({"jsonrpc": "2.0", **body}).encode(), BOTH)
        assert isinstance(found, Response)
        assert (found.status_code, found.body) == (202, b"")


def test_the_sdk_is_not_loaded_with_the_app() -> None:
    """Whoever has no MCP client pays neither its half second nor its memory."""
    looks = "import sys, travelbuddy.app, travelbuddy.bootstrap; sys.exit('mcp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", looks], check=False).returncode == 0
