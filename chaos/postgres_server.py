"""A PostgreSQL that is killed and comes back with what it had acknowledged."""

from __future__ import annotations

import asyncio
import subprocess

from tests.integration.framework.postgres_server import PostgresServer, postgres_program

OURS = "SELECT key || '|' || encode(value, 'hex') FROM conversation_state"


class Postgres:
    """A server with PostgreSQL's own settings: a commit is on the disk before it is answered."""

    def __init__(self) -> None:
        self._server = PostgresServer(settings={})

    @property
    def url(self) -> str:
        """What a component's ``connectionString`` says."""
        return self._server.url()

    @property
    def up(self) -> bool:
        """Whether there is a process of it."""
        return self._server.pid is not None

    async def start(self) -> None:
        """Start it on the data it had; return when it answers."""
        await self._server.start()

    async def kill(self, away: float) -> None:
        """SIGKILL to all of its processes at once; back after ``away`` seconds."""
        await self._server.kill()
        await asyncio.sleep(away)
        await self._server.start()

    def pause(self) -> None:
        """SIGSTOP."""
        self._server.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self._server.resume()

    def answers(self) -> bool:
        """Whether it takes connections; while it recovers it does not."""
        return self._server.answers()

    def rows(self) -> list[tuple[str, bytes]]:
        """Keys and values of all conversations."""
        pairs = (line.rpartition("|")[::2] for line in self._server.ask(OURS).splitlines())
        return [(key, bytes.fromhex(value)) for key, value in pairs]

    def close(self) -> None:
        """End it, and remove its data."""
        self._server.close()


def version() -> str:
    """The installed server's version."""
    said = subprocess.run([postgres_program("postgres"), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return said.stdout.split()[2]
