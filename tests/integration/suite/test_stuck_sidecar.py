"""Placement dies while a replica joins: the sidecar that then answers for no workflow starts anew (ARC-017)."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack

pytestmark = pytest.mark.stores("sqlite", because="it is about placement and the sidecars")

TRIES = 4
RECOVERS_WITHIN = 25.0


async def test_turns_go_on_after_placement_died_while_a_replica_joined() -> None:
    """Each turn under way is answered with no client action, also when a sidecar got stuck, which is tried for.

    Whether one gets stuck rests on milliseconds inside daprd. Without the watch no turn then ends any more.
    """
    with ScriptedModel() as model:
        env = {**model.env, "MODEL_TIMEOUT": "120"}
        async with Stack(env=env, options=("--replicas=2",)) as stack:
            for number in range(TRIES):
                await poll_until(lambda: _ready(stack.app_url), 30, "the stack is ready")
                turns = await _kill_placement_while_one_joins(stack, model, number)
                began = time.monotonic()
                for user, turn_id in turns:
                    assert (await user.finished(turn_id, RECOVERS_WITHIN))["status"] == "answered"
                print(f"try {number + 1}: {len(turns)} turns, {time.monotonic() - began:.1f} s, stuck: {_stuck(stack)}")
                if _stuck(stack):
                    return


async def _kill_placement_while_one_joins(stack: Stack, model: ScriptedModel, number: int) -> list[tuple[User, str]]:
    """Turns of many sessions, accepted around it all."""
    turns: list[tuple[User, str]] = []
    model.hold(lambda request: True)
    starting = asyncio.create_task(_start_turns(stack, number, turns))
    try:
        await poll_until(lambda: len(turns) > 5, 10, "turns are under way")
        await stack.kill("app-2")
        await poll_until(lambda: _ready(stack.replica_url(2)), 20, "the replica takes work again")
        await stack.kill("placement")
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        model.release()
    return turns


async def _start_turns(stack: Stack, number: int, turns: list[tuple[User, str]]) -> None:
    """One session after the other, all of them waiting for the model: a sidecar drains what runs before it lets go."""
    while True:
        user = User(stack, "ada", f"s{number}-{len(turns)}")
        body = {"task": "hello", **user.ids}
        async with httpx.AsyncClient(base_url=stack.replica_url(1), timeout=30) as http:
            answer = await http.post("/start-workflow", json=body)
        if answer.status_code == 202:
            turns.append((user, answer.json()["workflow_instance_id"]))
        await asyncio.sleep(0.1)


async def _ready(url: str) -> bool:
    async with httpx.AsyncClient(timeout=5) as http:
        return (await http.get(f"{url}/ready")).is_success


def _stuck(stack: Stack) -> int:
    logs = [stack.data_dir / "logs" / f"app-{number}.log" for number in (1, 2)]
    return sum(log.read_text(encoding="utf-8").count("sidecar.stuck") for log in logs)
