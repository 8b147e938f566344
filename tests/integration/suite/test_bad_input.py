"""Bad input to each door: a problem document or a dead letter that names the field, and the service goes on."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User, listening
from tests.integration.framework.polling import poll_until

pytestmark = pytest.mark.stores("sqlite", because="what is refused reaches no store")

HUGE = "x" * 1_000_000


async def test_what_is_no_json_or_too_large_is_told_so(scripted: Scripted) -> None:
    """Broken JSON is 400, a body sent as a form names the header, ten megabytes are 413."""
    user = User(scripted.stack)
    broken = await user.call("POST", "/start-workflow", content=b"{", headers={"Content-Type": "application/json"})
    form = await user.call("POST", "/start-workflow", data={"task": "hi"})
    large = await user.call("POST", "/start-workflow", json={"task": HUGE * 10})
    assert (broken.status_code, form.status_code, large.status_code) == (400, 422, 413)
    assert "Content-Type: application/json" in form.json()["detail"]
    assert {a.headers["Content-Type"] for a in (broken, form, large)} == {"application/problem+json"}


async def test_another_users_session_cannot_be_written_or_read(scripted: Scripted) -> None:
    """A session belongs to who began it; with another user's name it is as if it did not exist (V6)."""
    owner, thief = User(scripted.stack, "owner", "private"), User(scripted.stack, "thief", "private")
    turn_id = await owner.start("mine")
    await owner.finished(turn_id)
    stolen = await thief.call("POST", "/start-workflow", json={"task": "hi", **thief.ids})
    read = await thief.call("GET", "/sessions/private/history?user_id=thief")
    turn = await thief.call("GET", f"/workflows/{turn_id}?user_id=thief")
    assert [answer.status_code for answer in (stolen, read, turn)] == [404, 404, 404]
    assert len(await owner.history("private")) == 1


UNREADABLE: list[tuple[Any, str]] = [
    ({"text": 5, "sender": "a"}, "text"),
    ({"text": "", "sender": "a"}, "text"),
    ({"text": HUGE, "sender": "a"}, "text"),
    ({"text": "hi"}, "sender"),
    ({"text": "hi", "sender": "a/b"}, "sender"),
    ({"data": {"text": "hi"}}, "sender"),
    ("just text", "data"),
    ([1], "data"),
]


async def test_bad_direct_messages_go_to_the_dead_letters(scripted: Scripted) -> None:
    """Each message that cannot be read is published to the dead-letter topic with the field that is wrong.

    The topic is listened to once: in Dapr 1.18 a subscriber that leaves its broker in memory can take another with it.
    """
    user = User(scripted.stack)
    async with listening(scripted.stack, "TravelBuddy.dead") as heard:
        for body, field in UNREADABLE:
            heard.clear()
            await user.publish(body)
            await poll_until(lambda: list(heard), 10, f"the dead letter of {body!r:.60} is heard")
            assert [letter["reason"].partition(":")[0] for letter in heard] == [field]


async def test_odd_but_honest_input_is_served(scripted: Scripted) -> None:
    """Emoji, right-to-left text and the longest allowed message are stored and answered as they came."""
    for number, text in enumerate(["✈️ à Zürich 🇨🇭", "أريد السفر إلى باريس", "y" * 20_000]):
        user = User(scripted.stack, "ünï côdé", f"odd {number}")
        await user.finished(await user.start(text))
        (turn,) = await user.history(f"odd {number}")
        assert turn["messages"][0]["content"] == text
