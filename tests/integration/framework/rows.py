"""Every row of a store, as text: what a raw scan finds."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.integration.framework.postgres_server import PostgresServer
from tests.integration.framework.redis_server import RedisServer

DAY = 86_400
_WORKFLOW = "||dapr.internal."
_HASHES = """
local found, cursor = {}, "0"
repeat
  local page = redis.call("SCAN", cursor, "TYPE", "hash", "COUNT", 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    found[#found + 1] = {key, redis.call("HGETALL", key), redis.call("TTL", key)}
  end
until cursor == "0"
return found
"""


def sqlite_rows(path: Path, only: str | None = None) -> Iterator[str]:
    """All values of all tables, or of one; what is base64 also decoded."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in [only] if only else tables:
            for row in store.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  the name comes from the file itself
                for value in row:
                    yield from _texts(value)


def redis_rows(server: RedisServer) -> Iterator[str]:
    """All keys of state and their contents; the streams are messages on their way, and end by themselves."""
    for key, fields, _ in _redis_hashes(server):
        yield key
        for field in fields:
            yield from _texts(field)


def _redis_hashes(server: RedisServer) -> list[tuple[str, list[str], int]]:
    """Every hash: its key, its fields with their values, and the seconds that it has left or -1."""
    found: list[tuple[str, list[str], int]] = json.loads(server.ask("--json", "EVAL", _HASHES, "0"), strict=False)
    return found


def postgres_rows(server: PostgresServer, database: str) -> Iterator[str]:
    """All values of all tables; bytes as the text that they are."""
    tables = server.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database).splitlines()
    for table in tables:
        for line in server.ask(f'SELECT to_json(t) FROM "{table}" AS t', database).splitlines():  # noqa: S608
            for value in json.loads(line).values():
                if isinstance(value, str) and value.startswith("\\x"):
                    yield bytes.fromhex(value[2:]).decode(errors="replace")
                else:
                    yield from _texts(str(value))


class Key(NamedTuple):
    """One key of the two components; ``name`` without the prefix, ``days`` of life or None for ever."""

    of_workflow: bool
    name: str
    size: int
    days: float | None


def sqlite_keys(path: Path) -> list[Key]:
    """All keys; the file has bytes as base64."""
    found = []
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        query = "SELECT key, length(value) * 3 / 4, julianday(expiration_time) - julianday(update_time) FROM {}"
        for table in ("workflow_state", "conversation_state"):
            rows = store.execute(query.format(table))
            found += [Key(table == "workflow_state", _name(key), size, days) for key, size, days in rows]
    return found


def redis_keys(server: RedisServer) -> list[Key]:
    """All keys of state; the others are streams of messages."""
    found = []
    for key, fields, seconds in _redis_hashes(server):
        size = len(dict(zip(fields[::2], fields[1::2], strict=True)).get("data", ""))
        found.append(Key(_WORKFLOW in key, _name(key), size, seconds / DAY if seconds >= 0 else None))
    return found


def postgres_keys(server: PostgresServer, database: str) -> list[Key]:
    """All keys of both tables."""
    query = """SELECT json_build_array(key, octet_length(value),
        extract(epoch FROM expires_at - coalesce(updated_at, created_at))) FROM """
    found = []
    for table in ("workflow_state", "conversation_state"):
        for key, size, seconds in map(json.loads, server.ask(query + table, database).splitlines()):
            found.append(Key(table == "workflow_state", _name(key), size, seconds and seconds / DAY))
    return found


def _name(key: str) -> str:
    return key.partition("||")[2]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if not isinstance(value, str):
        return
    yield value
    try:
        yield base64.b64decode(value.strip('"'), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return
