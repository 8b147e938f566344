"""Other work on the same machine: processes that take all the computing time they can get."""

from __future__ import annotations

import os
import subprocess
import sys
from types import TracebackType

from travelbuddy.runtime.child import die_with

PROCESSES = 2
ENOUGH = 0.05
"""Seconds of computing time of each process that show that it has worked."""


class Busy:
    """``with Busy():`` the machine has other work; the processes end with the block, or with this process."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Busy:
        parent = os.getpid()
        for _ in range(PROCESSES):
            process = subprocess.Popen(
                [sys.executable, "-S", "-c", "while True: pass"],
                stdin=subprocess.DEVNULL,
                preexec_fn=lambda: die_with(parent),
            )
            self._processes.append(process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    @property
    def pids(self) -> list[int]:
        """The processes."""
        return [process.pid for process in self._processes]

    @property
    def at_work(self) -> bool:
        """Whether each process is there and has had computing time."""
        return all(process.poll() is None and _used(process.pid) > ENOUGH for process in self._processes)


def _used(pid: int) -> float:
    """Seconds of computing time that a process has had."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
