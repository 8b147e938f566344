from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime import gobuild, install
from travelbuddy.runtime.progress import run_step


def program(path: Path, prints: str) -> None:
    """Write a program that prints one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {prints}\n")
    path.chmod(0o755)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with no Dapr, no Go and no `dapr` CLI."""
    for name, value in {"HOME": tmp_path, "XDG_CACHE_HOME": tmp_path / "cache", "PATH": tmp_path / "bin"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("DAPR_BIN_DIR", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("version", "fitting"),
    [
        ("1.18.2", True),
        ("1.18.10", True),
        ("1.18.1", False),
        ("1.19.0", False),
        ("edge", False),
        ("1.18.2-rc.1", False),
    ],
)
def test_only_the_pinned_minor_release_fits(version: str, fitting: bool) -> None:
    """The pinned patch and later ones of its minor release are used; others and unreadable ones are not."""
    assert install.fits(version) is fitting


def test_nothing_is_found_where_nothing_is(home: Path) -> None:
    """Without binaries there is no runtime, and half an installation is none either."""
    program(home / ".dapr" / "bin" / "daprd", "1.18.2")
    assert install.find_runtime() is None


@pytest.mark.parametrize(
    ("place", "source"),
    [("named", "DAPR_BIN_DIR"), (".dapr/bin", "~/.dapr/bin"), ("cache/travelbuddy/dapr/1.18.2", "the cache")],
)
def test_an_installation_is_found(home: Path, monkeypatch: pytest.MonkeyPatch, place: str, source: str) -> None:
    """A fitting installation in any of the three places is used, and it is told which one."""
    monkeypatch.setenv("DAPR_BIN_DIR", str(home / "named"))
    for name in install.BINARIES:
        program(home / place / name, "1.18.2")
    runtime = install.ensure_runtime()
    assert (runtime.source, runtime.folder) == (source, home / place)


def test_an_old_installation_is_passed_over(home: Path) -> None:
    """Binaries of another version are not used, even when they are the only ones."""
    for name in install.BINARIES:
        program(home / ".dapr" / "bin" / name, "1.15.0")
    assert install.find_runtime() is None


@pytest.mark.parametrize(
    ("version", "usable"), [("go1.26.5", True), ("go1.27", True), ("go1.22.1", False), ("?", False)]
)
def test_an_old_go_is_not_used(home: Path, version: str, usable: bool) -> None:
    """The Go on PATH is used when it is new enough for the module."""
    program(home / "bin" / "go", version)
    assert (gobuild.find_go() is not None) is usable


def test_without_go_uv_and_pip_the_way_out_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can fetch a Go, the problem says what to do, before anything is downloaded."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeProblem, match="make run"):
        gobuild.fetch_go(home / "go")


def test_a_failed_step_tells_the_end_of_its_output(tmp_path: Path) -> None:
    """The problem is one line with the last lines printed and the log that has all of them."""
    code = "print('first'); print('no space left'); raise SystemExit(1)"
    with pytest.raises(RuntimeProblem, match=r"Building failed: first / no space left .*step\.log") as problem:
        run_step("Building", [sys.executable, "-c", code], cwd=tmp_path, env={}, log=tmp_path / "step.log", timeout=20)
    assert "\n" not in str(problem.value)
    assert "first" in (tmp_path / "step.log").read_text()


def test_a_step_that_hangs_is_stopped(tmp_path: Path) -> None:
    """A command that takes longer than it may is killed and named."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(RuntimeProblem, match="Fetching took longer"):
        run_step("Fetching", command, cwd=tmp_path, env={}, log=tmp_path / "log", timeout=0.2)


def test_the_command_says_in_one_line_what_is_wrong(home: Path) -> None:
    """With no way to get Dapr, `python -m travelbuddy.runtime.install` ends with 1 and the reason."""
    (home / "cache").write_text("a file where the folder should be")
    answer = subprocess.run([sys.executable, "-m", "travelbuddy.runtime.install"], capture_output=True, text=True)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
