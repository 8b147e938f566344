"""The prompt: one message at a time from a person's keyboard or from a pipe. Nothing typed is written to a disk."""

from __future__ import annotations

import re
import select
import sys
from collections.abc import Callable
from typing import Any

from travelbuddy.terminal.texts import shown

PROMPT = "› "
PASTE_GAP = 0.03
"""Seconds within which the next line of a paste is there; nobody types that fast."""
Complete = Callable[[str], list[str]]


class Keyboard:
    """A terminal's prompt, with line editing and the history of this run."""

    def __init__(self, complete: Complete, *, coloured: bool) -> None:
        """``complete`` gives what a line beginning with "/" may become."""
        self._prompt = f"\x01\x1b[36m\x02{PROMPT}\x01\x1b[0m\x02" if coloured else PROMPT
        self._whole_pastes = _edit_lines(complete)

    def read(self, prompt: str | None = None) -> str:
        """The next message. Raises EOFError at the end of input, KeyboardInterrupt at Ctrl-C."""
        lines = [input(prompt or self._prompt)]
        while not self._whole_pastes and select.select([sys.stdin], [], [], PASTE_GAP)[0]:
            lines.append(input())
        return shown("\n".join(lines)).rstrip()


class Pipe:
    """Standard input that is no terminal: each line is a message."""

    def read(self, prompt: str | None = None) -> str:
        """The next line. Raises EOFError at the end."""
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip()


def _edit_lines(complete: Complete) -> bool:
    """Line editing by readline where Python has it; whether a paste of several lines arrives as one message."""
    try:
        import readline
    except ImportError:  # Windows
        return True
    readline.set_completer_delims("")
    readline.set_completer(_completer(complete))
    if "libedit" in (readline.__doc__ or ""):
        readline.parse_and_bind("bind ^I rl_complete")
        return False
    readline.parse_and_bind("tab: complete")
    readline.parse_and_bind("set enable-bracketed-paste on")
    return bool(re.search(r"enable-bracketed-paste|GNU", readline.__doc__ or ""))


def _completer(complete: Complete) -> Callable[[str, int], Any]:
    def nth(text: str, number: int) -> str | None:
        found = complete(text) if text.startswith("/") else []
        return found[number] if number < len(found) else None

    return nth
