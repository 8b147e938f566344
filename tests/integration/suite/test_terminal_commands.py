"""The commands that ask one thing: their JSON, what they print to a pipe, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.program import clean_env
from tests.integration.framework.scripted_model import Answer, Fail, Request, Say
from tests.integration.framework.stack import TRAVELBUDDY, Stack
from tests.integration.framework.tmux import Terminal

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="a terminal sees nothing of the store"),
]


class Printed(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


async def run(stack: Stack, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Printed:
    """Run a command against the stack."""
    done = await asyncio.to_thread(
        subprocess.run,
        [TRAVELBUDDY, *arguments],
        env=clean_env({"TRAVELBUDDY_URL": stack.app_url, **(env or {})}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Printed(done.returncode, done.stdout, done.stderr)


def refusing(request: Request) -> Answer:
    """A model that refuses each request for good."""
    return Fail(400)


async def test_send_prints_the_reply_or_the_turn(scripted: Scripted) -> None:
    """To a pipe the reply alone; as JSON the whole turn; without waiting its id. Each ends with 0."""
    stack = scripted.stack
    assert await run(stack, "send", "Paris?", "--session", "cli-1") == (0, "Flights to Paris for: Paris?\n", "")
    sent = await run(stack, "send", "Paris?", "--session", "cli-1", "--json")
    assert sent.code == 0
    assert (sent.data["status"], sent.data["session_id"]) == ("answered", "cli-1")
    started = await run(stack, "send", "Paris?", "--no-wait", "--json")
    assert started.code == 0
    assert (await run(stack, "status", started.data["workflow_instance_id"], "--watch", "--json")).code == 0


async def test_a_turn_without_an_answer_ends_with_1(scripted: Scripted) -> None:
    """A failed or cancelled turn is 1 for send and status, with and without JSON; the reason is on stderr."""
    scripted.model.script = refusing
    failed = await run(scripted.stack, "send", "Paris?", "--session", "cli-2")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith("The message failed: ")
    turn = (await run(scripted.stack, "send", "Paris?", "--session", "cli-2", "--json")).data["workflow_instance_id"]
    assert (await run(scripted.stack, "status", turn)).code == 1
    scripted.model.reset()
    scripted.model.hold(lambda request: True)
    user = User(scripted.stack, "ada", "cli-3")
    turn = await user.start("never mind")
    watching = asyncio.create_task(run(scripted.stack, "status", turn, "--watch"))
    await user.call("POST", f"/workflows/{turn}/cancel")
    watched = await watching
    assert watched.code == 1
    assert "cancelled" in watched.out


async def test_bad_input_and_no_service_end_with_2(scripted: Scripted, tmp_path: Path) -> None:
    """An unknown turn or session, a bad value, an id that is none and a service that is not there: one line, and 2."""
    nowhere = {"TRAVELBUDDY_URL": "http://127.0.0.1:9"}
    for arguments, said in (
        (("status", "nosuchturn"), "HTTP 404"),
        (("history", "nosuchsession"), "no session 'nosuchsession'"),
        (("prefs", "cabin=sofa"), "cabin: "),
        (("prefs", "cabin"), "write key=value"),
        (("send", " "), "task: "),
        (("send", "hi", "--session", "a/b"), "session_id: "),
    ):
        answer = await run(scripted.stack, *arguments)
        assert (answer.code, answer.out) == (2, ""), arguments
        assert said in answer.err
        assert answer.err.count("\n") == 1
    for line in ("send hi", "chat", "sessions", "prefs", "history x", "status x"):
        answer = await run(scripted.stack, *line.split(), env=nowhere)
        assert (answer.code, answer.out) == (2, ""), line
        assert "make run" in answer.err


async def test_sessions_history_and_prefs(scripted: Scripted) -> None:
    """Each prints for people, and with --json what the service answers."""
    stack = scripted.stack
    await User(stack, "cleo", "lisbon-trip").chat("Lisbon in June")
    await User(stack, "cleo", "cli-other").chat("Something else")
    listed = await run(stack, "sessions", "--user", "cleo", "--search", "LISBON", "--json")
    assert [session["session_id"] for session in listed.data["sessions"]] == ["lisbon-trip"]
    assert [session["title"] for session in listed.data["sessions"]] == ["Lisbon in June"]
    assert "Lisbon in June" in (await run(stack, "sessions", "--user", "cleo")).out
    assert "More: --before " in (await run(stack, "sessions", "--user", "cleo", "--limit", "1")).out
    said = await run(stack, "history", "lisbon-trip", "--user", "cleo")
    assert said.out.startswith("› Lisbon in June\nFlights to Paris for: Lisbon in June\n")
    assert "Sample fares" in said.out
    assert (await run(stack, "history", "lisbon-trip", "--user", "cleo", "--json")).data["turns"][0]["messages"]
    assert (await run(stack, "history", "lisbon-trip", "--user", "eve")).code == 2, "another user's is not there"
    kept = await run(stack, "prefs", "cabin=business", "seat=aisle", "--user", "cleo", "--json")
    assert kept.data["preferences"] == {"cabin": "business", "seat": "aisle"}
    kept = await run(stack, "prefs", "--forget", "seat", "--user", "cleo")
    assert kept.out == "cabin  business\n"


async def test_piped_lines_are_messages(scripted: Scripted) -> None:
    """Each line of a pipe is answered in turn, commands too; nothing else is printed, and no colour."""
    lines = "Paris?\n\nAnd Rome?\n/prefs seat=aisle\n"
    answer = await run(scripted.stack, "chat", "--session", "cli-piped", "--user", "dora", stdin=lines)
    assert answer.code == 0
    assert answer.out.index("Flights to Paris for: Paris?") < answer.out.index("Flights to Paris for: And Rome?")
    assert answer.out.rstrip().endswith("seat  aisle")
    assert "\x1b" not in answer.out
    assert "TravelBuddy" not in answer.out
    scripted.model.script = refusing
    assert (await run(scripted.stack, "chat", stdin="Paris?\n")).code == 1


async def test_send_shows_the_reply_while_it_is_said(scripted: Scripted, tmp_path: Path) -> None:
    """At a terminal the first words stand there before the last, and the code is that of the turn."""
    scripted.model.script = lambda request: Say("one two three four five six seven eight", delay=0.15)
    async with Terminal([TRAVELBUDDY, "send", "count", "--url", scripted.stack.app_url], tmp_path) as terminal:
        await terminal.shows("one two")
        assert "eight" not in terminal.screen()
        await terminal.shows("seven eight")
        assert await terminal.code() == 0


async def test_watching_shows_the_steps_as_they_happen(scripted: Scripted, tmp_path: Path) -> None:
    """At a terminal --watch shows the steps that are done while the next one runs, and in the end the reply."""
    scripted.model.hold(lambda request: request["messages"][-1]["role"] == "tool")
    turn = await User(scripted.stack, "ada", "cli-watched").start("Paris?")
    command = [TRAVELBUDDY, "status", turn, "--watch", "--url", scripted.stack.app_url]
    async with Terminal(command, tmp_path) as terminal:
        await terminal.shows("search_flights", "call_model", "running")
        scripted.model.release()
        await terminal.shows("answered", "Flights to Paris for: Paris?")
        assert await terminal.code() == 0


async def test_completion_offers_the_sessions(scripted: Scripted) -> None:
    """A shell asks for what may follow: sessions of the service, and nothing where there is no service."""
    await User(scripted.stack, None, "completed-one").chat("hello")
    asked = {
        "_TRAVELBUDDY_COMPLETE": "complete_bash",
        "COMP_WORDS": "travelbuddy chat --session completed-",
        "COMP_CWORD": "3",
    }
    assert "completed-one" in (await run(scripted.stack, env=asked)).out
    nowhere = await run(scripted.stack, env={**asked, "TRAVELBUDDY_URL": "http://127.0.0.1:9"})
    assert (nowhere.code, nowhere.out.strip()) == (0, "")


async def test_a_fare_is_watched_listed_and_left(scripted: Scripted) -> None:
    """Begun by a command, shown among the user's with its prices, ended by its id; what is wrong is one line and 2."""
    stack, leaves = scripted.stack, (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    ids = ("--user", "cli-watch", "--session", "cli-watch")
    begun = await run(stack, "watch", "lhr", "JFK", leaves, "--below", "1.00", "--back", leaves, *ids, "--json")
    assert begun.code == 0, begun.err
    watch_id = begun.data["watch_id"]
    assert begun.data["query"]["origin"] == "LHR"
    listed = await run(stack, "watches", "--user", "cli-watch", "--status", "watching", env={"COLUMNS": "200"})
    assert listed.code == 0
    assert all(part in listed.out for part in (watch_id[:12], "LHR–JFK", "1.00", "watching"))
    ended = await run(stack, "unwatch", watch_id, "--user", "cli-watch", "--json")
    assert (ended.code, ended.data["status"]) == (0, "cancelled")
    assert "No fare is watched" in (await run(stack, "watches", "--user", "cli-watch", "--status", "watching")).out
    for wrong in (("watch", "LHR", "XXX", leaves, "--below", "1.00"), ("unwatch", "nothing"), ("watch", "LHR")):
        refused = await run(stack, *wrong)
        assert refused.code == 2
        assert refused.out == ""
        assert "Traceback" not in refused.err
