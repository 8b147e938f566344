"""Sessions that branch: the fork has the conversation up to a turn, the session it comes from stays as it is."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import Json, User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Request, Say, last_user_message

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _echo(request: Request) -> Say:
    return Say(f"re: {last_user_message(request)}")


async def _talk(scripted: Scripted, name: str, count: int) -> User:
    scripted.model.script = _echo
    user = User(scripted.stack, name, f"{name} {time.monotonic_ns()}")
    for number in range(1, count + 1):
        await user.ask(f"message {number}")
    return user


async def _fork(user: User, turn: object = None, key: str | None = None, **body: Any) -> httpx.Response:
    params = {"user_id": user.ids["user_id"], **({"turn": turn} if turn is not None else {})}
    headers = {"Idempotency-Key": key} if key else {}
    path = f"/sessions/{user.ids['session_id']}/fork"
    return await user.call("POST", path, params=params, headers=headers, json=body or None)


async def _said(user: User, session: str) -> list[str]:
    return [turn["messages"][0]["content"] for turn in await user.history(session)]


async def test_a_fork_goes_on_from_an_earlier_turn(scripted: Scripted) -> None:
    """It has the turns up to the one named; its next turn sees exactly those; the old session is as it was."""
    ada = await _talk(scripted, "fork-ada", 3)
    before = await ada.history(ada.ids["session_id"])
    answer = await _fork(ada, 2)
    made = answer.json()
    assert (answer.status_code, made["turns"]) == (201, 2)
    assert made["forked_from"] == {
        "session_id": ada.ids["session_id"],
        "workflow_instance_id": before[1]["workflow_instance_id"],
    }
    assert answer.headers["Location"] == f"/sessions/{made['session_id']}/history"
    branch = User(scripted.stack, "fork-ada", made["session_id"])
    await branch.ask("another way")
    seen = [m["content"] for m in scripted.model.asked("another way")[-1]["messages"] if m["role"] == "user"]
    assert seen == ["message 1", "message 2", "another way"]
    assert await _said(branch, made["session_id"]) == seen
    assert await ada.history(ada.ids["session_id"]) == before
    listed = (await ada.call("GET", "/sessions", params={"user_id": "fork-ada"})).json()["sessions"]
    counts = {session["session_id"]: (session["title"], session["message_count"]) for session in listed}
    assert counts[made["session_id"]] == ("message 1 (branch)", 3)
    copy = (await ada.history(made["session_id"]))[0]
    assert copy["workflow_instance_id"] != before[0]["workflow_instance_id"]
    view = (await ada.call("GET", f"/workflows/{copy['workflow_instance_id']}")).json()
    assert (view["session_id"], view["response"]) == (made["session_id"], "re: message 1")


async def test_a_long_session_branches_by_the_id_of_a_turn_too(scripted: Scripted) -> None:
    """Turns that have left the window come along, and a fork of a fork is one."""
    bob = await _talk(scripted, "fork-bob", 13)
    turns = await bob.history(bob.ids["session_id"])
    made = (await _fork(bob, turns[11]["workflow_instance_id"])).json()
    assert await _said(bob, made["session_id"]) == [f"message {n}" for n in range(1, 13)]
    branch = User(scripted.stack, "fork-bob", made["session_id"])
    again = (await _fork(branch, 1, title="From the start", session_id=f"{made['session_id']}-2")).json()
    assert (again["session_id"], again["turns"]) == (f"{made['session_id']}-2", 1)
    assert await _said(bob, again["session_id"]) == ["message 1"]


async def test_the_same_key_is_the_same_fork(scripted: Scripted) -> None:
    """Twice, and two at once: one new session. The key for another turn is a conflict."""
    eve = await _talk(scripted, "fork-eve", 2)
    whole = (await _fork(eve, None, "all")).json()
    await eve.ask("message 3")
    assert (await _fork(eve, None, "all")).json() == whole
    await eve.call("DELETE", f"/sessions/{whole['session_id']}", params={"user_id": "fork-eve"})
    first, second = await asyncio.gather(_fork(eve, 1, "k"), _fork(eve, 1, "k"))
    assert (first.status_code, first.json()) == (201, second.json())
    await User(scripted.stack, "fork-eve", first.json()["session_id"]).ask("on")
    assert (await _fork(eve, 1, "k")).json() == first.json()
    assert await _said(eve, first.json()["session_id"]) == ["message 1", "on"]
    assert (await _fork(eve, 2, "k")).status_code == 409
    sessions = (await eve.call("GET", "/sessions", params={"user_id": "fork-eve"})).json()["sessions"]
    assert len(sessions) == 2


async def test_what_cannot_be_branched_is_told(scripted: Scripted) -> None:
    """A turn that is not there, another user's session, an id that is taken: each has its problem, nothing is made."""
    kim = await _talk(scripted, "fork-kim", 1)
    for turn in (0, 2, -1, "nothing"):
        answer = await _fork(kim, turn)
        assert (answer.status_code, "turn" in answer.json()["detail"]) == (404, True)
    assert (await _fork(kim, "no such turn")).status_code == 422
    other = User(scripted.stack, "fork-lee", kim.ids["session_id"])
    assert (await _fork(other, 1)).status_code == 404
    assert (await _fork(kim, 1, session_id=kim.ids["session_id"])).status_code == 409
    assert (await _fork(User(scripted.stack, "fork-kim", "fork-none"), 1)).status_code == 404
    sessions = (await kim.call("GET", "/sessions", params={"user_id": "fork-kim"})).json()["sessions"]
    assert [session["session_id"] for session in sessions] == [kim.ids["session_id"]]


