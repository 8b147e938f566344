"""What the fault run reads past the service: rows as daprd's stores keep them."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path

import pytest
from chaos.evidence import StoredMessage
from chaos.stores import read_postgres, read_sqlite

TURN = {
    "workflow_instance_id": "t1",
    "session_id": "s1",
    "user_id": "u1",
    "outcome": "answered",
    "created_at": "2026-01-01T00:00:00Z",
    "completed_at": "2026-01-01T00:00:01.500000Z",
    "messages": [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "name": "search_flights"}]},
        {"role": "tool", "content": "{}", "tool_call_id": "c1"},
        {"role": "assistant", "content": "hi"},
    ],
}
SESSION = {"session_id": "s1", "user_id": "u1", "turn_ids": ["t1"], "turns": [TURN], "lane": [{"id": "t2"}]}


@pytest.mark.parametrize("encoded", [True, False])
def test_sessions_and_turns_are_read_from_the_file(tmp_path: Path, encoded: bool) -> None:
    """Sessions and turns come out whole, however daprd wrote the value; other rows are left alone."""
    path = tmp_path / "state.sqlite"
    rows = {"session:s1": SESSION, "turn:t1": TURN, "tally:u1/s1": {}, "user:u1": {"user_id": "u1"}}
    with sqlite3.connect(path) as store:
        store.execute("CREATE TABLE conversation_state (key TEXT, value TEXT)")
        for key, value in rows.items():
            text = json.dumps(value)
            kept = json.dumps(base64.b64encode(text.encode()).decode()) if encoded else text
            store.execute("INSERT INTO conversation_state VALUES (?, ?)", (f"stateful-llm||{key}", kept))
    sessions, turns = read_sqlite(path)
    assert set(sessions) == {"s1"}
    assert set(turns) == {"t1"}
    assert sessions["s1"].waiting == ("t2",)
    assert sessions["s1"].inline == (turns["t1"],)
    assert turns["t1"].completed_at - turns["t1"].created_at == 1.5
    assert turns["t1"].messages == (
        StoredMessage("user", "hello"),
        StoredMessage("assistant", "", calls=("c1",)),
        StoredMessage("tool", "{}", answers="c1"),
        StoredMessage("assistant", "hi"),
    )


def test_sessions_and_turns_are_read_from_the_table_of_postgresql() -> None:
    """There the value is the record itself; other rows are left alone."""
    rows = {"session:s1": SESSION, "turn:t1": TURN, "tally:u1/s1": {}}
    sessions, turns = read_postgres((f"stateful-llm||{key}", json.dumps(value).encode()) for key, value in rows.items())
    assert set(sessions) == {"s1"}
    assert sessions["s1"].inline == (turns["t1"],)
