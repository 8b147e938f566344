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
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, TypedDict

from tests.integration.framework.polling import poll_until

READY = re.compile(r"^TravelBuddy is ready at (http://\S+)$", re.MULTILINE)
TRAVELBUDDY = str(Path(sys.executable).parent / "travelbuddy")
START_TIMEOUT = 90.0
STOP_TIMEOUT = 10.0
SHOWN_BYTES = 20_000

# The settings of the person who runs the tests must not leak into them.
OWN_SETTINGS = ("OPENAI_", "DUFFEL_", "DAPR_HTTP_", "DAPR_GRPC_", "APP_", "MODEL_", "TODAY", "FLIGHTS", "LOG_")


class StackEntry(TypedDict):
    """A line of stack.json."""

    name: str
    pid: int
    ports: dict[str, int]


@dataclass
class Stack:
    """``async with Stack(env={"OPENAI_BASE_URL": …}) as stack``. Logs are printed only when the block fails."""

    env: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    data_dir: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="travelbuddy-test-")))
    keep_data: bool = False

    app_url: str = field(default="", init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _printed: IO[bytes] | None = field(default=None, init=False)

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

    async def start(self) -> None:
        """Start the stack and wait for its ready line; an early end is told at once, with what it printed."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._printed = (self.data_dir / "up.log").open("wb")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(OWN_SETTINGS)}
        ports = ["--app-port=0", "--dapr-http-port=0", "--dapr-grpc-port=0"]
        self._process = subprocess.Popen(
            [TRAVELBUDDY, "up", *ports, f"--data-dir={self.data_dir}", *self.options],
            env={**clean, **self.env},
            stdin=subprocess.DEVNULL,
            stdout=self._printed,
            stderr=subprocess.STDOUT,
        )
        await poll_until(self._started, START_TIMEOUT, "the stack is ready or has ended")
        ready = READY.search(self.printed())
        if ready is None:
            raise AssertionError(f"the stack ended with exit code {self._process.returncode}:\n{self.printed()}")
        self.app_url = ready[1].replace("localhost", "127.0.0.1")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """`travelbuddy up` itself."""
        if self._process is None:
            raise AssertionError("the stack was not started")
        return self._process

    @property
    def dapr_url(self) -> str:
        """The HTTP API of the (first) sidecar."""
        port = self.entry("daprd" if self._has("daprd") else "daprd-1")["ports"]["http"]
        return f"http://127.0.0.1:{port}"

    def processes(self) -> dict[str, int]:
        """What runs now, by name, as stack.json has it."""
        return {entry["name"]: entry["pid"] for entry in self._entries()}

    def pid(self, name: str) -> int:
        """The process of one part."""
        return int(self.entry(name)["pid"])

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
        return await poll_until(lambda: self._successor(name, old), 15, f"{name} runs again after a kill")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the stack to end, wait for it and return its exit code."""
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, STOP_TIMEOUT)

    async def close(self) -> None:
        """Stop the stack if it still runs, and remove its data."""
        if self._process is not None and self._process.poll() is None:
            try:
                await self.stop()
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._printed is not None:
            self._printed.close()
        if not self.keep_data:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def printed(self) -> str:
        """Everything `travelbuddy up` has printed so far."""
        path = self.data_dir / "up.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def print_logs(self) -> None:
        """Print the end of every log, for whoever reads a failed test."""
        for path in [self.data_dir / "up.log", *sorted((self.data_dir / "logs").glob("*.log"))]:
            if path.exists():
                print(f"----- {path.name} -----\n{path.read_bytes()[-SHOWN_BYTES:].decode(errors='replace')}")

    def _started(self) -> bool:
        return self.process.poll() is not None or READY.search(self.printed()) is not None

    def _successor(self, name: str, old: int) -> int | None:
        new = self.processes().get(name)
        return new if new != old else None

    def _has(self, name: str) -> bool:
        return name in self.processes()

    def _entries(self) -> list[StackEntry]:
        entries: list[StackEntry] = json.loads((self.data_dir / "stack.json").read_text(encoding="utf-8"))
        return entries
