"""A whole stack as an object: `travelbuddy up` with its own ports and data, killable part by part."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, TypedDict

from tests.integration.framework.polling import poll_until
from tests.integration.framework.program import SHOWN_BYTES, clean_env
from tests.integration.framework.stores import Place, place

READY = re.compile(r"^TravelBuddy is ready at http://localhost:(\d+)$", re.MULTILINE)
TRAVELBUDDY = str(Path(sys.executable).parent / "travelbuddy")
START_TIMEOUT = 90.0
RESTART_TIMEOUT = 15.0
STOP_TIMEOUT = 30.0  # an app may drain for 18 s
AT_ONCE = {"DRAIN_SECONDS": "0"}
"""A stack stops so unless its test says otherwise: a drain would add a second to each of some hundred stops."""


class StackEntry(TypedDict):
    """A line of stack.json."""

    name: str
    pid: int
    ports: dict[str, int]


class Stack:
    """``async with Stack(env=model.env) as stack``. Its logs are printed only when the block fails.

    ``env`` is all the configuration it gets, but for how it stops: it runs in ``data_dir``, where no ``.env`` is.
    ``kept_in`` is where it has its state: a new place on the store of the tests that run now, or one that outlives it.
    """

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        options: tuple[str, ...] = (),
        data_dir: Path | None = None,
        keep_data: bool = False,
        kept_in: Place | None = None,
    ) -> None:
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="travelbuddy-test-"))
        self.app_port = self.dapr_http_port = self.dapr_grpc_port = 0
        self._env = dict(env or {})
        self._options = options
        self._keep_data = keep_data
        self.kept_in = kept_in or place(self.data_dir)
        self._borrowed = kept_in is not None
        self._process: subprocess.Popen[bytes] | None = None
        self._printed: IO[bytes] | None = None

    async def __aenter__(self) -> Stack:
        try:
            await self.start()
        except BaseException:
            self.print_logs()
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.print_logs()
        await self.close()

    @property
    def app_url(self) -> str:
        """The (first) app."""
        return f"http://127.0.0.1:{self.app_port}"

    @property
    def dapr_url(self) -> str:
        """The HTTP API of the (first) sidecar."""
        return f"http://127.0.0.1:{self.dapr_http_port}"

    def replica_url(self, number: int) -> str:
        """One app of several, past the proxy."""
        return f"http://127.0.0.1:{self.entry(f'app-{number}')['ports']['http']}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """`travelbuddy up` itself."""
        if self._process is None:
            raise AssertionError("the stack was not started")
        return self._process

    async def start(self) -> None:
        """Start the stack and wait for its ready line; an early end is told at once, with what it printed."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if self._process is None and not self._borrowed:
            await self.kept_in.open()
        self._printed = (self.data_dir / "up.log").open("wb")
        self._process = subprocess.Popen(
            self.command(),
            cwd=self.data_dir,
            env=clean_env({**AT_ONCE, **self.kept_in.env, **self._env}),
            stdin=subprocess.DEVNULL,
            stdout=self._printed,
            stderr=subprocess.STDOUT,
        )
        await poll_until(self._started_or_ended, START_TIMEOUT, "the stack is ready or has ended")
        ready = READY.search(self.printed())
        if ready is None:
            raise AssertionError(f"the stack ended with exit code {self._process.returncode}:\n{self.tail()}")
        self.app_port = int(ready[1])
        sidecar = self.entry("daprd" if "daprd" in self.processes() else "daprd-1")["ports"]
        self.dapr_http_port, self.dapr_grpc_port = sidecar["http"], sidecar["grpc"]

    def command(self) -> list[str]:
        """The command line of this stack: any free ports at first, the same ones ever after."""
        ports = (
            f"--app-port={self.app_port}",
            f"--dapr-http-port={self.dapr_http_port}",
            f"--dapr-grpc-port={self.dapr_grpc_port}",
        )
        components = f"--components={self.kept_in.components}"
        return [TRAVELBUDDY, "up", *ports, f"--data-dir={self.data_dir}", components, *self._options]

    def processes(self) -> dict[str, int]:
        """What runs now, by name, as stack.json has it."""
        return {entry["name"]: entry["pid"] for entry in self._entries()}

    def pid(self, name: str) -> int:
        """The process of one part."""
        return self.entry(name)["pid"]

    def entry(self, name: str) -> StackEntry:
        """The line of stack.json for one part."""
        for entry in self._entries():
            if entry["name"] == name:
                return entry
        raise AssertionError(f"stack.json has no {name}: {self._entries()}")

    async def kill(self, name: str) -> int:
        """SIGKILL exactly that part, wait until stack.json shows its successor and return the new pid."""
        old = self.pid(name)
        os.kill(old, signal.SIGKILL)
        return await poll_until(lambda: self._successor(name, old), RESTART_TIMEOUT, f"{name} runs again after a kill")

    async def kill_all(self) -> None:
        """SIGKILL to everything at once, the supervisor included."""
        parts = self.processes().values()
        self.process.kill()
        for pid in parts:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(self.process.wait, 10)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the stack to end, wait for it and return its exit code."""
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, STOP_TIMEOUT)

    async def restart(self) -> None:
        """Stop everything, then start again on the same data and ports."""
        await self.stop()
        self._close_printed()
        await self.start()

    async def close(self) -> None:
        """Stop the stack if it still runs, and remove its data."""
        if self._process is not None and self._process.poll() is None:
            try:
                await self.stop()
            except subprocess.TimeoutExpired:
                self._process.kill()  # its children die with it
                self._process.wait()
        self._close_printed()
        if not self._borrowed:
            self.kept_in.close()
        if not self._keep_data:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def printed(self) -> str:
        """Everything `travelbuddy up` has printed since its last start."""
        path = self.data_dir / "up.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def tail(self) -> str:
        """The end of what was printed."""
        return self.printed()[-SHOWN_BYTES:]

    def print_logs(self) -> None:
        """Print the end of every log, for whoever reads a failed test."""
        for path in [self.data_dir / "up.log", *sorted((self.data_dir / "logs").glob("*.log"))]:
            if path.exists():
                print(f"----- {path.name} -----\n{path.read_bytes()[-SHOWN_BYTES:].decode(errors='replace')}")

    def _close_printed(self) -> None:
        if self._printed is not None:
            self._printed.close()

    def _started_or_ended(self) -> bool:
        return READY.search(self.printed()) is not None or self.process.poll() is not None

    def _successor(self, name: str, old: int) -> int | None:
        new = self.processes().get(name)
        return new if new != old else None

    def _entries(self) -> list[StackEntry]:
        entries: list[StackEntry] = json.loads((self.data_dir / "stack.json").read_text(encoding="utf-8"))
        return entries
