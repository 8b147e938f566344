"""Titles of sessions on a real store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.scripted_model import Say

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _titles(user: User, **query: Any) -> dict[str, str | None]:
    listed = await user.call("GET", "/sessions", params={"user_id": user.ids["user_id"], **query})
    return {session["session_id"]: session["title"] for session in listed.json()["sessions"]}


async def _rename(user: User, title: str | None) -> Any:
    session, owner = user.ids["session_id"], user.ids["user_id"]
    return await user.call("PATCH", f"/sessions/{session}", params={"user_id": owner}, json={"title": title})


async def test_a_session_is_named_found_exported_and_forgotten(scripted: Scripted) -> None:
    """The first message names it, its user renames it and takes that back; export has it, erasing leaves nothing."""
    scripted.model.script = lambda request: Say("hello")
    ada = User(scripted.stack, "title-ada", "title-trip")
    await ada.ask("Flights to Oslo,\nplease")
    await ada.ask("And back")
    assert await _titles(ada) == {"title-trip": "Flights to Oslo, please"}
    renamed = await _rename(ada, "Summer in Norway")
    assert (renamed.status_code, renamed.json()["title"], renamed.json()["message_count"]) == (
        200,
        "Summer in Norway",
        2,
    )
    assert await _titles(ada, q="NORWAY") == {"title-trip": "Summer in Norway"}
    assert await _titles(ada, q="oslo") == {}
    export = (await ada.call("GET", "/users/title-ada/export")).json()
    assert [session["title"] for session in export["sessions"]] == ["Summer in Norway"]
    assert (await _rename(ada, None)).json()["title"] == "Flights to Oslo, please"
    assert (await ada.call("DELETE", "/sessions/title-trip", params={"user_id": "title-ada"})).status_code == 200
    assert await _titles(ada) == {}
    assert (await _rename(ada, "Ghost")).status_code == 404
    assert (await ada.call("GET", "/sessions/title-trip/history")).status_code == 404


async def test_titles_given_at_once_are_all_kept(scripted: Scripted) -> None:
    """Many sessions begun and renamed at the same time share one record, and none undoes another."""
    scripted.model.script = lambda request: Say("hello")
    users = [User(scripted.stack, "title-bob", f"title-{number}") for number in range(8)]
    await asyncio.gather(*(user.start(f"Message of {user.ids['session_id']}") for user in users))
    answers = await asyncio.gather(*(_rename(user, f"Title of {user.ids['session_id']}") for user in users[::2]))
    assert {answer.status_code for answer in answers} == {200}
    expected = {f"title-{n}": f"{'Message' if n % 2 else 'Title'} of title-{n}" for n in range(8)}
    assert await _titles(users[0]) == expected


async def test_nobody_elses_session_is_renamed(scripted: Scripted) -> None:
    """Another user's is 404, as one that does not exist, and keeps its title."""
    scripted.model.script = lambda request: Say("hello")
    eve = User(scripted.stack, "title-eve", "title-private")
    await eve.ask("A secret journey")
    for session, owner in (("title-private", "mallory"), ("nowhere", "title-eve")):
        answer = await eve.call("PATCH", f"/sessions/{session}?user_id={owner}", json={"title": "mine"})
        assert answer.status_code == 404
    assert await _titles(eve) == {"title-private": "A secret journey"}
