"""What sessions are called, and what of a session is open: as clients see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.api.test_service_in_memory import Service

from travelbuddy.adapters.dapr_store import Put
from travelbuddy.domain.titles import MAX_BEGINNING, beginning

LONDON = "I would like to fly from London to New York on the first…"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service to which nobody has talked yet."""
    service = Service()
    yield service
    await service.http.aclose()


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Flights to Oslo", "Flights to Oslo"),
        ("  two\n lines\tand a tab ", "two lines and a tab"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("I would like to fly from London to New York on the first Friday", LONDON),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("family \U0001f468\u200d\U0001f469 trip\x00", "family \U0001f468\u200d\U0001f469 trip"),
        ("\u200b\u200d \x07", None),
    ],
)
def test_a_title_is_the_beginning_of_a_message(message: str, title: str | None) -> None:
    """One line of what can be seen, cut between words where that leaves enough; none where nothing can be seen."""
    assert beginning(message) == title
    assert len(beginning(message) or "") <= MAX_BEGINNING


async def _titles(service: Service, **query: Any) -> dict[str, str | None]:
    listed = (await service.get("/sessions", **query)).json()["sessions"]
    return {session["session_id"]: session["title"] for session in listed}


async def test_a_session_is_called_as_it_began_until_its_user_calls_it_otherwise(service: Service) -> None:
    """The first message gives the title, later ones do not; a title of the user's own stays; null takes it back."""
    await service.start("Flights to Oslo", session_id="a")
    await service.start("And back", session_id="a")
    assert await _titles(service) == {"a": "Flights to Oslo"}
    changed = await service.http.patch("/sessions/a", json={"title": "  Summer  "})
    assert (changed.status_code, changed.json()["title"], changed.json()["session_id"]) == (200, "Summer", "a")
    await service.start("One more", session_id="a")
    assert await _titles(service) == {"a": "Summer"}
    assert (await service.http.patch("/sessions/a", json={"title": None})).json()["title"] == "Flights to Oslo"
    assert await _titles(service) == {"a": "Flights to Oslo"}


@pytest.mark.parametrize("title", ["", "  ", "a\nb", "a\x00", "\u202eabc", "\u200d", "x" * 81, 7])
async def test_a_title_is_one_visible_line(service: Service, title: object) -> None:
    """Anything else is refused with the field's name, and nothing changes."""
    await service.start("Flights to Oslo", session_id="a")
    refused = await service.http.patch("/sessions/a", json={"title": title})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "title")
    assert await _titles(service) == {"a": "Flights to Oslo"}


async def test_only_what_there_is_can_be_called_something(service: Service) -> None:
    """An unknown session and another user's are 404, and get no title."""
    await service.start("Flights to Oslo", user_id="ada", session_id="a")
    for path in ("/sessions/none", "/sessions/none?user_id=ada", "/sessions/a?user_id=bob"):
        assert (await service.http.patch(path, json={"title": "mine"})).status_code == 404
    assert await _titles(service, user_id="ada") == {"a": "Flights to Oslo"}
    assert await _titles(service, user_id="bob") == {}
    assert (await service.http.patch("/sessions/a", json={"title": "hers"})).json()["title"] == "hers"


async def test_sessions_are_found_by_title_and_id(service: Service) -> None:
    """Whatever the case of the letters, page by page, and nothing else."""
    for session, message in (("one", "Flights to OSLO"), ("oslo-2", "Hello"), ("three", "To Paris"), ("four", "oslo?")):
        await service.start(message, session_id=session)
        await service.run_turns()
    assert set(await _titles(service, q="Oslo")) == {"one", "oslo-2", "four"}
    first = (await service.get("/sessions", q="oslo", limit=2)).json()
    rest = (await service.get("/sessions", q="oslo", limit=2, before=first["next"])).json()
    assert [session["session_id"] for page in (first, rest) for session in page["sessions"]] == [
        "four",
        "oslo-2",
        "one",
    ]
    assert rest["next"] is None
    assert await _titles(service, q="nowhere") == {}
    assert (await service.get("/sessions", q="x" * 201)).status_code == 422


