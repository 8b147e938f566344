"""Placement dies while a replica joins: the sidecar that then answers for no workflow starts anew (ARC-017)."""

from __future__ import annotations

import time

import httpx
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack

TRIES, SESSIONS = 6, 12
RECOVERS_WITHIN = 25.0


async def test_turns_go_on_after_placement_died_while_a_replica_joined() -> None:
    """Each turn under way is answered with no client action; at least once the other sidecar was stuck and was ended.

    Whether it gets stuck rests on who is first at the new placement, so this tries until it was.
    """
    with ScriptedModel() as model:
        env = {**model.env, "MODEL_TIMEOUT": "120"}
        async with Stack(env=env, options=("--replicas=2",)) as stack:
            for number in range(TRIES):
                turns = await _under_way(stack, model, number)
                await stack.kill("daprd-2")
                await poll_until(lambda: _ready(stack.replica_url(2)), 20, "the replica takes work again")
                await stack.kill("placement")
                model.release()
                began = time.monotonic()
                for user, turn_id in turns:
                    assert (await user.finished(turn_id, RECOVERS_WITHIN))["status"] == "answered"
                stuck = _stuck(stack)
                print(f"try {number + 1}: {time.monotonic() - began:.1f} s, stuck so far: {stuck}")
                if stuck:
                    return
    raise AssertionError(f"no sidecar was stuck in {TRIES} tries: the fault this is about did not come up")


async def _under_way(stack: Stack, model: ScriptedModel, number: int) -> list[tuple[User, str]]:
    """Turns of as many sessions, all of them waiting for the model: sidecars drain what runs before they let go."""
    await poll_until(lambda: _ready(stack.app_url), 30, "the stack is ready")
    seen = len(model.requests)
    model.hold(lambda request: True)
    users = [User(stack, "ada", f"s{number}-{place}") for place in range(SESSIONS)]
    turns = [(user, await user.start("hello")) for user in users]
    await poll_until(lambda: len(model.requests) >= seen + SESSIONS, 15, "all turns ask the model")
    return turns


async def _ready(url: str) -> bool:
    async with httpx.AsyncClient(timeout=5) as http:
        return (await http.get(f"{url}/ready")).is_success


def _stuck(stack: Stack) -> int:
    logs = [stack.data_dir / "logs" / f"app-{number}.log" for number in (1, 2)]
    return sum(log.read_text(encoding="utf-8").count("sidecar.stuck") for log in logs)
