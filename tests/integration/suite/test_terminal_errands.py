"""The commands of approvals and forks: what they print, their JSON, and their exit codes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Call, Request, Say
from tests.integration.suite.test_terminal_commands import run

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="a terminal sees nothing of the store"),
]


def _books(request: Request) -> Answer:
    last = request["messages"][-1]
    if last["role"] == "user":
        return Call((("search_flights", {"destination": "Paris"}),))
    found = json.loads(last["content"])
    if "offers" in found:
        return Call((("hold_flight", {"offer_id": found["offers"][0]["id"]}),))
    return Say("Please decide.")


async def _asked(scripted: Scripted, name: str) -> str:
    """The id of an approval that a user of this name is asked for."""
    scripted.model.script = _books
    await User(scripted.stack, name, name).ask("hold one")
    found = (await run(scripted.stack, "approvals", "--user", name, "--json")).data["approvals"]
    assert [one["status"] for one in found] == ["waiting"]
    return str(found[0]["approval_id"])


async def test_an_approval_is_listed_and_approved(scripted: Scripted) -> None:
    """The list names flight and price; approving ends with 0, and the outcome is in the list then."""
    name, stack = "terrand-ada", scripted.stack
    approval = await _asked(scripted, name)
    listed = await run(stack, "approvals", "--user", name)
    assert listed.code == 0
    assert approval[:20] in listed.out
    assert "EUR" in listed.out
    done = await run(stack, "approve", approval, "--user", name, "--note", "yes", "--json")
    assert (done.code, done.data["decision"]["decision"], done.data["decision"]["note"]) == (0, "approve", "yes")
    await poll_until(partial(_is, scripted, name, "held"), 20, "it is held")
    assert "held" in (await run(stack, "approvals", "--user", name, "--status", "held")).out
    again = await run(stack, "reject", approval, "--user", name)
    assert (again.code, "decided already" in again.err) == (2, True)


async def test_a_rejected_one_and_another_offer(scripted: Scripted) -> None:
    """Rejecting, and approving another offer of the search; bad options are told in a line, with code 2."""
    name, stack = "terrand-bob", scripted.stack
    approval = await _asked(scripted, name)
    for options in (["--edit", "price=3"], ["--edit", "offer_id=nothing"], ["--passengers", __file__]):
        bad = await run(stack, "approve", approval, "--user", name, *options)
        assert (bad.code, len(bad.err.strip().splitlines())) == (2, 1), bad
    assert (await run(stack, "reject", approval, "--user", name)).code == 0
    await poll_until(partial(_is, scripted, name, "rejected"), 20, "it is rejected")
    assert "Nothing waits" in (await run(stack, "approvals", "--user", name, "--status", "waiting")).out
    assert (await run(stack, "approve", "nothing", "--user", name)).code == 2


async def test_who_travels_comes_from_a_file(scripted: Scripted, tmp_path: Path) -> None:
    """A supplier that does not ask who travels says so."""
    name = "terrand-eve"
    approval = await _asked(scripted, name)
    people = tmp_path / "people.json"
    people.write_text(
        json.dumps(
            [
                {
                    "title": "ms",
                    "given_name": "A",
                    "family_name": "B",
                    "born_on": "1990-01-01",
                    "gender": "f",
                    "email": "a@example.com",
                    "phone_number": "+442080160509",
                }
            ]
        )
    )
    told = await run(scripted.stack, "approve", approval, "--user", name, "--passengers", str(people))
    assert (told.code, "passengers" in told.err) == (2, True)


async def test_a_session_is_branched(scripted: Scripted) -> None:
    """The new session is named; a turn that is not there is told, with code 2."""
    scripted.model.script = lambda request: Say("hello")
    user = User(scripted.stack, "terrand-kim", "terrand-kim")
    await user.ask("one")
    await user.ask("two")
    made = await run(scripted.stack, "fork", "terrand-kim", "--turn", "1", "--title", "Other", "--json")
    assert (made.code, made.data["turns"]) == (0, 1)
    assert [turn["messages"][0]["content"] for turn in await user.history(made.data["session_id"])] == ["one"]
    assert "goes on from 2 turns" in (await run(scripted.stack, "fork", "terrand-kim")).out
    assert (await run(scripted.stack, "fork", "terrand-kim", "--turn", "9")).code == 2


async def _is(scripted: Scripted, name: str, status: str) -> bool:
    found = (await run(scripted.stack, "approvals", "--user", name, "--json")).data["approvals"]
    return [one["status"] for one in found] == [status]
