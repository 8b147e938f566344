"""The stores that the suite runs on: for each a way to start a stack on it, and to look past the service at its rows.

`Stack` asks `place()` where to keep its state; tests/integration/conftest.py chooses, for all tests of one store after
those of another. Every stack gets a place of its own: a file, a Redis, a database.
"""

from __future__ import annotations

import os
import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import yaml
from tests.integration.framework.postgres_server import PostgresServer
from tests.integration.framework.redis_server import RedisServer
from tests.integration.framework.rows import (
    Key,
    postgres_keys,
    postgres_rows,
    redis_keys,
    redis_rows,
    sqlite_keys,
    sqlite_rows,
)

ROOT = Path(__file__).resolve().parents[3]
EMBEDDED = ROOT / "components"
DEPLOYED = ROOT / "deploy" / "components"
STORES = ("sqlite", "redis", "postgres")
TABLES = ("workflow_state", "conversation_state")


def stores_of(
    named: Sequence[str] | None, asked: Sequence[str] | None, *, every: bool, gate: Sequence[str] | None = None
) -> list[str]:
    """The stores that a test runs on.

    Its marker has ``named`` those that its claim is about: there it runs always, or, where it takes long, on those of
    ``gate`` unless ``every`` store is wanted. Without a marker its claim is about no store; then one is enough.
    ``asked`` are the only ones to be used now.
    """
    all_of_it = every or bool(asked)
    usual = STORES if all_of_it else STORES[:1]
    wanted = named or usual if all_of_it else gate or named or usual
    return [name for name in STORES if name in wanted and (not asked or name in asked)]


class Place(ABC):
    """Where one stack keeps its state. ``env`` is for its sidecars."""

    name: str
    components: Path
    broker: RedisServer | None = None
    """Where its messages are; None when they are in the sidecar's memory."""

    @property
    def env(self) -> Mapping[str, str]:
        """What the components are told by the environment."""
        return {}

    async def open(self) -> None:  # noqa: B027  a file needs nothing
        """Make ready; called before the stack's first start."""

    def close(self) -> None:  # noqa: B027
        """Remove everything."""

    async def kill(self) -> None:
        """SIGKILL the whole server, and start it again on what it has on the disk."""
        raise NotImplementedError

    def pause(self) -> None:
        """Let it hang: connections stay open, nobody answers."""
        raise NotImplementedError

    def resume(self) -> None:
        """Let it go on."""
        raise NotImplementedError

    def refuse(self) -> None:
        """Let every operation on state fail at once."""
        raise NotImplementedError

    def allow(self) -> None:
        """Let them be done again."""
        raise NotImplementedError

    @abstractmethod
    def rows(self) -> Iterator[str]:
        """A raw scan: all that is stored as state, as text, decoded where it is encoded."""

    @abstractmethod
    def all_keys(self) -> list[Key]:
        """All keys of both components, with their sizes and what is left of their lives."""


class InFile(Place):
    """The embedded default: a file in the folder of the stack."""

    name = "sqlite"
    components = EMBEDDED

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / "state.sqlite"

    def rows(self) -> Iterator[str]:
        return sqlite_rows(self._file)

    def all_keys(self) -> list[Key]:
        return sqlite_keys(self._file)


class InRedis(Place):
    """A Redis of the stack's own, for state and messages."""

    name = "redis"
    components = DEPLOYED / "redis"

    def __init__(self, *, durable: bool = False, options: Mapping[str, str] | None = None) -> None:
        self.redis = self.broker = RedisServer(durable=durable, options=options)

    @property
    def env(self) -> Mapping[str, str]:
        return {"REDIS_HOST": self.redis.address}

    async def open(self) -> None:
        await self.redis.start()

    def close(self) -> None:
        self.redis.close()

    async def kill(self) -> None:
        await self.redis.kill()
        await self.redis.start()

    def pause(self) -> None:
        os.kill(self.redis.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.redis.pid, signal.SIGCONT)

    def refuse(self) -> None:
        self.redis.refuse()

    def allow(self) -> None:
        self.redis.allow()

    def rows(self) -> Iterator[str]:
        return redis_rows(self.redis)

    def all_keys(self) -> list[Key]:
        return redis_keys(self.redis)


class InPostgres(Place):
    """A database of the stack's own on the server of this run, and a Redis for its messages."""

    name = "postgres"
    components = DEPLOYED / "postgres"

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.database = ""
        self.broker: RedisServer = RedisServer()

    @property
    def env(self) -> Mapping[str, str]:
        return {"POSTGRES_CONNECTION": self.server.url(self.database), "REDIS_HOST": self.broker.address}

    async def open(self) -> None:
        self.database = self.server.new_database()
        await self.broker.start()

    def close(self) -> None:
        self.broker.close()
        if self.database and self.server.pid is not None:
            self.server.drop_database(self.database)

    async def kill(self) -> None:
        await self.server.kill()
        await self.server.start()

    def pause(self) -> None:
        self.server.pause()

    def resume(self) -> None:
        self.server.resume()

    def refuse(self, *tables: str) -> None:
        for table in tables or TABLES:
            self.server.ask(f"ALTER TABLE {table} RENAME TO {table}_away", self.database)

    def allow(self, *tables: str) -> None:
        for table in tables or TABLES:
            self.server.ask(f"ALTER TABLE {table}_away RENAME TO {table}", self.database)

    def rows(self) -> Iterator[str]:
        return postgres_rows(self.server, self.database)

    def all_keys(self) -> list[Key]:
        return postgres_keys(self.server, self.database)


class Chosen:
    """The store of the tests that run now."""

    name = "sqlite"
    postgres: PostgresServer | None = None


def place(data_dir: Path) -> Place:
    """A new place on the store of the tests that run now."""
    if Chosen.name == "redis":
        return InRedis()
    if Chosen.name == "postgres":
        assert Chosen.postgres is not None
        return InPostgres(Chosen.postgres)
    return InFile(data_dir)


@asynccontextmanager
async def own_server() -> AsyncIterator[Place]:
    """A place on a server that is nobody else's: it may be killed and stopped."""
    async with AsyncExitStack() as around:
        if Chosen.name == "postgres":
            own: Place = InPostgres(await around.enter_async_context(PostgresServer()))
        else:
            own = InRedis(durable=True)
        around.callback(own.close)
        await own.open()
        yield own


def copy_of_components(folder: Path) -> Path:
    """The components of the store of the tests that run now, to be changed."""
    source = {"sqlite": EMBEDDED}.get(Chosen.name, DEPLOYED / Chosen.name)
    shutil.copytree(source, folder, dirs_exist_ok=True)
    return folder


def redis_components(folder: Path, server: RedisServer) -> Path:
    """The embedded components with both state stores in this Redis."""
    shutil.copytree(EMBEDDED, folder)
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
