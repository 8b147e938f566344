"""A Redis server as an object: the installed program, on a port and in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.integration.framework.polling import poll_until
from tests.integration.framework.program import Program, installed

from travelbuddy.runtime.ports import PortPlan

START_TIMEOUT = 10.0


class RedisServer:
    """``async with RedisServer() as redis``: empty, on the loopback interface, gone with all it held afterwards.

    Skips the test where Redis is not installed, and fails it where CI runs it.
    """

    def __init__(self, *, durable: bool = False, options: Mapping[str, str] | None = None) -> None:
        """``durable``: what it acknowledged is there again after a kill. ``options`` are further ones of its own."""
        self.port = 0
        self._options = dict(options or {})
        self._durable = durable
        self.folder = Path(tempfile.mkdtemp(prefix="travelbuddy-redis-"))
        self._ports = PortPlan()
        self._program: Program | None = None

    @property
    def pid(self) -> int:
        """Its process."""
        if self._program is None:
            raise AssertionError("the server was not started")
        return self._program.pid

    @property
    def address(self) -> str:
        """What a component's ``redisHost`` says."""
        return f"127.0.0.1:{self.port}"

    async def __aenter__(self) -> RedisServer:
        try:
            await self.start()
        except BaseException:
            self.close()
            raise
        return self

    async def start(self) -> None:
        """Start it; return when it answers."""
        self.port = self.port or self._ports.pick()
        self._program = Program(self._command(redis_program("redis-server")), self.folder)
        await self._program.answers(lambda: self.ask("PING") == "PONG", START_TIMEOUT, "Redis answers")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, *command: str) -> str:
        """The answer of redis-cli."""
        client = [redis_program("redis-cli"), "-h", "127.0.0.1", "-p", str(self.port), *command]
        return subprocess.run(
            client, capture_output=True, text=True, errors="replace", timeout=5, check=True
        ).stdout.strip()

    def _command(self, program: str) -> list[str]:
        options = {"bind": "127.0.0.1", "port": self.port, "dir": self.folder, "save": ""}
        options |= {"appendonly": "yes", "appendfsync": "always"} if self._durable else {"appendonly": "no"}
        options |= self._options
        return [program, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]

    async def kill(self) -> None:
        """SIGKILL it; what it held is in its file."""
        os.kill(self.pid, signal.SIGKILL)
        await poll_until(lambda: self._program is None or self._program.ended, START_TIMEOUT, "Redis is gone")

    def refuse(self) -> None:
        """Let every command fail at once."""
        self.ask("ACL", "SETUSER", "default", "-@all", "+acl")

    def allow(self) -> None:
        """Let them be done again."""
        self.ask("ACL", "SETUSER", "default", "+@all")

    def close(self) -> None:
        """End it and remove what it held."""
        if self._program is not None:
            self._program.stop()
        self._ports.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def redis_program(name: str) -> str:
    """The path of one of Redis's programs."""
    return installed(name, "redis-server")
