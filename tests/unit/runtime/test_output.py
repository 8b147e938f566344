from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from travelbuddy.runtime.output import ChildOutput, Terminal, readable


def dapr(level: str, message: str, **more: str) -> str:
    """A log line as Dapr prints it."""
    return json.dumps({"level": level, "msg": message, **more})


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (dapr("error", "no store", scope="dapr.runtime"), "ERROR   dapr.runtime: no store"),
        (dapr("warning", "odd", scope="dapr.runtime"), "WARNING dapr.runtime: odd"),
        (dapr("fatal", "bind"), "FATAL   etcd: bind"),
        (dapr("info", "fine", scope="dapr.runtime"), None),
        (dapr("warn", "defaults"), None),
        (dapr("warning", "mTLS is disabled. Skipping", scope="dapr.runtime.security"), None),
        ("panic: not JSON", None),
        ("[1]", None),
    ],
)
def test_only_what_matters_of_dapr_is_shown(line: str, shown: str | None) -> None:
    """Warnings and errors appear in one readable line; chatter, expected warnings and stray lines do not."""
    assert readable(line, everything=False) == shown


def test_verbose_shows_everything() -> None:
    """With ``everything`` no line is held back, JSON or not."""
    assert readable(dapr("info", "fine", scope="x"), everything=True) == "INFO    x: fine"
    assert readable("stray", everything=True) == "stray"


def test_the_file_has_every_line(tmp_path: Path) -> None:
    """What the terminal does not show is still in the log file, notes of the supervisor included."""
    screen = io.StringIO()
    output = ChildOutput("daprd", tmp_path, Terminal(screen), json_logs=True, verbose=False)
    output.line(dapr("info", "quiet"))
    output.note("killed by SIGKILL; starting it again")
    output.muted = True
    output.line(dapr("error", "late", scope="x"))
    output.close()
    assert screen.getvalue() == "daprd     | killed by SIGKILL; starting it again\n"
    assert len((tmp_path / "daprd.log").read_text().splitlines()) == 3


def test_a_closed_terminal_does_not_stop_the_stack() -> None:
    """When the reader of the output went away, lines are dropped without an error."""
    screen = io.StringIO()
    terminal = Terminal(screen)
    screen.close()
    terminal.say("one")
    terminal.say("two")
