"""A sidecar that hands out no workflow any more, though it calls itself healthy, starts anew (ARC-017)."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import httpx
import pytest
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack

pytestmark = pytest.mark.stores("sqlite", because="it is about placement and the sidecars")

TRIES, TRIES_IN_GATE = 4, 1
RECOVERS_WITHIN = 25.0
START = "/v1.0/workflows/dapr/turn/start"
HEAP, LARGE = 30, "x" * 2_500_000
"""Workflows that are no turns, each so large that a few of them fill a connection that nobody reads."""


async def test_turns_go_on_after_placement_died_while_a_replica_joined(full_size: bool) -> None:
    """Each turn under way is answered with no client action, also when a sidecar got stuck, which is tried for.

    Whether one gets stuck rests on milliseconds inside daprd. Without the watch no turn then ends any more.
    """
    with ScriptedModel() as model:
        env = {**model.env, "MODEL_TIMEOUT": "120"}
        async with Stack(env=env, options=("--replicas=2",)) as stack:
            for number in range(TRIES if full_size else TRIES_IN_GATE):
                await poll_until(lambda: _ready(stack.app_url), 30, "the stack is ready")
                turns = await _kill_placement_while_one_joins(stack, model, number)
                began = time.monotonic()
                for user, turn_id in turns:
                    assert (await user.finished(turn_id, RECOVERS_WITHIN))["status"] == "answered"
                print(f"try {number + 1}: {len(turns)} turns, {time.monotonic() - began:.1f} s, stuck: {_stuck(stack)}")
                if _stuck(stack):
                    return


async def test_turns_go_on_after_a_worker_died_before_it_was_handed_its_work() -> None:
    """Work that waits for a worker to read is not what keeps the next worker out: its sidecar starts anew.

    The app stands still, so that what is sent to it fills the connection, and more work waits behind; then it dies.
    """
    with ScriptedModel() as model:
        async with Stack(env=model.env) as stack:
            user, app = User(stack, "ada", "shut out"), stack.pid("app")
            os.kill(app, signal.SIGSTOP)
            try:
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.dapr_http_port}", timeout=20) as dapr:
                    starts = (dapr.post(f"{START}?instanceID=large-{n}", json={"large": LARGE}) for n in range(HEAP))
                    assert [answer.status_code for answer in await asyncio.gather(*starts)] == [202] * HEAP
            finally:
                os.kill(app, signal.SIGKILL)
            began = time.monotonic()
            await poll_until(lambda: _stuck(stack), RECOVERS_WITHIN, "the service notices that its worker is shut out")
            await poll_until(lambda: _asks(user), RECOVERS_WITHIN, "turns are answered again")
            print(f"answered {time.monotonic() - began:.1f} s after the app was killed")


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


async def _asks(user: User) -> bool:
    try:
        return bool(await user.ask("hello"))
    except (AssertionError, httpx.HTTPError):
        return False


async def _ready(url: str) -> bool:
    async with httpx.AsyncClient(timeout=5) as http:
        return (await http.get(f"{url}/ready")).is_success


def _stuck(stack: Stack) -> int:
    logs = (stack.data_dir / "logs").glob("app*.log")
    return sum(log.read_text(encoding="utf-8").count("sidecar.stuck") for log in logs)
