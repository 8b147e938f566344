"""Programs that tests run: with nothing of the tester's own environment, and gone when the tests are."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.integration.framework.polling import poll_until

from travelbuddy.runtime.child import die_with

HOST = "127.0.0.1"
STOP_TIMEOUT = 5.0
SHOWN_BYTES = 20_000

# All that a program inherits: neither the settings of the person who runs the tests nor their keys.
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "DAPR_BIN_DIR", "XDG_CACHE_HOME", "NO_PROXY", "no_proxy")


class Program:
    """A running program that writes to ``<folder>/log`` and ends with the tests, however they end."""

    def __init__(self, command: Sequence[str], folder: Path, **options: Any) -> None:
        """``options`` go to the process: whom it runs as, for example."""
        self._log = folder / "log"
        tests = os.getpid()
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=clean_env({"DAPR_HOST_IP": HOST}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: die_with(tests),
                **options,
            )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """True when it runs no more."""
        return self._process.poll() is not None

    def printed(self) -> str:
        """The end of what it printed."""
        return self._log.read_bytes()[-SHOWN_BYTES:].decode(errors="replace")

    def still_runs(self) -> None:
        """Fail with what it printed when it has ended."""
        if self.ended:
            raise AssertionError(f"ended with exit code {self._process.returncode}:\n{self.printed()}")

    async def answers(self, probe: Callable[[], Any], within: float, what: str) -> None:
        """Wait until the probe, sync or async, is true; fail with what it printed when it ends before."""
        await poll_until(lambda: self.ended or probe(), within, what)
        self.still_runs()

    def stop(self, *, ask: bool = True) -> None:
        """End it, by force when it takes long; ``ask=False`` when it was told already."""
        if ask:
            self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def clean_env(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program: what it needs to run, and ``extra``."""
    return {**{key: os.environ[key] for key in INHERITED if key in os.environ}, **extra}


def installed(name: str, package: str) -> str:
    """The path of a program of the machine's. Skips the test where there is none, and fails it where CI runs it."""
    if (path := shutil.which(name)) is not None:
        return path
    reason = f"{name} is needed (Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
