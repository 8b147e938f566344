"""``travelbuddy chat`` in a real terminal, driven by its keys."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Fail, Request, Say, one_search
from tests.integration.framework.stack import TRAVELBUDDY, Stack
from tests.integration.framework.tmux import Terminal

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="a terminal sees nothing of the store"),
]


WORDS = "one two three four five six seven eight nine ten"


def talk(stack: Stack, folder: Path, session: str, *, user: str = "tess", **options: Any) -> Terminal:
    """A terminal in which ``travelbuddy chat`` runs."""
    command = [TRAVELBUDDY, "chat", "--url", stack.app_url, "--user", user, "--session", session]
    return Terminal(command, folder, **options)


def slowly(request: Request) -> Answer:
    """Ten words with 200 ms between them."""
    return Say(WORDS, delay=0.2)


async def test_a_first_conversation(scripted: Scripted, tmp_path: Path) -> None:
    """The greeting names user and session; a search is answered with a table; Ctrl-D leaves; the disk has nothing."""
    async with talk(scripted.stack, tmp_path, "term-first") as terminal:
        await terminal.shows("TravelBuddy", "tess in session term-first", "/help")
        await terminal.prompts()
        terminal.type("Paris, s'il vous plaît → ✈ 東京?")
        await terminal.shows("Flights to Paris for: Paris, s'il vous plaît → ✈ 東京?")
        await terminal.shows("→ PAR", "Carrier", "Local times", "Duration", "Stops", "Price", "EUR", "Sample fares")
        await terminal.prompts()
        terminal.type("/prefs seat=aisle")
        await terminal.shows("seat  aisle")
        terminal.type("/prefs -seat")
        await terminal.shows("Nothing is remembered")
        terminal.type("/history 1")
        await poll_until(
            lambda: terminal.everything().count("Flights to Paris for") == 2, 10, "the history shows the turn again"
        )
        terminal.type("/status")
        await terminal.shows("call_model", "search_flights", "Took")
        terminal.type("/nonsense")
        await terminal.shows("no command /nonsense")
        terminal.press("C-d")
        assert await terminal.code() == 0
    assert os.listdir(tmp_path) == ["tmux"], "nothing typed is written to the disk"


async def test_the_reply_is_seen_while_it_is_said(scripted: Scripted, tmp_path: Path) -> None:
    """The first words stand there long before the last; the line below says what the agent is doing."""
    scripted.model.script = slowly
    async with talk(scripted.stack, tmp_path, "term-slow") as terminal:
        await terminal.prompts()
        terminal.type("slowly please")
        first = await terminal.shows("one two three")
        assert "ten" not in terminal.screen()
        assert "answering" in terminal.screen()
        assert await terminal.shows("nine ten") - first > 0.8


async def test_ctrl_c_cancels_the_turn_and_at_the_prompt_leaves(scripted: Scripted, tmp_path: Path) -> None:
    """While the model thinks, Ctrl-C ends the turn and nothing else; at the prompt it ends with 130."""
    scripted.model.hold(lambda request: True)
    async with talk(scripted.stack, tmp_path, "term-cancelled") as terminal:
        await terminal.prompts()
        terminal.type("never mind")
        await terminal.shows("thinking")
        terminal.press("C-c")
        await terminal.shows("This request was cancelled.")
        await terminal.prompts()
        scripted.model.release()
        terminal.type("and now?")
        await terminal.shows("Flights to Paris for: and now?")
        turns = await User(scripted.stack, "tess").history("term-cancelled")
        assert [turn["outcome"] for turn in turns] == ["cancelled", "answered"]
        await terminal.prompts()
        await terminal.interrupts_the_prompt()
        assert await terminal.code() == 130


async def test_the_service_is_killed_in_the_middle_of_a_reply(killable: Scripted, tmp_path: Path) -> None:
    """The app is killed by SIGKILL while it speaks: "reconnecting…", then the rest of the answer, said once."""
    killable.model.script = slowly
    async with talk(killable.stack, tmp_path, "term-killed") as terminal:
        await terminal.prompts()
        terminal.type("go on")
        await terminal.shows("one two three")
        await killable.stack.kill("app")
        await terminal.shows("reconnecting…")
        await terminal.shows("nine ten", within=30)
        await terminal.prompts()
        assert terminal.everything().count("one two three") == 1
        turns = await User(killable.stack, "tess").history("term-killed")
        assert [turn["outcome"] for turn in turns] == ["answered"]


async def test_a_service_that_went_away_is_waited_for(killable: Scripted, tmp_path: Path) -> None:
    """A message typed while nobody answers is sent once somebody does; Ctrl-C gives it up."""
    async with talk(killable.stack, tmp_path, "term-away") as terminal:
        await terminal.prompts()
        await killable.stack.stop()
        terminal.type("anybody there?")
        await terminal.shows("the service does not answer")
        terminal.press("C-c")
        await terminal.shows("Given up")
        terminal.type("and now?")
        await terminal.shows("› and now?")
        await killable.stack.start()
        await terminal.shows("Flights to Paris for: and now?", within=30)
        assert not killable.model.asked("anybody there?"), "what was given up is not sent later"


async def test_sessions_are_found_and_opened_by_number(scripted: Scripted, tmp_path: Path) -> None:
    """/sessions lists them, a number opens one and shows its end; /new begins another."""
    await User(scripted.stack, "eve", "rome-in-may").chat("Rome in May")
    async with talk(scripted.stack, tmp_path, "term-other", user="eve", width=60) as terminal:
        await terminal.prompts()
        terminal.type("/sessions rome")
        await terminal.shows("rome-in-may", "Number to open")
        terminal.type("1")
        await terminal.shows("› Rome in May", "Flights to Paris for: Rome in May")
        await terminal.prompts()
        terminal.type("/new fresh")
        await terminal.shows("A new session: fresh")
        terminal.type("/quit")
        await terminal.shows("--session fresh")
        assert await terminal.code() == 0


async def test_narrow_and_without_colour(scripted: Scripted, tmp_path: Path) -> None:
    """At 60 columns no line is wider and the price stands in its row; with NO_COLOR there is no colour."""
    async with talk(scripted.stack, tmp_path, "term-narrow", width=60, env={"NO_COLOR": "1"}) as terminal:
        await terminal.prompts()
        terminal.type("Paris")
        await terminal.shows("Sample fares")
        await terminal.prompts()
        assert max(map(len, terminal.screen().splitlines())) <= 60
        assert "EUR" in terminal.screen()
        assert not re.search(r"\x1b\[[34][0-7]", terminal.screen(escapes=True))


async def test_a_paste_of_several_lines_is_one_message(scripted: Scripted, tmp_path: Path) -> None:
    """Pasted lines wait for Enter and arrive together."""
    async with talk(scripted.stack, tmp_path, "term-pasted") as terminal:
        await terminal.prompts()
        terminal.paste("From Oslo\nto Rome\non Friday")
        await terminal.shows("on Friday")
        assert not scripted.model.requests
        terminal.press("Enter")
        await poll_until(
            lambda: scripted.model.asked("From Oslo\nto Rome\non Friday"), 10, "the model is asked all of it"
        )


async def test_nothing_said_steers_the_terminal(scripted: Scripted, tmp_path: Path) -> None:
    """Escape sequences of a reply change neither colour nor title, and bidirectional controls are gone."""
    nasty = "\x1b[31mred\x1b[0m \x1b]0;owned\x07 \x9b31mone \u202eback\u202c done"
    scripted.model.script = lambda request: Say(nasty)
    async with talk(scripted.stack, tmp_path, "term-nasty") as terminal:
        await terminal.prompts()
        terminal.type("hello")
        await terminal.shows("done")
        await terminal.prompts()
        assert "owned" not in terminal.title()
        assert "\u202e" not in terminal.everything()
        line = next(line for line in terminal.screen(escapes=True).splitlines() if "done" in line)
        assert "\x1b[31m" not in line


async def test_an_open_turn_is_followed_by_who_comes_back(scripted: Scripted, tmp_path: Path) -> None:
    """Entering a session whose turn is still running shows its message and then its reply."""
    scripted.model.hold(lambda request: True)
    await User(scripted.stack, "tess", "term-left").start("still there?")
    async with talk(scripted.stack, tmp_path, "term-left") as terminal:
        await terminal.shows("› still there?", "thinking")
        scripted.model.release()
        await terminal.shows("Flights to Paris for: still there?")
        await terminal.prompts()


async def test_a_retry_is_told_with_its_reason(scripted: Scripted, tmp_path: Path) -> None:
    """While a failed try waits the line says so; what went wrong is kept in the conversation."""
    began = time.monotonic()

    def busy(request: Request) -> Answer:
        return Fail(429, {"Retry-After": "2"}) if len(scripted.model.requests) == 1 else one_search(request)

    scripted.model.script = busy
    async with talk(scripted.stack, tmp_path, "term-busy") as terminal:
        await terminal.prompts()
        terminal.type("Paris?")
        await terminal.shows("UTC; asks again in 2 s: the model's server answered 429")
        await terminal.shows("try 1: the model's server answered 429")
        await terminal.shows("Flights to Paris for: Paris?")
    assert time.monotonic() - began > 2
