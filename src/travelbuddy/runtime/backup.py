"""Backup and restore of the embedded default: the conversations of ``DATA_DIR/state.sqlite``, as one file.

What the workflow engine keeps is left out. It fits only the scheduler's jobs of the same instant, and those are in
another database that cannot be read at the same time. Turns under way are carried on by successors, from the queues of
their sessions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from travelbuddy.errors import RuntimeProblem

STATE = "state.sqlite"
CONVERSATIONS = "conversation_state"
ENGINE = ("workflow_state", "workflow_metadata")
LEFT_BY_A_STACK = (STATE, "scheduler")
BUSY = 30.0
"""Longest wait for a writer, in seconds."""


def back_up(data_dir: Path, file: Path) -> int:
    """Write a new ``file``, of one instant, while the stack goes on; its number of records. Raises RuntimeProblem."""
    source = data_dir / STATE
    if not source.is_file():
        raise RuntimeProblem(
            f"There is no {source}. Name the stack's folder by --data-dir; what is in Redis or PostgreSQL is backed up "
            "by their own tools (docs/operations.md)."
        )
    if file.exists():
        raise RuntimeProblem(f"{file} exists; name a new file.")
    with _new_file(file) as part:
        with closing(_open(source)) as live, closing(sqlite3.connect(part)) as copy:
            live.backup(copy)
            for table in ENGINE:
                copy.execute(f"DROP TABLE IF EXISTS {table}")
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, not three
            copy.commit()
            copy.execute("VACUUM")
        return _records(part)


def restore(file: Path, data_dir: Path) -> int:
    """Put the records of ``file`` into a folder without a stack's data; how many. Raises RuntimeProblem."""
    if not file.is_file():
        raise RuntimeProblem(f"There is no file {file}.")
    for name in LEFT_BY_A_STACK:
        if (data_dir / name).exists():
            raise RuntimeProblem(
                f"{data_dir / name} exists, and is not written over: stop the stack and move {data_dir} away, or name "
                "another folder by --data-dir."
            )
    _records(file)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RuntimeProblem(f"{data_dir} cannot be written ({error.strerror}).") from error
    with _new_file(data_dir / STATE) as part:
        with closing(_open(file)) as saved, closing(sqlite3.connect(part)) as copy:
            saved.backup(copy)
        return _records(part)


def _records(file: Path) -> int:
    """How many there are, in a file that is whole."""
    try:
        with closing(_open(file)) as store:
            (sound,) = store.execute("PRAGMA integrity_check").fetchone()
            (count,) = store.execute(f"SELECT count(*) FROM {CONVERSATIONS}").fetchone()  # noqa: S608  a constant
    except sqlite3.Error as error:
        raise RuntimeProblem(f"{file} is no backup of conversations ({error}).") from error
    if sound != "ok":
        raise RuntimeProblem(f"{file} is damaged ({sound}).")
    return int(count)


def _open(file: Path) -> sqlite3.Connection:
    """A connection that makes no file where none is."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY)


@contextmanager
def _new_file(file: Path) -> Iterator[Path]:
    """A file that appears whole, under its name, or not at all; only its owner reads it."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        yield part
        part.replace(file)
    except sqlite3.Error as error:
        raise RuntimeProblem(f"{file} could not be written ({error}).") from error
    except OSError as error:
        raise RuntimeProblem(f"{file} could not be written ({error.strerror}).") from error
    finally:
        part.unlink(missing_ok=True)