async def test_an_erased_fork_leaves_nothing_and_takes_nothing_along(scripted: Scripted) -> None:
    """Erasing the fork leaves the session that it comes from, and the other way round."""
    ida = await _talk(scripted, "fork-ida", 2)
    old, new = ida.ids["session_id"], (await _fork(ida)).json()["session_id"]
    copies = [turn["workflow_instance_id"] for turn in await ida.history(new)]
    assert (await ida.call("DELETE", f"/sessions/{new}", params={"user_id": "fork-ida"})).status_code == 200
    assert [(await ida.call("GET", f"/workflows/{turn}")).status_code for turn in copies] == [404, 404]
    assert await _said(ida, old) == ["message 1", "message 2"]
    new = (await _fork(ida)).json()["session_id"]
    assert (await ida.call("DELETE", f"/sessions/{old}", params={"user_id": "fork-ida"})).status_code == 200
    assert await _said(ida, new) == ["message 1", "message 2"]


@pytest.mark.stores("sqlite", because="what is guarded is one write, which each store is tested for")
async def test_killed_while_it_branches_it_is_whole_after_the_same_request(killable: Scripted) -> None:
    """Twelve forks are asked for when the app dies; asked again with their keys, each is there once, and whole."""
    stack, model = killable.stack, killable.model
    model.script = _echo
    user = User(stack, "fork-kill", "fork-kill")
    for number in range(1, 13):
        await user.ask(f"message {number}")
    asked = [asyncio.create_task(_insist(user, f"key {n}", n * 0.01)) for n in range(12)]
    await asyncio.sleep(0.08)
    await stack.kill("app")
    made = [await each for each in asked]
    assert len({fork["session_id"] for fork in made}) == 12
    for fork in made:
        assert await _said(user, fork["session_id"]) == [f"message {n}" for n in range(1, 13)]
    listed = (await user.call("GET", "/sessions", params={"user_id": "fork-kill"})).json()["sessions"]
    assert {session["message_count"] for session in listed} == {12}


async def _insist(user: User, key: str, after: float) -> Json:
    await asyncio.sleep(after)

    async def made() -> Json | None:
        try:
            answer = await _fork(user, None, key)
        except httpx.TransportError:
            return None
        return dict(answer.json()) if answer.status_code == 201 else None

    return await poll_until(made, 30, "the fork is made")
