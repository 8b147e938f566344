"""kill -9 in the worst place: the turn completes by itself, and what was done is not done again."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.http_client import http_client
from tests.integration.framework.invariants import check_whole
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Request, last_user_message

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _second_call(request: Request) -> bool:
    return bool(request["messages"][-1]["role"] == "tool")


@pytest.mark.parametrize("victim", ["app", "daprd", "scheduler", "placement"])
async def test_a_kill_during_the_second_model_call(killable: Scripted, victim: str) -> None:
    """Within 10 s of the victim being back the turn is answered, and the first model call was made once (V5)."""
    stack, model = killable.stack, killable.model
    user = User(stack, "ada", f"killed {victim}")
    model.hold(_second_call)
    turn_id = await user.start("hold on")
    await poll_until(lambda: len(model.requests) == 2, 10, "the second model call is under way")
    await stack.kill(victim)
    model.release()
    await poll_until(user.ready, 15, "the service is ready again")
    began = time.monotonic()
    view = await user.finished(turn_id, 10)
    print(f"{victim}: finished {time.monotonic() - began:.1f} s after ready")
    assert view["status"] == "answered"
    first_calls = [r for r in model.requests if not _second_call(r)]
    assert len(first_calls) == 1, "the first model call is not repeated"
    (turn,) = await user.history(f"killed {victim}")
    check_whole(turn["messages"])


@pytest.mark.parametrize("victim", ["app", "daprd"])
async def test_messages_sent_around_a_kill_are_all_answered(killable: Scripted, victim: str) -> None:
    """Every message accepted before a kill has exactly one turn afterwards; the next ones are served too (#193)."""
    stack = killable.stack
    user = User(stack, "ada", f"around {victim}")
    ids = [await user.start(f"before {number}") for number in range(5)]
    await stack.kill(victim)
    await poll_until(user.ready, 20, "the service is ready again")
    ids.append(await user.start("after"))
    for turn_id in ids:
        assert (await user.finished(turn_id, 30))["status"] == "answered"
    turns = await user.history(f"around {victim}")
    assert [turn["workflow_instance_id"] for turn in turns] == ids


async def test_a_head_ended_from_outside_does_not_block_its_session(killable: Scripted) -> None:
    """A turn terminated through Dapr is recorded as cancelled with its message, and the next one is answered."""
    stack, model = killable.stack, killable.model
    user = User(stack, "ada", "blocked")
    model.hold(lambda request: True)
    first = await user.start("never answered")
    await poll_until(lambda: model.requests, 10, "the first turn asks the model")
    second = await user.start("next please")
    async with _http() as http:
        await http.post(f"{stack.dapr_url}/v1.0/workflows/dapr/{first}/terminate")
    model.holds = lambda request: last_user_message(request) == "never answered"
    view = await user.finished(first, 8)
    assert view["status"] == "cancelled"
    assert (await user.finished(second, 15))["status"] == "answered"
    model.release()
    turns = await user.history("blocked")
    assert [turn["messages"][0]["content"] for turn in turns] == ["never answered", "next please"]


def _http() -> httpx.AsyncClient:
    return http_client(timeout=10)


@pytest.mark.parametrize("victim", ["daprd", "scheduler"])
async def test_doors_never_break_down_during_an_outage(killable: Scripted, victim: str) -> None:
    """While a part is away each request is accepted or told to come back; every accepted one is answered."""
    stack = killable.stack
    user = User(stack, "ada", f"outage {victim}")
    answers: list[httpx.Response] = []

    async def knock() -> None:
        while True:
            body = {"task": f"knock {len(answers)}", **user.ids}
            answers.append(await user.call("POST", "/start-workflow", json=body))
            await asyncio.sleep(0.1)

    knocking = asyncio.create_task(knock())
    await poll_until(lambda: len(answers) > 3, 10, "some are accepted before")
    await stack.kill(victim)
    await poll_until(user.ready, 20, "the service is ready again")
    count = len(answers)
    await poll_until(lambda: len(answers) > count + 3, 10, "some are accepted after")
    knocking.cancel()
    assert {answer.status_code for answer in answers} <= {202, 503}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 503)
    for answer in answers:
        if answer.status_code == 202:
            await user.finished(answer.json()["workflow_instance_id"], 40)