async def test_titles_are_exported_and_erased_with_their_session(service: Service) -> None:
    """The export has each title; erasing one session leaves the titles of the others, and none of its own."""
    await service.start("SECRET-ONE", user_id="ada", session_id="a")
    await service.start("hello", user_id="ada", session_id="b")
    await service.http.patch("/sessions/a", json={"title": "SECRET-TWO"})
    await service.http.patch("/sessions/b", json={"title": "Kept"})
    export = (await service.get("/users/ada/export")).json()
    assert {session["session_id"]: session["title"] for session in export["sessions"]} == {
        "a": "SECRET-TWO",
        "b": "Kept",
    }
    assert (await service.http.delete("/sessions/a?user_id=ada")).status_code == 200
    assert "SECRET" not in str((await service.get("/users/ada/export")).json())
    assert await _titles(service, user_id="ada") == {"b": "Kept"}
    index = await service.memory.sessions_of("ada")
    assert (index.beginnings, index.titles) == ({"b": "hello"}, {"b": "Kept"})


async def test_a_session_that_begins_again_after_it_expired_has_a_new_title(service: Service) -> None:
    """The list remembers an expired session; what is said in it then gives it its title anew."""
    long_ago = datetime.now(UTC) - timedelta(days=8)
    now, service.memory._clock = service.memory._clock, lambda: long_ago
    await service.memory.index_session("default", "a", "Old")
    await service.memory.retitle("default", "a", "Very old")
    service.memory._clock = now
    assert (await service.get("/sessions/a/history")).status_code == 404
    await service.start("New", session_id="a")
    assert await _titles(service) == {"a": "New"}


async def test_a_session_that_goes_on_day_after_day_stays_in_the_list(service: Service) -> None:
    """The first message of a day begins the list's lifetime anew, each title as it was; the others write nothing."""
    begun = datetime.now(UTC) - timedelta(days=40)
    service.memory._clock = service.turns._clock = lambda: begun
    await service.start("Old", session_id="a")
    written: list[str] = []
    write = service.memory._records.write

    async def noted(put: Put, *others: Put) -> bool:
        written.append(put.key)
        return await write(put, *others)

    service.memory._records.write = noted  # type: ignore[method-assign]
    service.turns._clock = lambda: begun + timedelta(days=39)
    service.memory._clock = lambda: begun + timedelta(days=39)
    await service.start("Still here", session_id="a")
    await service.start("And again", session_id="a")
    assert written.count("sessions:default") == 1
    index = await service.memory.sessions_of("default")
    assert (index.sessions["a"], index.beginnings["a"]) == (begun, "Old")


async def test_the_history_shows_what_is_open(service: Service) -> None:
    """What is being answered and what waits, in order with their places; one cancelled while it waits is not open."""
    ids = [(await service.start(text, session_id="a")).json()["workflow_instance_id"] for text in ("1", "2", "3")]
    await service.http.post(f"/workflows/{ids[1]}/cancel")
    history = (await service.get("/sessions/a/history")).json()
    assert history["turns"] == []
    shown = [(turn["workflow_instance_id"], turn["message"], turn["queue_position"]) for turn in history["open"]]
    assert shown == [(ids[0], "1", 0), (ids[2], "3", 2)]
    assert all(turn["accepted_at"] for turn in history["open"])
    await service.run_turns()
    await service.run_turns()
    history = (await service.get("/sessions/a/history")).json()
    assert history["open"] == []
    assert [turn["outcome"] for turn in history["turns"]] == ["answered", "cancelled", "answered"]
    assert [turn["error"] for turn in history["turns"]] == [None, "This request was cancelled.", None]
    assert [step["name"] for step in history["turns"][0]["timeline"]] == ["call_model"]
    assert history["turns"][0]["offers"] is None
    view = (await service.get(f"/workflows/{ids[0]}")).json()
    assert history["turns"][0]["timeline"] == view["timeline"]


async def test_a_session_whose_first_message_is_at_the_door_has_an_empty_history(service: Service) -> None:
    """It is listed already, so it is there; for its user alone."""
    await service.memory.index_session("ada", "a", "Hello")
    empty: dict[str, Any] = {"session_id": "a", "turns": [], "next": None, "open": []}
    assert (await service.get("/sessions/a/history", user_id="ada")).json() == empty
    assert (await service.get("/sessions/a/history", user_id="bob")).status_code == 404
    assert (await service.get("/sessions/none/history", user_id="ada")).status_code == 404
