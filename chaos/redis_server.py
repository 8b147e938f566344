"""A Redis that is killed and comes back with what it had acknowledged."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.child import die_with
from travelbuddy.runtime.ports import PortPlan

HOST = "127.0.0.1"
START_TIMEOUT = 20.0


class Redis:
    """A server in ``folder``.

    ``appendfsync always``: an answer is given only after the write stands in the file. With ``everysec`` a write may
    be held back in the process for up to two seconds while the disk is busy, and a kill takes it, acknowledged or not.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeProblem("redis-server is needed (Debian: apt-get install redis-server).")
        folder.mkdir(parents=True, exist_ok=True)
        self._ports = PortPlan()
        self.port = self._ports.pick()
        options = {"bind": HOST, "port": self.port, "dir": folder, "save": "", "appendonly": "yes"}
        options["appendfsync"] = "always"
        self._command = [program, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
        self._log = folder / "redis.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What a component's ``redisHost`` says."""
        return f"{HOST}:{self.port}"

    @property
    def up(self) -> bool:
        """Whether there is a process of it."""
        return self._process is not None

    async def start(self) -> None:
        """Start it on the data it had; return when it answers."""
        parent = os.getpid()
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: die_with(parent),
            )
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        while not answers(self.port):
            if self._process.poll() is not None or asyncio.get_running_loop().time() > deadline:
                raise RuntimeProblem(f"Redis does not start; see {self._log}.")
            await asyncio.sleep(0.02)

    async def kill(self, away: float) -> None:
        """SIGKILL; back after ``away`` seconds."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        await asyncio.to_thread(process.wait)
        await asyncio.sleep(away)
        await self.start()

    def pause(self) -> None:
        """SIGSTOP."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def answers(self) -> bool:
        """Whether it takes commands."""
        return answers(self.port)

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait()
        self._ports.close()


def version() -> str:
    """The installed server's version."""
    said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
    return said.stdout.partition("v=")[2].split()[0]


def answers(port: int) -> bool:
    """Whether a Redis on this port takes commands; while it reads its file it does not."""
    try:
        with socket.create_connection((HOST, port), timeout=0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
