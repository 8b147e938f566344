"""Many messages at once: order within a session, one turn for each, duplicates recognised."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User, listening
from tests.integration.framework.invariants import check_turns
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Request, Say


@pytest.mark.parametrize("session", ["twenty"])
async def test_twenty_messages_at_once_are_twenty_turns(scripted: Scripted, session: str) -> None:
    """Twenty messages sent at once to one session become twenty whole turns, one after the other (dapr-agents#196)."""
    user = User(scripted.stack, "crowd", session)
    sent = [f"message {number}" for number in range(20)]
    ids = await asyncio.gather(*map(user.start, sent))
    await asyncio.gather(*(user.finished(turn_id, 90) for turn_id in ids))
    check_turns(await user.history(session), sent, scripted.model.requests)
    assert len(scripted.model.requests) == 40


async def test_accepted_one_after_the_other_they_stay_in_order(scripted: Scripted) -> None:
    """The order of acceptance is the order of the conversation, however slow the first answer is."""
    scripted.model.hold(lambda request: True)
    user = User(scripted.stack, "crowd", "in order")
    ids = [await user.start(text) for text in ("first", "second", "third")]
    waiting = (await user.call("GET", f"/workflows/{ids[2]}")).json()
    assert (waiting["status"], waiting["queue_position"]) == ("queued", 2)
    scripted.model.release()
    await asyncio.gather(*map(user.finished, ids))
    assert [turn["workflow_instance_id"] for turn in await user.history("in order")] == ids


async def test_the_same_cloud_event_three_times_is_one_turn_and_one_reply(scripted: Scripted) -> None:
    """A CloudEvent delivered three times is answered once."""
    event = {
        "specversion": "1.0",
        "id": "event-1",
        "source": "test",
        "type": "message",
        "datacontenttype": "application/json",
        "data": {"text": "hello thrice", "sender": "dup"},
    }
    user = User(scripted.stack)
    async with listening(scripted.stack, "TravelBuddy.replies") as heard:
        await asyncio.gather(*(user.publish(event, "application/cloudevents+json") for _ in range(3)))
        await poll_until(lambda: heard, 15, "the reply is heard")
        await user.publish(event, "application/cloudevents+json")
        await user.publish({"text": "a marker that comes last", "sender": "dup"})
        await poll_until(lambda: len(heard) > 1, 15, "the marker is answered")
    assert [turn["messages"][0]["content"] for turn in await user.history("dm-dup")] == [
        "hello thrice",
        "a marker that comes last",
    ]
    assert len([reply for reply in heard if reply["in_reply_to"] == "event-1"]) == 1
    assert len(scripted.model.asked("hello thrice")) == 2


async def test_an_idempotency_key_is_one_turn_while_it_runs_and_after(scripted: Scripted) -> None:
    """The same key gives the same workflow id and reply, and no second model call; for another text it is refused."""
    user = User(scripted.stack, "keyed", "keys")
    ids = await asyncio.gather(*(user.start("once", key="k1") for _ in range(5)))
    first = await user.finished(ids[0])
    again = await user.start("once", key="k1")
    assert {*ids, again} == {ids[0]}
    assert (await user.finished(again))["response"] == first["response"]
    assert len(scripted.model.asked("once")) == 2
    other = await user.call(
        "POST", "/start-workflow", json={"task": "twice", **user.ids}, headers={"Idempotency-Key": "k1"}
    )
    assert other.status_code == 409
    assert other.json()["type"] == "urn:travelbuddy:problem:idempotency-key-reused"


async def test_a_hundred_runs_one_after_the_other_do_not_hang(scripted: Scripted, full_size: bool) -> None:
    """Run after run ends; nothing is left behind that makes a later one wait (dapr-agents#188). In the gate, 40."""
    scripted.model.script = _short
    user = User(scripted.stack, "soak", "soak")
    for number in range(100 if full_size else 40):
        assert await user.ask(f"run {number}", within=10) == "done"


def _short(request: Request) -> Answer:
    return Say("done")
