"""Run one long command while showing that it is alive."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.child import die_with

PLAIN_INTERVAL = 10.0  # seconds between two lines when nobody watches a terminal
KEPT_LINES = 5

Report = Callable[[int], None]


def run_step(
    title: str,
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    timeout: float,
    total: int = 0,
) -> None:
    """Run ``command`` to its end, its output in ``log``; every line it prints counts towards ``total``.

    A failure, or more than ``timeout`` seconds, is a RuntimeProblem with the end of the output.
    """
    output = _Output()
    starter = os.getpid()
    with log.open("a", encoding="utf-8") as sink:
        try:
            process = subprocess.Popen(  # noqa: S603 - fixed programs, no shell
                command,
                cwd=cwd,
                env=dict(env),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                preexec_fn=lambda: die_with(starter),  # a build must not go on when nobody waits for it
            )
        except OSError as error:
            raise RuntimeProblem(f"{title}: {command[0]} cannot be started ({error.strerror}).") from error
        reader = threading.Thread(target=output.follow, args=(process, sink.write), daemon=True)
        reader.start()
        try:
            _watch(process, output, title, total, timeout)
        finally:
            process.kill()
            process.wait()
            reader.join(timeout=5)
    if process.returncode != 0:
        raise RuntimeProblem(f"{title} failed: {output.ending()} The whole output is in {log}.")


class _Output:
    """What a command has printed so far."""

    def __init__(self) -> None:
        self.count = 0
        self._last: list[str] = []

    def follow(self, process: subprocess.Popen[str], write: Callable[[str], object]) -> None:
        for line in process.stdout or ():
            write(line)
            self._last = [*self._last[1 - KEPT_LINES :], line.strip()]
            if not line.startswith("go: "):  # module downloads are not packages
                self.count += 1

    def ending(self) -> str:
        return " / ".join(line for line in self._last if line) or "it printed nothing."


def _watch(process: subprocess.Popen[str], output: _Output, title: str, total: int, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    with reporter(title, total) as report:
        while True:
            try:
                process.wait(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                report(output.count)
            if time.monotonic() > deadline:
                raise RuntimeProblem(f"{title} took longer than {timeout:.0f} s and was stopped.")


@contextmanager
def reporter(title: str, total: int) -> Iterator[Report]:
    """Yield a function that takes the number of parts done: a bar on a terminal, else a line now and then."""
    if sys.stderr.isatty():
        with _bar(title, total) as report:
            yield report
    else:
        yield _lines(title, total)


@contextmanager
def _bar(title: str, total: int) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total or None)
        yield lambda done: progress.update(task, completed=done)


def _lines(title: str, total: int) -> Report:
    started = time.monotonic()
    due = PLAIN_INTERVAL
    print(f"{title} …", file=sys.stderr, flush=True)

    def report(done: int) -> None:
        nonlocal due
        elapsed = time.monotonic() - started
        if elapsed >= due:
            due = elapsed + PLAIN_INTERVAL
            parts = f", {done} of about {total} packages" if total else ""
            print(f"{title}: {elapsed:.0f} s{parts}", file=sys.stderr, flush=True)

    return report
