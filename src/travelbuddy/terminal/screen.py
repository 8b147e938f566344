"""The terminal itself: which colours there are, and a turn as it happens."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.spinner import Spinner
from rich.text import Text
from rich.theme import Theme

from travelbuddy.terminal import view
from travelbuddy.terminal.prose import prose
from travelbuddy.terminal.stream import Following
from travelbuddy.terminal.texts import json_text, shown
from travelbuddy.terminal.turn import OPEN, Turn

THEME = Theme(
    {
        "tb.title": "bold",
        "tb.you": "cyan",
        "tb.head": "dim",
        "tb.mark": "cyan",
        "tb.quiet": "dim",
        "tb.plain": "not dim",
        "tb.price": "bold",
        "tb.note": "yellow",
        "tb.sample": "yellow",
        "tb.code": "cyan",
        "tb.ok": "green",
        "tb.bad": "red",
        "tb.spinner": "cyan",
    }
)


def console(*, errors: bool = False) -> Console:
    """Where people read. Without NO_COLOR, and at a terminal, in few colours of the terminal's own."""
    return Console(theme=THEME, stderr=errors, highlight=False, emoji=False, markup=False, soft_wrap=False)


class Screen:
    """Shows a turn while it happens: whole lines are printed for good, the one being said and what is done are live."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._doing, self._since = "", time.monotonic()
        self._turn = Turn()
        self._said = ""  # of the present step's text, what is printed for good
        self._step = 0
        self._told: dict[str, Text | None] = {}  # what happened by the way; None once it is printed
        self._cancelling = False

    def show(self, following: Following, cancel: Callable[[Turn], None]) -> Turn:
        """Show the turn to its end. Ctrl-C asks for its cancellation; a second one stops looking and lets it be.

        So does the first one where the service does not answer, as then there is nothing to cancel.
        """
        with interrupts() as pressed, self._live() as live:
            asked = 0
            for turn in following.turns():
                self.take(turn)
                if pressed.count >= 2 or (pressed.count and not turn.id and turn.doing):
                    following.leave()
                elif pressed.count > asked and turn.id:
                    asked = pressed.count
                    threading.Thread(target=cancel, args=(turn,), daemon=True).start()
                self._cancelling = pressed.count > 0
                if live is not None:
                    live.update(self._present())
        turn = following.turn
        if turn.ended:
            self._finish(turn)
        return turn

    @contextmanager
    def _live(self) -> Iterator[Live | None]:
        if not self._out.is_terminal:
            yield None
            return
        with Live(console=self._out, refresh_per_second=10, transient=True, vertical_overflow="crop") as live:
            yield live

    def take(self, turn: Turn) -> None:
        """Print what is new in it and will not change."""
        self._turn = turn
        steps = turn.timeline[:-1] if view.waits(turn) else turn.timeline  # the last one stands in the live line
        for line in map(view.happened, steps):
            if line is not None and line.plain not in self._told:
                self._told[line.plain] = line
        if self._out.is_terminal and not turn.text:  # nothing comes between the lines of a reply
            self._tell()
        if self._out.is_terminal or turn.ended:
            self._next_step(turn)
            self._print_lines(turn.text, all_of_it=turn.ended, again=turn.state in OPEN | {"answered"})

    def _next_step(self, turn: Turn) -> None:
        """When the turn has gone on to another step, the one before is printed to its end."""
        number = turn.steps[-1].n if turn.steps else 0
        if number == self._step:
            return
        before = [said.text for said in turn.steps if said.n == self._step] if self._out.is_terminal else []
        for text in before:
            self._print_lines(text, all_of_it=True)
        self._step, self._said = number, ""

    def _tell(self) -> None:
        for key, line in self._told.items():
            if line is not None:
                self._out.print(line)
                self._told[key] = None

    def _print_lines(self, text: str, *, all_of_it: bool, again: bool = True) -> None:
        """Print the lines that are whole. What is said again is printed again only if it has become another."""
        if self._said.startswith(text) and not all_of_it:
            return
        if not text.startswith(self._said):
            if again:
                self._out.print("said anew:", style="tb.note")
            self._said = ""
        rest = text[len(self._said) :]
        whole = rest if all_of_it else rest[: rest.rfind("\n") + 1]
        for line in whole.splitlines():
            self._out.print(prose(line))
        self._said += whole

    def _present(self) -> RenderableType:
        turn, now = self._turn, time.monotonic()
        doing = "cancelling" if self._cancelling and not turn.ended else str(view.activity(turn, 0))
        if doing != self._doing:
            self._doing, self._since = doing, now
        line = view.activity(turn, now - self._since)
        if self._cancelling:
            line.plain = "cancelling… (Ctrl-C again: leave it running)"
        said = shown(turn.text.removeprefix(self._said)).strip("\n")
        parts = [Tail(prose(said), self._out.height - 2)] if said else []
        return Group(*parts, Spinner("dots", line, style="tb.spinner"))

    def _finish(self, turn: Turn) -> None:
        for table in view.tables(turn.offers):
            self._out.print()
            self._out.print(table)
        if self._out.is_terminal:
            self._tell()
        if self._out.is_terminal or turn.state != "answered":
            self._out.print(view.ending(turn))


class Tail:
    """The last rows of something that may be longer than the screen."""

    def __init__(self, whole: RenderableType, rows: int) -> None:
        self._whole, self._rows = whole, max(rows, 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for row in console.render_lines(self._whole, options.update(height=None), pad=False)[-self._rows :]:
            yield from row
            yield Segment.line()


class Pressed:
    """How often Ctrl-C was pressed."""

    count = 0


@contextmanager
def interrupts() -> Iterator[Pressed]:
    """Count Ctrl-C instead of being interrupted by it, and let no key appear on the screen meanwhile."""
    pressed = Pressed()

    def count(number: int, frame: FrameType | None) -> None:
        pressed.count += 1

    before = signal.signal(signal.SIGINT, count)
    try:
        with _no_echo():
            yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _no_echo() -> Iterator[None]:
    """What is typed ahead is kept for the prompt, unseen. Nothing is done where there is no terminal."""
    if os.name != "posix" or not sys.stdin.isatty():
        yield
        return
    import termios

    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    quiet = termios.tcgetattr(keyboard)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(keyboard, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def show(answer: Mapping[str, Any], drawn: RenderableType, *, as_json: bool) -> None:
    """Print the answer as JSON, or as it is drawn for people."""
    if as_json:
        print(json_text(answer))
    else:
        console().print(drawn)
