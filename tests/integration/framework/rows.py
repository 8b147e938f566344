"""Every row of a store, as text: what a raw scan finds."""

from __future__ import annotations

import base64
import binascii
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import yaml
from tests.integration.framework.redis_server import RedisServer
from tests.integration.framework.stack import COMPONENTS


def sqlite_rows(path: Path, only: str | None = None) -> Iterator[str]:
    """All values of all tables, or of one; what is base64 also decoded."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in [only] if only else tables:
            for row in store.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  the name comes from the file itself
                for value in row:
                    yield from _texts(value)


def redis_rows(server: RedisServer) -> Iterator[str]:
    """All keys and their contents, of whatever type."""
    commands = {"hash": ("HGETALL",), "string": ("GET",), "stream": ("XRANGE",)}
    for key in server.ask("--scan").splitlines():
        yield key
        kind = server.ask("TYPE", key)
        if kind == "none":  # gone meanwhile
            continue
        more = ("-", "+") if kind == "stream" else ()
        for line in server.ask("--raw", *commands[kind], key, *more).splitlines():
            yield from _texts(line)


def redis_components(folder: Path, server: RedisServer) -> Path:
    """The embedded components with both state stores in this Redis."""
    shutil.copytree(COMPONENTS, folder)
    for name in ("workflowstatestore", "conversationstore"):
        settings = {"redisHost": server.address, "redisPassword": "", "keyPrefix": "name"}
        if name == "workflowstatestore":
            settings["actorStateStore"] = "true"
        component = {
            "apiVersion": "dapr.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": name},
            "spec": {
                "type": "state.redis",
                "version": "v1",
                "metadata": [{"name": key, "value": value} for key, value in settings.items()],
            },
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(component), encoding="utf-8")
    return folder


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
