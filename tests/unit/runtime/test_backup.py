"""Backup and restore of the embedded store, and what they refuse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from travelbuddy.cli import app
from travelbuddy.errors import RuntimeProblem
from travelbuddy.runtime.backup import back_up, restore

TABLES = ("conversation_state", "conversation_metadata", "workflow_state", "workflow_metadata")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A stack's folder with three records; somebody has the file open and is writing."""
    folder = tmp_path / "data"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "state.sqlite")) as store:
        store.execute("PRAGMA journal_mode = WAL")
        for table in TABLES:
            store.execute(f"CREATE TABLE {table} (key TEXT PRIMARY KEY, value TEXT)")
            store.executemany(f"INSERT INTO {table} VALUES (?, ?)", [(f"key-{n}", table) for n in range(3)])  # noqa: S608
        store.commit()
        store.execute("INSERT INTO conversation_state VALUES ('under way', 'not committed')")
        yield folder


def _tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as store:
        return {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_backup_brings_the_conversations_back(data: Path, tmp_path: Path) -> None:
    """What was committed is there, what the engine keeps is not, and only the owner reads the files."""
    saved, elsewhere = tmp_path / "saved", tmp_path / "new" / "data"
    assert back_up(data, saved) == 3
    assert restore(saved, elsewhere) == 3
    assert _tables(elsewhere / "state.sqlite") == {"conversation_state", "conversation_metadata"}
    assert [file.stat().st_mode & 0o777 for file in (saved, elsewhere / "state.sqlite")] == [0o600, 0o600]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data", "new", "saved"]


@pytest.mark.parametrize("left", ["state.sqlite", "scheduler"])
def test_nothing_is_written_over(data: Path, tmp_path: Path, left: str) -> None:
    """Neither a file that is there, nor a folder that a stack has used: its jobs would not fit."""
    saved, used = tmp_path / "saved", tmp_path / "used"
    back_up(data, saved)
    with pytest.raises(RuntimeProblem, match="exists"):
        back_up(data, saved)
    (used / left).mkdir(parents=True)
    with pytest.raises(RuntimeProblem, match="move"):
        restore(saved, used)


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"x" * 4096])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    """One line says so, with exit code 2, and nothing is left in the folder."""
    wrong, folder = tmp_path / "wrong", tmp_path / "folder"
    wrong.write_bytes(content)
    ended = CliRunner().invoke(app, ["restore", str(wrong), "--data-dir", str(folder)])
    assert ended.exit_code == 2
    assert f"{wrong} is no backup" in ended.output
    assert not folder.exists()


def test_where_nothing_is_nothing_is_saved(tmp_path: Path) -> None:
    """The line names the missing file, and where other stores are explained; exit code 2."""
    ended = CliRunner().invoke(app, ["backup", str(tmp_path / "new"), "--data-dir", str(tmp_path)])
    assert ended.exit_code == 2
    assert "state.sqlite" in ended.output
    assert "docs/operations.md" in ended.output
    assert list(tmp_path.iterdir()) == []
