"""A PostgreSQL server as an object: the installed program, on a port and in a folder of its own.

It can be killed and stopped as a whole: the parent of its processes and all of them, as a crash of its machine would,
and it comes back on the data and the port that it had.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from tests.integration.framework.polling import poll_until
from tests.integration.framework.program import HOST, Program

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.ports import PortPlan

USER = "postgres"
START_TIMEOUT = 30.0
GONE_WITHIN = 10.0
DEBIAN = Path("/usr/lib/postgresql")  # a folder for each major version, none of them on the PATH

QUICK = {"fsync": "off", "max_connections": "300"}
"""A killed process still loses nothing: what it acknowledged was written, and only a machine's crash could take it."""


class PostgresServer:
    """``async with PostgresServer() as postgres``: empty, on the loopback interface, gone with all it held afterwards.

    Skips the test where PostgreSQL is not installed, and fails it where CI runs it. Whoever is no test calls `start`
    and `close`, and gets a RuntimeProblem.
    """

    def __init__(self, settings: Mapping[str, str] = QUICK) -> None:
        self._ports = PortPlan()
        self.port = self._ports.pick()
        self.folder = Path(tempfile.mkdtemp(prefix="travelbuddy-postgres-"))
        self._settings = settings
        self._program: Program | None = None
        self._names = count(1)

    @property
    def pid(self) -> int | None:
        """The parent of its processes; None while there is none."""
        return self._program.pid if self._program is not None and not self._program.ended else None

    @property
    def log(self) -> Path:
        """What it printed since its last start."""
        return self.folder / "log"

    def url(self, database: str = "postgres") -> str:
        """What a component's ``connectionString`` says."""
        return f"postgresql://{USER}@{HOST}:{self.port}/{database}?sslmode=disable&connect_timeout=5"

    async def __aenter__(self) -> PostgresServer:
        try:
            await self.start()
        except RuntimeProblem as problem:
            self.close()
            if os.environ.get("CI"):
                pytest.fail(str(problem), pytrace=False)
            pytest.skip(str(problem))
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def start(self) -> None:
        """Start it, on the data it had if it ran before; return when it answers."""
        server = postgres_program("postgres")
        if not (self.folder / "data").exists():
            self._make()
        # No Unix socket: its usual folder may belong to another user, and everybody here connects by TCP.
        settings = {**self._settings, "listen_addresses": HOST, "unix_socket_directories": ""}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [server, "-D", str(self.folder / "data"), "-p", str(self.port), *options]
        self._program = Program(command, self.folder, **_owner())
        await self._program.answers(self.answers, START_TIMEOUT, "PostgreSQL answers")

    async def kill(self) -> None:
        """SIGKILL every process of the server at once, and return when they are gone."""
        processes = self._processes()
        _signal(processes, signal.SIGKILL)
        if self._program is not None:
            self._program.stop()
        await poll_until(lambda: not any(map(_lives, processes)), GONE_WITHIN, "PostgreSQL's processes are gone")

    def pause(self) -> None:
        """SIGSTOP every process of the server: connections stay open, nobody answers."""
        _signal(self._processes(), signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT every process of the server."""
        _signal(self._processes(), signal.SIGCONT)

    def answers(self) -> bool:
        """Whether it takes connections; while it recovers it does not."""
        ready = [postgres_program("pg_isready"), "-q", "-t", "2", "-h", HOST, "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def ask(self, command: str, database: str = "postgres") -> str:
        """The answer of psql: a line for each row, columns separated by ``|``."""
        client = [postgres_program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", command]
        done = subprocess.run(client, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise AssertionError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def new_database(self) -> str:
        """Make an empty database; return its name."""
        name = f"test_{next(self._names)}"
        self.ask(f"CREATE DATABASE {name}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """End it and remove its data."""
        if self._program is not None and not self._program.ended:
            self.resume()
            os.kill(self._program.pid, signal.SIGINT)  # SIGTERM would wait until every client has left
            self._program.stop(ask=False)
        self._program = None
        self._ports.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        """An empty cluster of databases, owned by whom the server will run as."""
        owner = _owner()
        if owner:
            os.chown(self.folder, owner["user"], owner["group"])
        data = str(self.folder / "data")
        options = ["--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C", "--no-sync", "-D", data]
        subprocess.run(
            [postgres_program("initdb"), *options],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            check=True,
            **owner,
        )

    def _processes(self) -> list[int]:
        """The parent first: then it can start no more of them."""
        return [] if self.pid is None else [self.pid, *_children(self.pid)]


def postgres_program(name: str) -> str:
    """The path of one of PostgreSQL's programs, of the newest version that is installed."""
    found = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise RuntimeProblem(f"{name} is needed (Debian: apt-get install postgresql)")
    return path


def _owner() -> dict[str, Any]:
    """Whom to run PostgreSQL as, in subprocess's terms: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    users = {user.pw_name: user for user in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _children(parent: int) -> list[int]:
    """Processes that another one has started, and that still live."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, of = entry.read_text().rpartition(")")[2].split()[:2]
            if int(of) == parent and state != "Z":
                found.append(int(entry.parent.name))
    return found


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _signal(processes: list[int], number: signal.Signals) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
