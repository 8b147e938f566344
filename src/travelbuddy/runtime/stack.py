"""Run a whole stack in the foreground: start everything at once, keep it running, stop it in order."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.child import Child, ProcessSpec
from travelbuddy.runtime.install import ensure_runtime
from travelbuddy.runtime.local_http import local_http
from travelbuddy.runtime.output import ChildOutput, Terminal
from travelbuddy.runtime.plan import StackOptions, StackPlan, plan_stack
from travelbuddy.runtime.ports import PortPlan
from travelbuddy.settings import load_settings

START_TIMEOUT = 120.0
REMIND_EVERY = 15.0
ASK_EVERY = 0.1  # seconds between two questions whether a program is ready
TRIES = 3  # starts of a program that never became ready before the stack gives up
AFTER_DRAIN = 4.0  # seconds for an app to end, above those it has for what is under way
STOP_PATIENCE = (2.5, 1.5)  # seconds for the sidecars and the services
WIND_UP = 1.5  # seconds for the last lines of output


def up(options: StackOptions) -> int:
    """Run a stack until it is told to stop; return the exit code. An unusable choice is a RuntimeProblem."""
    with _own(options.data_dir):
        runtime = ensure_runtime()
        ports = PortPlan()
        try:
            plan = plan_stack(options, runtime, ports)
            return asyncio.run(Stack(options, plan, Terminal()).run())
        finally:
            ports.close()


@contextmanager
def _own(data_dir: Path) -> Iterator[None]:
    """Hold the data folder: two stacks on the same files would corrupt each other's work."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        opened = (data_dir / "stack.lock").open("a+")
    except OSError as error:
        raise RuntimeProblem(f"{data_dir} cannot be written ({error.strerror}); choose another --data-dir.") from error
    with opened as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise RuntimeProblem(
                f"A stack already runs on {data_dir} (process {owner}). Stop it or choose another --data-dir."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


class Stack:
    """The running programs of one plan."""

    def __init__(self, options: StackOptions, plan: StackPlan, terminal: Terminal) -> None:
        self._data = options.data_dir.absolute()
        self._terminal = terminal
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._drain_seconds = load_settings().drain_seconds
        self._front = plan.front
        self._groups = [[self._child(spec, verbose=options.verbose) for spec in group] for group in plan.groups]
        self._children = [child for group in self._groups for child in group]

    async def run(self) -> int:
        """Start, wait until ready, keep running until a signal, stop; return the exit code."""
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_stop)
        self._terminal.say(f"Starting TravelBuddy; data and logs are in {self._data}, Ctrl-C stops it.")
        lives = [asyncio.create_task(child.run()) for child in self._children]
        try:
            problem = await self._until_ready()
            if problem is None and not self._stop.is_set():
                self._terminal.say(f"Everything was up after {time.monotonic() - started:.1f} s.")
                port = self._front.ports["http"]
                for warning in await _warnings(self._front):
                    self._terminal.say(f"Warning: {warning}.")
                self._terminal.say(f"TravelBuddy is ready at http://localhost:{port}")
                await self._stop.wait()
        finally:
            await self._stop_all()
            await asyncio.wait(lives, timeout=WIND_UP)
            for life in lives:
                life.cancel()
            await asyncio.gather(*lives, return_exceptions=True)
            for child in self._children:
                child.output.close()
        self._terminal.say(problem or "TravelBuddy has stopped.")
        return 1 if problem else 0

    def _child(self, spec: ProcessSpec, *, verbose: bool) -> Child:
        output = ChildOutput(spec.name, self._data / "logs", self._terminal, json_logs=spec.json_logs, verbose=verbose)
        return Child(spec, output, self._write_list)

    def _write_list(self) -> None:
        """Keep stack.json true at every moment: it is replaced whole."""
        running = [
            {"name": child.spec.name, "pid": child.pid, "ports": child.spec.ports}
            for child in self._children
            if child.pid is not None
        ]
        draft = self._data / "stack.json.new"
        draft.write_text(json.dumps(running, indent=1), encoding="utf-8")
        draft.replace(self._data / "stack.json")

    async def _until_ready(self) -> str | None:
        """Wait for every program, or a signal; return what is wrong when that is not going to happen."""
        waiting = {asyncio.create_task(_ready(child.spec)): child for child in self._children}
        stopped = asyncio.create_task(self._stop.wait())
        begun, reminded = time.monotonic(), time.monotonic()
        try:
            while waiting and not stopped.done():
                await asyncio.wait({*waiting, stopped}, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
                waiting = {task: child for task, child in waiting.items() if not task.done()}
                names = ", ".join(child.spec.name for child in waiting.values())
                for child in waiting.values():
                    if child.failures >= TRIES:
                        return f"{child.spec.name} does not start ({child.last_exit}); see {self._log(child)}."
                if time.monotonic() - begun > START_TIMEOUT:
                    return f"Not ready after {START_TIMEOUT:.0f} s: {names}. See {self._data / 'logs'}."
                if waiting and time.monotonic() - reminded > REMIND_EVERY:
                    reminded = time.monotonic()
                    self._terminal.say(f"Still waiting for: {names}")
        finally:
            stopped.cancel()
            for task in waiting:
                task.cancel()
        return None

    def _log(self, child: Child) -> Path:
        return self._data / "logs" / f"{child.spec.name}.log"

    async def _stop_all(self) -> None:
        for child in self._children:
            child.output.muted = True
        patiences = (self._drain_seconds + AFTER_DRAIN, *STOP_PATIENCE)
        for group, patience in zip(self._groups, patiences, strict=True):
            await asyncio.gather(*(child.stop(patience, self._hurry) for child in group))

    def _told_to_stop(self) -> None:
        """The first time to stop in order; the second time to stop now."""
        if self._stop.is_set():
            self._hurry.set()
        else:
            self._terminal.say("Stopping: what is under way is finished. Once more stops it now; nothing is lost.")
        self._stop.set()


async def _ready(spec: ProcessSpec) -> None:
    """Return once the program answers that it can be used."""
    url = httpx.URL(spec.ready_url)
    async with local_http() as client:
        while True:
            try:
                if url.scheme == "tcp":
                    _, writer = await asyncio.open_connection(url.host, url.port)
                    writer.close()
                    return
                if (await client.get(url)).is_success:
                    return
            except (httpx.HTTPError, OSError):
                pass  # not listening yet
            await asyncio.sleep(ASK_EVERY)


async def _warnings(front: ProcessSpec) -> list[str]:
    """What the service says about the servers it depends on; nothing where it does not answer."""
    try:
        async with local_http() as client:
            return [str(warning) for warning in (await client.get(front.ready_url)).json().get("warnings", [])]
    except (httpx.HTTPError, OSError, ValueError, AttributeError):
        return []
