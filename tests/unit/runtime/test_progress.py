"""Long commands: shown while they run, told in one line when they fail, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.progress import run_step


def step(tmp_path: Path, *command: str, timeout: float = 20) -> None:
    """Run one command as a step, its output in ``tmp_path/log``."""
    run_step("Working", command, cwd=tmp_path, env=os.environ, log=tmp_path / "log", timeout=timeout)


def test_the_output_is_kept(tmp_path: Path) -> None:
    """What a command prints, on either stream, is in the log."""
    step(tmp_path, "/bin/sh", "-c", "echo one; echo two >&2")

    assert (tmp_path / "log").read_text(encoding="utf-8").split() == ["one", "two"]


def test_a_failure_says_why_and_where(tmp_path: Path) -> None:
    """A command that fails is one line with its last words and the log's path."""
    with pytest.raises(RuntimeProblem, match=r"Working failed: no route / gave up .*log") as told:
        step(tmp_path, "/bin/sh", "-c", "echo no route; echo gave up; exit 3")

    assert "\n" not in str(told.value)


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    """A command that cannot be started is one line that names it."""
    with pytest.raises(RuntimeProblem, match="/nonexistent cannot be started"):
        step(tmp_path, "/nonexistent")


def test_a_command_that_hangs_is_stopped(tmp_path: Path) -> None:
    """Past its time a command is killed and the time is told."""
    with pytest.raises(RuntimeProblem, match="took longer than 0 s"):
        step(tmp_path, "/bin/sleep", "30", timeout=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to kill a child with its parent")
def test_a_command_ends_with_whoever_waits_for_it(tmp_path: Path) -> None:
    """When the process that runs a step is killed, the step's command is gone too."""
    script = (
        "import os; from pathlib import Path; from travelbuddy.runtime.progress import run_step\n"
        "run_step('W', ['/bin/sh', '-c', 'echo $$ > pid; exec sleep 60'], cwd=Path('.'), env=os.environ,"
        " log=Path('log'), timeout=60)"
    )
    pid_file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stderr=subprocess.DEVNULL) as waiting:
        wait_for(lambda: pid_file.exists() and pid_file.read_text(encoding="utf-8").strip() != "")
        pid = int(pid_file.read_text(encoding="utf-8"))
        waiting.send_signal(signal.SIGKILL)

    wait_for(lambda: not running(pid))


def running(pid: int) -> bool:
    """Return whether a process exists and is not just waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Return once ``condition`` holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("the condition never held")
