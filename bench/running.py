"""A contender that runs: with its servers around it, and the means to kill and restart its app."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from bench import servers
from bench.field import Contender
from bench.processes import age
from travelbuddy.runtime.child import die_with
from travelbuddy.runtime.ports import PortPlan

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 120.0
STOP_TIMEOUT = 20.0


class Running:
    """``url`` is the door; ``pids`` names what runs, the app as ``app``; ``data`` is the folder of a Dapr stack."""

    url: str

    def __init__(self, data: Path | None = None) -> None:
        self.data = data

    def pids(self) -> dict[str, int]:
        """The processes by their part."""
        raise NotImplementedError

    def restart_app(self) -> float:
        """SIGKILL the app, let it start again, and return the seconds from its start until it is ready."""
        raise NotImplementedError

    def _ready_after(self, pid: int) -> float:
        wait_until(lambda: _ok(f"{self.url}/ready"), "the app is ready")
        return age(pid)


class OnDapr(Running):
    """An app with a Dapr stack of its own, kept alive by the stack's supervisor."""

    def __init__(self, contender: Contender, data: Path, env: Mapping[str, str], replicas: int = 1) -> None:
        super().__init__(data)
        self._folder = data
        command = [sys.executable, "-m", "bench.dapr_stack", str(data), str(ROOT / "components")]
        options = ["--replicas", str(replicas), "--"]
        self.process = start([*command, *options, *contender.command], data / "up.log", env)
        wait_until(self._is_up, f"{contender.title} is up", self.process, data / "up.log")
        front = "app" if replicas == 1 else "proxy"
        self.url = f"http://127.0.0.1:{self._entries()[front]['ports']['http']}"

    def pids(self) -> dict[str, int]:
        """The app, its sidecar and the control plane."""
        return {name: entry["pid"] for name, entry in self._entries().items()}

    def restart_app(self) -> float:
        """See Running; the supervisor starts it again."""
        old = self.pids()["app"]
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: self.pids().get("app", old) != old, "the app runs again")
        return self._ready_after(self.pids()["app"])

    def _is_up(self) -> bool:
        return re.search(r"is ready at http", (self._folder / "up.log").read_text(errors="replace")) is not None

    def _entries(self) -> dict[str, Any]:
        return {entry["name"]: entry for entry in json.loads((self._folder / "stack.json").read_text())}


class Alone(Running):
    """An app and the server that it keeps its state in."""

    def __init__(self, contender: Contender, folder: Path, env: Mapping[str, str], server: Mapping[str, int]) -> None:
        super().__init__()
        self.url = f"http://127.0.0.1:{env['APP_PORT']}"
        self._server = dict(server)
        self._command, self._log, self._env = contender.command, folder / "app.log", env
        self._start()

    def pids(self) -> dict[str, int]:
        """The app and its server."""
        return {"app": self.process.pid, **self._server}

    def restart_app(self) -> float:
        """See Running."""
        self.process.kill()
        self.process.wait()
        return self._start()

    def _start(self) -> float:
        self.process = start(self._command, self._log, self._env)
        wait_until(lambda: _ok(f"{self.url}/ready"), "the app is ready", self.process, self._log)
        return self._ready_after(self.process.pid)


@contextmanager
def running(contender: Contender, model_url: str, replicas: int = 1) -> Iterator[Running]:
    """Start a contender on empty stores; all of it is gone afterwards. Several replicas only of one on Dapr."""
    env = {
        **os.environ,
        "OPENAI_BASE_URL": model_url,
        "OPENAI_API_KEY": "stub",
        "OPENAI_MODEL": "stub-1",
        "AUDIT_LOG": "",
        "NO_PROXY": "localhost,127.0.0.1",
    }
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as room, closing(PortPlan()) as ports:
        folder = Path(room)
        env |= {"APP_PORT": str(ports.pick()), "RESTATE_HANDLER_PORT": str(ports.pick())}
        if contender.around == "dapr":
            with _stopped(OnDapr(contender, folder, env, replicas)) as stack:
                yield stack
        elif contender.around == "postgres":
            with servers.postgres() as postgres:
                env["DATABASE_URL"] = postgres.url
                with _stopped(Alone(contender, folder, env, {"postgres": postgres.pid})) as app:
                    yield app
        else:
            with servers.restate() as restate:
                env |= {"RESTATE_INGRESS_URL": restate.ingress_url, "RESTATE_ADMIN_URL": restate.admin_url}
                with _stopped(Alone(contender, folder, env, {"restate": restate.pid})) as app:
                    yield app


@contextmanager
def stub_model() -> Iterator[tuple[str, int]]:
    """The model: its base URL and its process."""
    with TemporaryDirectory(prefix="bench-") as room, closing(PortPlan()) as ports:
        port = ports.pick()
        process = start([sys.executable, "-m", "bench.stub_model", str(port)], Path(room) / "model.log", os.environ)
        try:
            wait_until(lambda: _ok(f"http://127.0.0.1:{port}/probes"), "the model answers", process)
            yield f"http://127.0.0.1:{port}/v1", process.pid
        finally:
            end(process)


def start(command: Sequence[str], log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a program that ends with this process, its output in ``log``."""
    parent = os.getpid()
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            env={**env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: die_with(parent),
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a program to end, and end it."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(
    condition: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None, log: Path | None = None
) -> None:
    """Poll until the condition, a function without arguments, holds."""
    deadline = time.monotonic() + START_TIMEOUT
    while not condition():
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            told = log.read_text(errors="replace")[-3000:] if log is not None else ""
            raise servers.NotStarted(f"waiting until {what}: {'it has ended' if ended else 'too long'}\n{told}")
        time.sleep(0.02)


@contextmanager
def _stopped(app: OnDapr | Alone) -> Iterator[Running]:
    try:
        yield app
    finally:
        end(app.process)


def _ok(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).is_success
    except httpx.TransportError:
        return False
