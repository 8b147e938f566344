"""``python -m evals`` where it cannot play."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.evals.conftest import dialogue, user

ROOT = Path(__file__).parents[3]


def _evals(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evals", *options]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("options", "data"), [(("--data=nowhere",), ""), ((), "nowhere")])
def test_missing_dialogues_are_named(options: tuple[str, ...], data: str) -> None:
    """Without them the command says which dataset it is, how to get it, and which setting tells where it lies."""
    ended = _evals(*options, EVAL_DATA=data)
    assert ended.returncode == 2
    assert ended.stderr.startswith("There are no dialogues at nowhere.")
    assert "Schema-Guided Dialogue dataset" in ended.stderr
    assert "EVAL_DATA=" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_dialogues_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    """The line that is wrong is named before anything is started."""
    (tmp_path / "d.jsonl").write_text("{}\n")
    ended = _evals(f"--data={tmp_path}/d.jsonl")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"{tmp_path}/d.jsonl, line 1, field id: Field required\n"


def test_a_service_that_no_dialogue_has_is_said(tmp_path: Path) -> None:
    """Those that there are, are named."""
    (tmp_path / "d.jsonl").write_text(dialogue(user()).model_dump_json())
    ended = _evals(f"--data={tmp_path}/d.jsonl", "--service=boats")
    assert ended.returncode == 2
    assert ended.stderr == "No dialogue is of service boats; there are: desk.\n"


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_at_least_one_dialogue_is_played_at_a_time(number: str) -> None:
    """With none at a time it would wait for ever."""
    ended = _evals(f"--at-once={number}")
    assert ended.returncode == 2
    assert f"--at-once: {number!r} is no number from 1 on" in ended.stderr
