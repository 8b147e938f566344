"""Sessions and turns as they are stored, read past the service: from SQLite's file, or from the server itself."""

from __future__ import annotations

import base64
import binascii
import json
import socket
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from chaos.evidence import StoredMessage, StoredSession, StoredTurn

PREFIX = "stateful-llm||"
_AT_ONCE = 100
Json = dict[str, Any]
Stored = tuple[dict[str, StoredSession], dict[str, StoredTurn]]


def read_sqlite(path: Path) -> Stored:
    """All sessions and turns of the embedded store, by their ids."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        rows = store.execute("SELECT key, value FROM conversation_state").fetchall()
    return _parsed((str(key), _plain(value)) for key, value in rows)


def read_redis(port: int) -> Stored:
    """All sessions and turns of a Redis, by their ids."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        return _parsed(_redis_rows(_Redis(connection)))


def read_postgres(rows: Iterable[tuple[str, bytes]]) -> Stored:
    """All sessions and turns of a PostgreSQL, by their ids."""
    return _parsed(iter(rows))


def _redis_rows(redis: _Redis) -> Iterator[tuple[str, bytes]]:
    for kind in ("session", "turn"):
        keys = redis.ask("KEYS", f"{PREFIX}{kind}:*")
        for start in range(0, len(keys), _AT_ONCE):
            for key in keys[start : start + _AT_ONCE]:
                value = redis.ask("HGET", key.decode(), "data")
                if value is not None:
                    yield key.decode(), value


class _Redis:
    """Redis's protocol, as much of it as reading needs (https://redis.io/docs/latest/develop/reference/protocol-spec)."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._answers = connection.makefile("rb")

    def ask(self, *words: str) -> Any:
        """The answer to a command: bytes, a number, a list, or None."""
        parts = [word.encode() for word in words]
        text = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self._connection.sendall(b"*%d\r\n%s" % (len(parts), text))
        return self._value()

    def _value(self) -> Any:
        line = self._answers.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"-":
            raise ValueError(f"Redis refused: {rest.decode()}")
        if kind == b":":
            return int(rest)
        if kind == b"*":
            return [self._value() for _ in range(int(rest))]
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self._answers.read(length + 2)[:-2]
        return rest


def _plain(value: object) -> bytes:
    """A value of SQLite's table: daprd writes bytes as a JSON text of base64."""
    data = value if isinstance(value, bytes) else str(value).encode()
    try:
        return base64.b64decode(data.strip(b'"'), validate=True)
    except (binascii.Error, ValueError):
        return data


def _parsed(rows: Iterator[tuple[str, bytes]]) -> Stored:
    sessions: dict[str, StoredSession] = {}
    turns: dict[str, StoredTurn] = {}
    for key, value in rows:
        kind, _, name = key.removeprefix(PREFIX).partition(":")
        if kind == "session":
            sessions[name] = _session(json.loads(value))
        elif kind == "turn":
            turns[name] = _turn(json.loads(value))
    return sessions, turns


def _session(record: Json) -> StoredSession:
    return StoredSession(
        id=record["session_id"],
        user=record["user_id"],
        turn_ids=tuple(record.get("turn_ids", ())),
        waiting=tuple(entry["id"] for entry in record.get("lane", ())),
        inline=tuple(map(_turn, record.get("turns", ()))),
    )


def _turn(record: Json) -> StoredTurn:
    return StoredTurn(
        id=record["workflow_instance_id"],
        session=record["session_id"],
        user=record["user_id"],
        outcome=record["outcome"],
        created_at=_time(record["created_at"]),
        completed_at=_time(record["completed_at"]),
        messages=tuple(map(_message, record["messages"])),
    )


def _message(record: Json) -> StoredMessage:
    calls = tuple(call["id"] for call in record.get("tool_calls") or ())
    return StoredMessage(record["role"], record["content"], calls, record.get("tool_call_id"))


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
