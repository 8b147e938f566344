"""Takes a row of a workflow instance out of the store, past Dapr: what daprd's own lost writes come to."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.integration.framework.stores import InFile, InPostgres, InRedis, Place

WORKFLOW = "||dapr.internal.default.stateful-llm.workflow||"


def tear(kept_in: Place, data_dir: Path, instance_id: str, row: str) -> str:
    """Delete the instance's last ``inbox`` or ``history`` row; returns its key. Where it has no inbox row, say it has.

    daprd must not run. A count of inbox entries that are not there is what dapr/dapr#10155 leaves behind.
    """
    keys = sorted(_keys(kept_in, data_dir, f"{WORKFLOW}{instance_id}||{row}-"))
    if not keys:
        raise AssertionError(f"instance {instance_id} has no {row} row")
    _delete(kept_in, data_dir, keys[-1])
    return keys[-1]


def _keys(kept_in: Place, data_dir: Path, part: str) -> list[str]:
    if isinstance(kept_in, InFile):
        with sqlite3.connect(data_dir / "state.sqlite") as store:
            found = store.execute("SELECT key FROM workflow_state WHERE instr(key, ?) > 0", (part,))
            return [key for (key,) in found]
    if isinstance(kept_in, InRedis):
        keys: list[str] = json.loads(kept_in.redis.ask("--json", "KEYS", f"*{part}*"))
        return keys
    assert isinstance(kept_in, InPostgres)
    query = f"SELECT key FROM workflow_state WHERE strpos(key, '{part}') > 0"  # noqa: S608  ids of ours
    return kept_in.server.ask(query, kept_in.database).splitlines()


def _delete(kept_in: Place, data_dir: Path, key: str) -> None:
    if isinstance(kept_in, InFile):
        with sqlite3.connect(data_dir / "state.sqlite") as store:
            store.execute("DELETE FROM workflow_state WHERE key = ?", (key,))
    elif isinstance(kept_in, InRedis):
        kept_in.redis.ask("DEL", key)
    elif isinstance(kept_in, InPostgres):
        kept_in.server.ask(f"DELETE FROM workflow_state WHERE key = '{key}'", kept_in.database)  # noqa: S608
