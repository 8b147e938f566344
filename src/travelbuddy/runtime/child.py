"""One program of the stack: started, watched, started again when it dies, stopped in the end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

from travelbuddy.runtime.output import ChildOutput

PR_SET_PDEATHSIG = 1
STEADY = 10.0  # seconds of life after which a death counts as the first again
LONGEST_PAUSE = 10.0
LAST_WORDS = 1.0  # seconds to read what a dead process has left in its pipe
LONGEST_LINE = 64 * 1024
KEYS = frozenset(
    {
        "STATE_KEY",
        "STATE_KEY_OLD",
        "PAYLOAD_KEY",
        "PAYLOAD_KEY_OLD",
        "OPENAI_API_KEY",
        "DUFFEL_ACCESS_TOKEN",
        "WEBHOOK_SECRET",
    }
)
"""Settings that the app alone needs."""
LIBC = ctypes.CDLL(None)  # loaded here: after a fork it is too late to import anything


@dataclass(frozen=True)
class ProcessSpec:
    """How to run one program. ``ready_url`` answers 2xx, or at all with ``tcp://``, once it can be used.

    ``with_keys``: it is told the keys of KEYS where our own environment has them. Nobody else is.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path
    ports: dict[str, int]
    ready_url: str
    env: dict[str, str] = field(default_factory=dict)
    json_logs: bool = True
    stop_signal: signal.Signals = signal.SIGTERM
    after_start: Callable[[], Coroutine[None, None, None]] | None = None
    with_keys: bool = False


def environment(spec: ProcessSpec) -> dict[str, str]:
    """What the program is told: all that we are, but for keys that are not for it."""
    inherited = {name: value for name, value in os.environ.items() if spec.with_keys or name not in KEYS}
    return {**inherited, **spec.env}


class Child:
    """Keeps one program running. ``changed`` is called whenever its process appears or is gone."""

    def __init__(self, spec: ProcessSpec, output: ChildOutput, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.output = output
        self.failures = 0  # deaths in a row without a steady life between them
        self.last_exit = ""
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The running process, if there is one."""
        return self._process.pid if self._process is not None else None

    async def run(self) -> None:
        """Start the program and start it again after every death, until ``stop``."""
        while not self._stopping:
            started = time.monotonic()
            await self._live()
            if time.monotonic() - started > STEADY:
                self.failures = 0
            self.failures += 1
            if not self._stopping:
                self.output.note(f"{self.last_exit}; starting it again")
                await asyncio.sleep(pause_before(self.failures))

    async def stop(self, patience: float, hurry: asyncio.Event | None = None) -> None:
        """Ask the program to end, and end it and whatever it started after ``patience`` seconds, or on ``hurry``."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.spec.stop_signal)
        await _first(patience, process.wait(), *([hurry.wait()] if hurry is not None else []))
        kill_group(process.pid)
        await process.wait()

    async def _live(self) -> None:
        """One life of the program, from start to exit."""
        supervisor = os.getpid()
        process = await asyncio.create_subprocess_exec(
            *self.spec.command,
            cwd=self.spec.cwd,
            env=environment(self.spec),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,  # Ctrl-C reaches the supervisor alone, which stops the children in order
            preexec_fn=lambda: die_with(supervisor),
        )
        self._process = process
        self._changed()
        helpers = [asyncio.create_task(self._follow(process))]
        if self.spec.after_start is not None:
            helpers.append(asyncio.create_task(self.spec.after_start()))
        if self._stopping:  # asked to stop while the process was being made
            kill_group(process.pid)
        try:
            self.last_exit = describe(await process.wait())
        finally:
            kill_group(process.pid)
            await asyncio.wait(helpers[:1], timeout=LAST_WORDS)
            for helper in helpers:
                helper.cancel()
            self._process = None
            self._changed()

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is not None:
            async for line in lines(process.stdout):
                self.output.line(line)


async def _first(seconds: float, *waits: Coroutine[None, None, object]) -> None:
    """Return as soon as one of these has, or after so many seconds."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def pause_before(failures: int) -> float:
    """Seconds until the next start: none after a first death, then 0.5, 1, 2 … up to LONGEST_PAUSE."""
    return 0.0 if failures <= 1 else min(LONGEST_PAUSE, 0.5 * 2 ** (failures - 2))


def describe(code: int) -> str:
    """Say how a process ended."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def kill_group(pid: int) -> None:
    """Kill what is left of a child and of the processes it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def die_with(supervisor: int) -> None:
    """Run in the new process: have the system kill it when the supervisor is gone, however that happens."""
    if sys.platform != "linux":
        return
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:  # it died before the line above
        os.kill(os.getpid(), signal.SIGKILL)


async def lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield the lines of ``stream``; one longer than LONGEST_LINE comes in pieces, to keep memory bounded."""
    pending = b""
    while chunk := await stream.read(LONGEST_LINE):
        *whole, pending = (pending + chunk).split(b"\n")
        if len(pending) > LONGEST_LINE:
            whole, pending = [*whole, pending], b""
        for line in whole:
            yield line.decode(errors="replace").rstrip("\r")
    if pending:
        yield pending.decode(errors="replace")
