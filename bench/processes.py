"""What the kernel says of processes: CPU time, memory, bytes written, when they began."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children, user and system, the ended children included."""
    return sum(sum(map(int, _stat(each)[11:15])) for each in _tree(pid)) / _TICK


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children."""
    return sum(_number(each, "status", r"VmRSS:\s+(\d+)") for each in _tree(pid)) / 1024


def written_kb(pid: int) -> float:
    """What a process and its children have had written to the disk."""
    return sum(_number(each, "io", r"\nwrite_bytes: (\d+)") for each in _tree(pid)) / 1024


def age(pid: int) -> float:
    """Seconds since the process began; to a hundredth."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(_stat(pid)[19]) / _TICK


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, from the state on; zeros for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return ["0"] * 50


def _number(pid: int, file: str, pattern: str) -> int:
    try:
        found = re.search(pattern, Path(f"/proc/{pid}/{file}").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0
