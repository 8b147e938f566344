from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from travelbuddy.runtime.child import (
    LONGEST_LINE,
    LONGEST_PAUSE,
    Child,
    ProcessSpec,
    describe,
    environment,
    lines,
    pause_before,
)
from travelbuddy.runtime.output import ChildOutput, Terminal

FOREVER = "import time; print('begun', flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('begun', flush=True); time.sleep(60)"
)


def child_of(code: str, folder: Path, changes: list[str]) -> Child:
    """A child that runs ``code``; every change of its process is noted."""
    spec = ProcessSpec("part", (sys.executable, "-c", code), folder, {}, "", json_logs=False)
    output = ChildOutput("part", folder, Terminal(io.StringIO()), json_logs=False, verbose=False)
    return Child(spec, output, lambda: changes.append("changed"))


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  it happens in another process
            await asyncio.sleep(0.02)


def test_the_first_death_costs_no_time_and_later_ones_more() -> None:
    """A program starts again at once, then after 0.5, 1, 2 … seconds, never after more than the longest pause."""
    assert [pause_before(n) for n in range(5)] == [0, 0, 0.5, 1, 2]
    assert pause_before(50) == LONGEST_PAUSE


def test_an_end_is_told_in_words() -> None:
    """A signal is named, an exit code is given."""
    assert describe(-9) == "killed by SIGKILL"
    assert describe(3) == "ended with exit code 3"


async def test_a_program_that_dies_is_started_again(tmp_path: Path) -> None:
    """Deaths in a row are counted, the last one is told, and both appearing and vanishing are announced."""
    changes: list[str] = []
    child = child_of("print('begun'); raise SystemExit(3)", tmp_path, changes)
    life = asyncio.create_task(child.run())
    await until(lambda: child.failures >= 2)
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    assert child.last_exit == "ended with exit code 3"
    assert len(changes) >= 4
    assert (tmp_path / "part.log").read_text().startswith("begun\n--- ended with exit code 3; starting it again\n")


@pytest.mark.parametrize("code", [FOREVER, STUBBORN])
async def test_stop_ends_even_a_program_that_ignores_it(tmp_path: Path, code: str) -> None:
    """After the patience is over the program is killed; it is not started again."""
    child = child_of(code, tmp_path, [])
    life = asyncio.create_task(child.run())
    await until(lambda: "begun" in (tmp_path / "part.log").read_text())
    await asyncio.wait_for(child.stop(patience=0.3), 5)
    await asyncio.wait_for(life, 5)
    assert child.pid is None


async def test_who_is_in_a_hurry_does_not_wait_for_the_patience(tmp_path: Path) -> None:
    """Told to hurry while a program takes its time to end, it is killed at once."""
    child, hurry = child_of(STUBBORN, tmp_path, []), asyncio.Event()
    life = asyncio.create_task(child.run())
    await until(lambda: "begun" in (tmp_path / "part.log").read_text())
    stopping = asyncio.create_task(child.stop(60, hurry))
    await asyncio.sleep(0.1)
    assert not stopping.done()
    hurry.set()
    await asyncio.wait_for(stopping, 5)
    await asyncio.wait_for(life, 5)
    assert child.last_exit == "killed by SIGKILL"


async def test_a_long_line_comes_in_pieces() -> None:
    """Nothing of an endless line is lost, and no more than a bounded piece of it is held."""
    stream = asyncio.StreamReader()
    stream.feed_data(b"short\r\n" + b"x" * (3 * LONGEST_LINE) + b"\nlast")
    stream.feed_eof()
    found = [line async for line in lines(stream)]
    assert (found[0], found[-1]) == ("short", "last")
    assert "".join(found[1:-1]) == "x" * (3 * LONGEST_LINE)
    assert max(map(len, found)) <= 2 * LONGEST_LINE


def test_keys_are_for_the_app_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Other programs inherit everything but the keys, so that neither the sidecar nor a broker can give them away."""
    monkeypatch.setenv("PAYLOAD_KEY", "secret")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("DUFFEL_ACCESS_TOKEN", "secret")
    monkeypatch.setenv("WEBHOOK_SECRET", "secret")
    monkeypatch.setenv("HARMLESS", "yes")
    others = environment(ProcessSpec("daprd", (), tmp_path, {}, "", env={"MORE": "1"}))
    assert "secret" not in others.values()
    assert (others["HARMLESS"], others["MORE"]) == ("yes", "1")
    app = environment(ProcessSpec("app", (), tmp_path, {}, "", with_keys=True))
    assert (
        app["PAYLOAD_KEY"] == app["OPENAI_API_KEY"] == app["DUFFEL_ACCESS_TOKEN"] == app["WEBHOOK_SECRET"] == "secret"
    )
