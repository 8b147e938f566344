"""Users and their sessions: preferences, totals, lists, export, ownership."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.scripted_model import Say

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _prompt(scripted: Scripted, user: str, session: str) -> str:
    """The system message of a new turn of this user."""
    await User(scripted.stack, user, session).ask("hello")
    return str(scripted.model.requests[-1]["messages"][0]["content"])


async def test_an_unknown_user_is_empty(scripted: Scripted) -> None:
    """Who never wrote has no preferences, no sessions and zero interactions."""
    answer = await User(scripted.stack).call("GET", "/users/nobody-yet")
    assert answer.status_code == 200
    assert answer.json() == {
        "user_id": "nobody-yet",
        "preferences": {},
        "last_seen": None,
        "total_interactions": 0,
        "sessions": 0,
    }


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"expertise_level": "expert"}, "Give detailed, technical answers."),
        ({"expertise_level": "Beginner"}, "Explain simply, without jargon."),
        ({"preferred_style": "concise"}, "Keep answers brief and to the point."),
        ({"preferred_style": "detailed"}, "Give comprehensive answers."),
        ({"language": "Norwegian"}, "Answer in Norwegian."),
        ({"home_airport": "Oslo"}, "- home_airport: OSL"),
        ({"favourite_seat": 12}, "- favourite_seat: 12"),
    ],
)
async def test_a_preference_shapes_the_next_prompt(scripted: Scripted, change: dict[str, Any], line: str) -> None:
    """What is set over the API stands in the prompt of the user's next turn, in any session."""
    name = "pref-" + next(iter(change)) + "-" + str(next(iter(change.values())))
    changed = await User(scripted.stack).call("PATCH", f"/users/{name}", json=change)
    assert changed.status_code == 200, changed.text
    assert line in (await _prompt(scripted, name, f"{name}-session")).splitlines()
    gone = await User(scripted.stack).call("PATCH", f"/users/{name}", json=dict.fromkeys(change))
    assert gone.json()["preferences"] == {}
    assert line not in (await _prompt(scripted, name, f"{name}-session")).splitlines()


async def test_changes_at_once_are_all_kept(scripted: Scripted) -> None:
    """Twenty changes of one user at once leave twenty preferences."""
    user = User(scripted.stack)
    await asyncio.gather(*(user.call("PATCH", "/users/many", json={f"key_{n}": n}) for n in range(20)))
    assert (await user.call("GET", "/users/many")).json()["preferences"] == {f"key_{n}": n for n in range(20)}


async def test_totals_and_sessions(scripted: Scripted) -> None:
    """Totals are summed over all sessions; the list has the latest first, page by page."""
    scripted.model.script = lambda request: Say("ok")
    for session, turns in (("list-a", 1), ("list-b", 2), ("list-c", 1)):
        for number in range(turns):
            await User(scripted.stack, "lister", session).ask(f"{session} {number}")
    user = User(scripted.stack)
    seen = (await user.call("GET", "/users/lister")).json()
    assert (seen["total_interactions"], seen["sessions"]) == (4, 3)
    first = (await user.call("GET", "/sessions", params={"user_id": "lister", "limit": 2})).json()
    assert [(s["session_id"], s["message_count"]) for s in first["sessions"]] == [("list-c", 1), ("list-b", 2)]
    query = {"user_id": "lister", "limit": 2, "before": first["next"]}
    rest = (await user.call("GET", "/sessions", params=query)).json()
    assert [s["session_id"] for s in rest["sessions"]] == ["list-a"]
    assert rest["next"] is None
    assert seen["last_seen"] == first["sessions"][0]["last_activity"]
    unknown = await user.call("GET", "/sessions", params={"user_id": "lister", "before": "nope"})
    assert unknown.status_code == 404


async def test_history_page_by_page(scripted: Scripted) -> None:
    """Pages of a session's history put together are the whole, oldest first."""
    scripted.model.script = lambda request: Say("ok")
    user = User(scripted.stack, "pager", "pages")
    for number in range(13):
        await user.ask(f"message {number}")
    pages: list[list[str]] = []
    before: dict[str, str] = {}
    while True:
        page = (await user.call("GET", "/sessions/pages/history", params={"limit": 5, **before})).json()
        pages.insert(0, [turn["messages"][0]["content"] for turn in page["turns"]])
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert [len(page) for page in pages] == [3, 5, 5]
    assert [text for page in pages for text in page] == [f"message {number}" for number in range(13)]


async def test_an_export_holds_everything(scripted: Scripted) -> None:
    """The export has preferences, every session and every turn that is kept."""
    scripted.model.script = lambda request: Say("ok")
    user = User(scripted.stack, "exporter", "export-a")
    await user.call("PATCH", "/users/exporter", json={"name": "Eve"})
    for number in range(12):
        await user.ask(f"message {number}")
    await User(scripted.stack, "exporter", "export-b").ask("elsewhere")
    answer = await user.call("GET", "/users/exporter/export")
    assert "attachment" in answer.headers["content-disposition"]
    document = answer.json()
    assert document["user"]["preferences"] == {"name": "Eve"}
    texts = {s["session_id"]: [t["messages"][0]["content"] for t in s["turns"]] for s in document["sessions"]}
    assert texts == {"export-a": [f"message {number}" for number in range(12)], "export-b": ["elsewhere"]}


async def test_nobody_sees_or_deletes_another_users_session(scripted: Scripted) -> None:
    """With another user's id a session is not there: no history, no deletion, no message into it."""
    owner = User(scripted.stack, "olga", "olgas")
    await owner.ask("mine")
    for method, path in (
        ("GET", "/sessions/olgas/history?user_id=mallory"),
        ("DELETE", "/sessions/olgas?user_id=mallory"),
        ("DELETE", "/sessions/unheard-of"),
    ):
        assert (await owner.call(method, path)).status_code == 404, path
    intruder = await owner.call(
        "POST", "/chat", json={"user_id": "mallory", "session_id": "olgas", "message": "let me in"}
    )
    assert intruder.status_code == 404
    assert (await owner.call("GET", "/sessions?user_id=mallory")).json()["sessions"] == []
    assert len(await owner.history("olgas")) == 1


async def test_what_one_turn_learns_the_next_tool_knows(scripted: Scripted) -> None:
    """A home airport set over the API is where the next search starts from, however fresh the cached copy was."""
    user = User(scripted.stack, "homer", "homes")
    for city, code in (("Oslo", "OSL"), ("Rome", "ROM"), ("Lima", "LIM")):
        await user.call("PATCH", "/users/homer", json={"home_airport": city})
        body = {"user_id": "homer", "session_id": "homes", "message": f"from {city}"}
        offers = (await user.call("POST", "/chat", json=body)).json()["metadata"]["offers"]
        assert offers["query"]["origin"] == code
