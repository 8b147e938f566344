"""Turns that are paused and resumed more often, and at worse moments, than anybody would think of."""

from __future__ import annotations

import asyncio
import random

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.invariants import check_turns
from tests.integration.framework.polling import poll_until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _told(user: User, turn: str, verb: str) -> None:
    """Pause or resume the turn; one that is over already says so."""
    answer = await user.call("POST", f"/workflows/{turn}/{verb}")
    assert answer.status_code in {200, 409}, answer.text


async def test_a_turn_paused_twice_goes_on_when_it_is_resumed_once(scripted: Scripted) -> None:
    """And nobody else waits meanwhile: the replica answers another user before and after."""
    user, other = User(scripted.stack, "ina", "paused-twice"), User(scripted.stack, "joe", "beside")
    scripted.model.hold(lambda request: "Oslo" in request["messages"][-1]["content"])
    turn = await user.start("Oslo, please")
    await poll_until(lambda: scripted.model.asked("Oslo, please"), 10, "the model is asked")
    for _ in range(3):
        await _told(user, turn, "pause")
    scripted.model.release()
    await other.chat("hello")
    assert (await user.call("GET", f"/workflows/{turn}")).json()["status"] == "paused"
    await _told(user, turn, "resume")
    assert (await user.finished(turn))["status"] == "answered"
    await other.chat("hello again")


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full_size) for seed in (1, 2))])
async def test_pauses_at_any_moment_neither_fail_nor_lose_a_turn(scripted: Scripted, seed: int) -> None:
    """Forty turns of four users, each paused and resumed at random while it runs: all are answered, in order."""

    async def session(number: int) -> list[str]:
        rnd, sent = random.Random(f"{seed}-{number}"), []
        user = User(scripted.stack, f"kim-{seed}-{number}", f"paused-{seed}-{number}")
        for place in range(10):
            sent.append(f"Bern, please, {seed}-{number}-{place}")
            turn = await user.start(sent[-1])
            for _ in range(rnd.randrange(6)):
                await _told(user, turn, rnd.choice(["pause", "pause", "resume"]))
                await asyncio.sleep(rnd.choice([0, 0, 0.002, 0.01]))
            await _told(user, turn, "resume")
        await user.finished(turn)
        turns = await user.history(user.ids["session_id"])
        check_turns(turns, sent, scripted.model.requests)
        return [answer["outcome"] for answer in turns]

    outcomes = await asyncio.gather(*map(session, range(4)))
    assert {outcome for one in outcomes for outcome in one} == {"answered"}
