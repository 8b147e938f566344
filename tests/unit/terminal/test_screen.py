from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from travelbuddy.terminal.screen import THEME, Screen
from travelbuddy.terminal.turn import Said, State, Turn

RUNNING = Turn(id="t", state="running")


def printed(*turns: Turn, terminal: bool = True) -> str:
    """What is printed for good while a turn becomes each of these."""
    file = io.StringIO()
    screen = Screen(Console(file=file, width=60, theme=THEME, force_terminal=terminal, color_system=None))
    for turn in turns:
        screen.take(turn)
    return file.getvalue()


def saying(text: str, n: int = 1, *, before: str | None = None, state: State = "running") -> Turn:
    """A turn whose ``n``-th step has said this so far."""
    steps = (*([Said(n - 1, before)] if before is not None else []), Said(n, text))
    return replace(RUNNING, steps=steps, text=text, state=state)


def test_lines_are_printed_once_they_are_whole() -> None:
    """A line is printed for good with its end, the last one with the end of the turn, none of them twice."""
    assert printed(saying("Hel")) == ""
    assert printed(saying("Hello.\nHow"), saying("Hello.\nHow are")) == "Hello.\n"
    assert printed(saying("Hello.\nHow"), saying("Hello.\nHow?", state="answered")) == "Hello.\nHow?\n"


def test_the_text_before_a_tool_call_stays() -> None:
    """What an earlier step said is printed to its end when the next one begins."""
    assert printed(saying("I look."), saying("", 2, before="I look.")) == "I look.\n"


def test_what_is_said_again_shows_only_where_it_differs() -> None:
    """Said again word by word nothing is printed twice; said differently it is told, and printed from the start."""
    first = saying("One.\nTwo.\nThr")
    assert printed(first, saying(""), saying("One.\nT"), saying("One.\nTwo.\nThree.\n")) == "One.\nTwo.\nThree.\n"
    assert printed(first, saying(""), saying("Une.\nDeux")) == "One.\nTwo.\nsaid anew:\nUne.\n"


def test_a_cancelled_reply_is_not_said_anew() -> None:
    """After half a reply the sentence that it was cancelled follows, and nothing else."""
    assert printed(saying("One.\nTw"), saying("Cancelled.", state="cancelled")) == "One.\nCancelled.\n"


def test_what_happened_by_the_way_is_told_once_and_not_within_the_reply() -> None:
    """A failed try is told when the next one begins, not between the lines of a reply, and never in a pipe."""
    failed = {"name": "call_model", "attempt": 1, "error": "HTTP 429"}
    waiting = replace(RUNNING, doing="waiting for the model since 12:03:05 UTC; asks again in 2 s", timeline=(failed,))
    asking = replace(RUNNING, doing="asking the model", timeline=(failed,))
    assert printed(waiting) == "", "it stands in the live line"
    assert printed(waiting, asking, asking) == "try 1: HTTP 429\n"
    assert printed(replace(saying("One.\n"), timeline=(failed,))) == "One.\n"
    assert printed(waiting, asking, terminal=False) == ""
