"""What the children print: everything into bounded files, what matters onto the terminal, under a name."""

from __future__ import annotations

import json
import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

FILE_BYTES = 5_000_000  # a log file is rotated once past this, and one older file is kept
COLOURS = ("36", "33", "35", "32", "34", "31")
SHOWN_LEVELS = ("warn", "warning", "error", "fatal")

# Nothing to act on: what every start on a loopback address says, and what the sidecar says of a scheduler
# that is starting, which the supervisor tells better.
EXPECTED = (
    "mTLS is disabled",
    "Graceful shutdown timeout is infinite",
    "Failed to connect to scheduler host",
    "Scheduler stream disconnected",
)


class Terminal:
    """The terminal shared by all children: one line at a time, prefixed with the child's name."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._coloured = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self._colours: dict[str, str] = {}

    def say(self, text: str) -> None:
        """Print a line of our own. A reader that went away does not stop the stack."""
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self._stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - lives as long as we do

    def show(self, name: str, text: str) -> None:
        """Print a line of the child ``name``."""
        prefix = f"{name:<9} | "
        if self._coloured:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self.say(prefix + text)


class ChildOutput:
    """Where the lines of one child go. ``json_logs`` marks Dapr's: their chatter stays off the terminal."""

    def __init__(self, name: str, folder: Path, terminal: Terminal, *, json_logs: bool, verbose: bool) -> None:
        self._name = name
        self._terminal = terminal
        self._json_logs = json_logs
        self._verbose = verbose
        self.muted = False  # while stopping: the parts of Dapr only report each other's absence then
        folder.mkdir(parents=True, exist_ok=True)
        self._file = RotatingFileHandler(folder / f"{name}.log", maxBytes=FILE_BYTES, backupCount=1, encoding="utf-8")

    def line(self, text: str) -> None:
        """Take one line of the child."""
        self._file.emit(logging.makeLogRecord({"msg": text}))
        if not self._json_logs:
            self._terminal.show(self._name, text)
        elif not self.muted:
            shown = readable(text, everything=self._verbose)
            if shown is not None:
                self._terminal.show(self._name, shown)

    def note(self, text: str) -> None:
        """Say something about the child, in its file and on the terminal."""
        self._file.emit(logging.makeLogRecord({"msg": f"--- {text}"}))
        self._terminal.show(self._name, text)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def readable(text: str, *, everything: bool) -> str | None:
    """Turn a JSON log line of Dapr into one for people, or None when it is not worth showing."""
    try:
        record = json.loads(text)
        level, message = str(record["level"]), str(record["msg"])
    except (ValueError, KeyError, TypeError):
        return text if everything else None  # stray lines of its libraries; a crash is told by its exit
    scope = record.get("scope")
    if not everything:
        # Lines without a scope are of the embedded etcd, which warns about its own defaults.
        if level not in SHOWN_LEVELS or (scope is None and level.startswith("warn")):
            return None
        if message.startswith(EXPECTED):
            return None
    return f"{level.upper():<7} {scope or 'etcd'}: {message}"
