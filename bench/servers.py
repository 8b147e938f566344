"""The servers the contenders need: each on the loopback interface, with its data in a folder of its own.

``with postgres() as server: … server.url``; when the block ends the server is stopped and its data is gone.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from travelbuddy.runtime.child import die_with
from travelbuddy.runtime.ports import PortPlan

HOST = "127.0.0.1"
START_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")  # a folder for each major version, none of them on the PATH
NODE_MODULES = Path(__file__).parent / "contenders" / "node_modules"


class NotInstalled(Exception):
    """A server's program is missing; the message says how to get it."""


class NotStarted(Exception):
    """A server ended or did not answer in time; the message has the end of what it printed."""


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL; ``pid`` is the parent of its other processes."""

    url: str
    pid: int


@dataclass(frozen=True)
class Restate:
    """A running Restate server, a single process."""

    ingress_url: str
    admin_url: str
    pid: int


@contextmanager
def postgres() -> Iterator[Postgres]:
    """An empty PostgreSQL with its default settings: a commit is on the disk before it is answered."""
    versions = sorted(DEBIAN_POSTGRES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    server = _program("postgres", versions, "Debian: apt-get install postgresql")
    initdb, pg_isready = str(server.with_name("initdb")), str(server.with_name("pg_isready"))
    user = _user_for_postgres()
    with TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as room, closing(PortPlan()) as ports:
        folder = Path(room)
        if user:
            os.chown(folder, user["user"], user["group"])
        data, port = str(folder / "data"), str(ports.pick())
        make = [initdb, "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D", data]
        subprocess.run(make, cwd=folder, stdout=subprocess.DEVNULL, check=True, **user)  # noqa: S603
        # No Unix socket: its usual folder may belong to another user, and every contender connects by TCP.
        settings = ["-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories="]
        command = [str(server), "-D", data, "-p", port, *settings]
        ready = [pg_isready, "-q", "-h", HOST, "-p", port]
        # SIGTERM would wait until every client has left; SIGINT sends them away.
        with _running(command, folder, lambda: subprocess.call(ready) == 0, signal.SIGINT, **user) as pid:  # noqa: S603
            yield Postgres(url=f"postgresql://postgres@{HOST}:{port}/postgres", pid=pid)


@contextmanager
def restate() -> Iterator[Restate]:
    """An empty Restate server with its default settings, but that it reports to nobody."""
    # The program itself, not the package's launcher: one process fewer to measure and to stop.
    packages = list(NODE_MODULES.glob("@restatedev/restate-server-*/bin/restate-server"))
    server = _program("restate-server", packages, "npm ci --ignore-scripts --prefix bench/contenders")
    with TemporaryDirectory(prefix="restate-", ignore_cleanup_errors=True) as room, closing(PortPlan()) as ports:
        folder = Path(room)
        node, ingress, admin = (f"{HOST}:{ports.pick()}" for _ in range(3))
        env = {
            **os.environ,
            "RESTATE_BIND_ADDRESS": node,
            "RESTATE_ADVERTISED_ADDRESS": f"http://{node}",
            "RESTATE_INGRESS__BIND_ADDRESS": ingress,
            "RESTATE_ADMIN__BIND_ADDRESS": admin,
            "RESTATE_DISABLE_TELEMETRY": "true",
        }
        command = [str(server), "--no-logo", "--base-dir", str(folder / "data")]
        health = [f"http://{admin}/health", f"http://{ingress}/restate/health"]
        with _running(command, folder, lambda: _all_ok(health), signal.SIGTERM, env=env) as pid:
            yield Restate(ingress_url=f"http://{ingress}", admin_url=f"http://{admin}", pid=pid)


def _program(name: str, usual: Sequence[Path], how: str) -> Path:
    """The last of the usual places, or what the PATH has."""
    found = usual[-1] if usual else shutil.which(name)
    if found is None:
        raise NotInstalled(f"{name} is needed ({how})")
    return Path(found).resolve()


def _user_for_postgres() -> dict[str, Any]:
    """Whom to run PostgreSQL as, in subprocess's terms: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    users = {user.pw_name: user for user in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def _running(
    command: Sequence[str], folder: Path, ready: Callable[[], bool], stop: signal.Signals, **options: Any
) -> Iterator[int]:
    """Run a program until the block ends, or this process, however that ends."""
    parent, log, deadline = os.getpid(), folder / "log", time.monotonic() + START_TIMEOUT
    # A group of its own: Ctrl-C reaches the benchmark alone, which stops its servers.
    options |= {"cwd": folder, "process_group": 0, "preexec_fn": lambda: die_with(parent)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)  # noqa: S603
    try:
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotStarted(f"{command[0]}:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.send_signal(stop)
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _all_ok(urls: Sequence[str]) -> bool:
    try:
        return all(httpx.get(url, trust_env=False).is_success for url in urls)
    except httpx.TransportError:
        return False
