"""A model that is away is waited for: whatever door a message came through, it is answered when the model is back."""

from __future__ import annotations

import asyncio
import re
import time
from functools import partial

import pytest
from tests.integration.framework.client import User, listening, metric
from tests.integration.framework.events import collect
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Fail, Request, Say, ScriptedModel
from tests.integration.framework.stack import Stack

from travelbuddy.workflow.texts import AWAY

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="what is waited for is the model"),
]
AWAY_FOR, MORE = 300.0, 42
AWAY_FOR_IN_GATE = 20.0
BACK_WITHIN = 35.0
DOORS = ("workflow", "topic", "chat")
WAITS = re.compile(r"waiting for the model since (\d\d:\d\d:\d\d) UTC; asks again in [\d.]+ s")


@pytest.mark.timeout(600)
async def test_a_model_that_is_away_is_waited_for(dapr_runtime: None, full_size: bool) -> None:
    """Away for 5 minutes, 50 messages are accepted through all doors: all are answered, and the status says since when.

    Its return is noticed within 35 s. None of those who wait takes a place of MAX_TURNS, so later messages are accepted
    as well. The gate tries it with 20 s and 8 messages.
    """
    away, away_for = True, AWAY_FOR if full_size else AWAY_FOR_IN_GATE

    def script(request: Request) -> Answer:
        return Fail(500) if away else Say("back")

    with ScriptedModel(script) as model:
        async with (
            Stack(env={**model.env, "MAX_TURNS": "4", "CHAT_WAIT": "3"}) as stack,
            listening(stack, "TravelBuddy.replies") as replies,
        ):
            users = [User(stack, f"user-{n}", f"patience-{n}") for n in range(8)]
            began = time.monotonic()
            turns = [await users[n].start("hello") for n in range(3)]
            streamed = asyncio.create_task(
                collect("POST", f"{stack.app_url}/chat/stream", body={"message": "hello", **users[3].ids})
            )
            chat = asyncio.create_task(users[4].call("POST", "/chat", json={"message": "hello", **users[4].ids}))
            await users[5].publish({"text": "hello", "sender": "listener"})
            answer = await chat
            assert answer.status_code == 202, "it takes longer than CHAT_WAIT"
            turns.append(answer.json()["workflow_instance_id"])
            told = await poll_until(lambda: _since(users[0], turns[0]), 10, "the status says since when")
            await poll_until(lambda: _none_counted(users[0]), 15, "who waits takes no place")
            turns += [await users[6].start("hello"), await users[7].start("hello")]
            more = [User(stack, f"more-{n}", f"dm-more-{n}") for n in range(MORE if full_size else 0)]
            for number, user in enumerate(more):
                await _send(user, number)
            await asyncio.sleep(max(0.0, began + away_for - time.monotonic()))
            assert await _since(users[0], turns[0]) == told, "it has been away since then, however often it was asked"
            away = False
            back = time.monotonic()
            owners = [*users[:3], users[4], *users[6:]]
            views = [await user.finished(turn, 40) for user, turn in zip(owners, turns, strict=True)]
            sent = await streamed
            await poll_until(lambda: bool(replies), 40, "a message of the topic is answered")
            assert time.monotonic() - back < BACK_WITHIN
            assert {view["response"] for view in views} == {"back"}
            assert sent[-1].data["response"] == "back"
            assert any(WAITS.fullmatch(str(event.data.get("doing"))) for event in sent)
            tries = [step for step in views[0]["timeline"] if step["error"]]
            assert 1 <= len(tries) <= 7
            for user in more:
                await poll_until(partial(_answered, user), 30, f"{user.ids} has the answer")
            published = 1 + sum(number % len(DOORS) == DOORS.index("topic") for number in range(len(more)))
            await poll_until(lambda: len(replies) >= published, 30, "all messages of the topic are answered")
            assert [reply["text"] for reply in replies] == ["back"] * published
            print(f"all {len(users) + len(more)} answered {time.monotonic() - back:.1f} s after the model's return")
            assert await metric(users[0], 'travelbuddy_turns_total{door="start-workflow",outcome="failed"}') == 0


async def test_patience_that_is_used_up_ends_the_turn_with_its_reason(dapr_runtime: None) -> None:
    """After MODEL_PATIENCE, and at once where the server asks for more, in words of ours."""
    answer = Fail(503)
    with ScriptedModel(lambda request: answer) as model:
        async with Stack(env={**model.env, "MODEL_PATIENCE": "3"}) as stack:
            user = User(stack, "ada", "impatient")
            began = time.monotonic()
            view = await user.finished(await user.start("hello"))
            assert 3 <= time.monotonic() - began < 10
            assert (view["status"], view["response"]) == ("failed", AWAY)
            assert (
                view["error"]
                == "the model's server answered 503; the model was away for longer than MODEL_PATIENCE allows"
            )
            answer, before = Fail(429, {"Retry-After": "86400"}), len(model.requests)
            view = await user.finished(await user.start("again"), 3)
            assert (view["response"], len(model.requests)) == (AWAY, before + 1)


async def test_who_the_breaker_held_back_is_answered(dapr_runtime: None, full_size: bool) -> None:
    """KM21: the outage is over, the model is healthy and slow, six users ask at once: all six are answered."""
    broken, slow = True, 8.0 if full_size else 2.0

    def script(request: Request) -> Answer:
        if broken:
            return Fail(500)
        time.sleep(slow)
        return Say("answered")

    with ScriptedModel(script) as model:
        async with Stack(env={**model.env, "MODEL_ATTEMPTS": "2"}) as stack:
            users = [User(stack, f"u{n}", f"held-{n}") for n in range(12)]
            opening = [await user.start("hello") for user in users[:6]]
            for user, turn in zip(users, opening, strict=False):
                assert (await user.finished(turn))["status"] == "failed", "two tries each are allowed here"
            state = 'travelbuddy_breaker_state{breaker="model"}'
            assert await metric(users[0], state) in {1, 2}
            broken = False
            turns = [await user.start("hello") for user in users[6:]]
            for user, turn in zip(users[6:], turns, strict=True):
                view = await user.finished(turn, 60)
                assert (view["status"], view["response"]) == ("answered", "answered")
                assert [step["attempt"] for step in view["timeline"]] == [1], "who was not asked used no attempt"
            assert await metric(users[0], state) == 0


async def _send(user: User, number: int) -> None:
    """One message, through one of three doors."""
    match DOORS[number % len(DOORS)]:
        case "workflow":
            await user.start("hello")
        case "topic":
            await user.publish({"text": "hello", "sender": user.ids["user_id"]})
        case _:
            answer = await user.call("POST", "/chat", json={"message": "hello", **user.ids})
            assert answer.status_code == 202


async def _answered(user: User) -> bool:
    """Whether its one message has the model's answer."""
    turns = await user.history(user.ids["session_id"])
    return [(turn["outcome"], turn["messages"][-1]["content"]) for turn in turns] == [("answered", "back")]


async def _since(user: User, turn: str) -> str | None:
    """Since when the model is away, as the turn's status says."""
    view = (await user.call("GET", f"/workflows/{turn}")).json()
    found = WAITS.fullmatch(str(view["progress"]))
    return found[1] if found else None


async def _none_counted(user: User) -> bool:
    return await metric(user, "travelbuddy_turns_in_progress") == 0
