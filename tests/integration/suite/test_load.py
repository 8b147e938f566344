"""Many at once: nobody is failed, nothing is lost, and when it is too much, who comes last is sent away politely."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import yaml
from bench import load
from bench.rounds import think
from bench.running import stub_model
from tests.integration.framework.client import User, metric
from tests.integration.framework.http_client import http_client
from tests.integration.framework.scripted_model import Answer, Call, Request, Say, ScriptedModel
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import EMBEDDED

USERS, TURNS = 200, 3
USERS_IN_GATE = 100
FEW = 50
"""Users who keep a machine of two cores just busy: what they get done is what it can do."""
THINKS = 1.0


def _slow(request: Request) -> Answer:
    """A search, then a reply, each after the time a real model takes."""
    time.sleep(THINKS)
    if request["messages"][-1]["role"] == "user":
        return Call((("search_flights", {"destination": "Paris"}),))
    return Say("found some")


async def _answered(user: User) -> tuple[float, float]:
    """How many turns were answered so far, and the seconds from acceptance to commit of all of them."""
    count, total = [
        await metric(user, f'travelbuddy_turn_seconds_{part}{{outcome="answered"}}') for part in ("count", "sum")
    ]
    return count, total


@pytest.mark.alone
async def test_many_users_are_all_answered_in_time(dapr_runtime: None, full_size: bool) -> None:
    """200 users x 3 turns with a model that takes a second: no error, no turn lost or doubled, and nobody starves.

    The gate tries it with 100 users x 2 turns. With as many turns a second as 50 users got done, so many users wait
    their number / that many seconds each on the average; 19 of 20 wait less than twice as long.
    """
    async with AsyncExitStack() as around:
        model_url, _ = around.enter_context(stub_model())
        env = {"OPENAI_BASE_URL": model_url, "OPENAI_API_KEY": "stub"}
        stack = await around.enter_async_context(Stack(env=env))
        think(model_url, 1)
        users, each = (USERS, TURNS) if full_size else (USERS_IN_GATE, TURNS - 1)
        names = [f"user-{number}" for number in range(users)]
        few = await load.run(stack.app_url, FEW, each, [f"early-{number}" for number in range(FEW)])
        loaded = await load.run(stack.app_url, users, each, names)
        p95, share = loaded.percentile(0.95), users / few.throughput
        print(f"{stack.kept_in.name}: {few.throughput:.1f} turns/s of {FEW} users, {loaded.throughput:.1f} of {users}")
        print(f"p50 {loaded.median:.2f} s, p95 {p95:.2f} s, a fair share {share:.2f} s")
        assert few.errors == loaded.errors == 0
        assert p95 < 2 * share
        async with http_client(base_url=stack.app_url, timeout=30) as http:
            for name in names:
                turns = (await http.get(f"/sessions/{name}-0/history", params={"limit": 100})).json()["turns"]
                assert [turn["messages"][0]["content"][-1] for turn in turns] == [str(n) for n in range(each)]
            asked = (await http.get(f"{model_url.removesuffix('/v1')}/probes")).json()["requests"]
        assert asked == 2 * (FEW + users) * each


@pytest.mark.alone
@pytest.mark.stores("sqlite", because="who is let in is counted in the process")
async def test_too_much_is_sent_away_and_whoever_is_let_in_is_answered_in_time(
    dapr_runtime: None, full_size: bool
) -> None:
    """Ten times what fits: only 200 and 503 with Retry-After, each 200 stored, hardly later than with no flood."""
    room, flood = (30, 300) if full_size else (15, 150)
    with ScriptedModel(_slow) as model:
        async with Stack(env={**model.env, "MAX_TURNS": str(room)}) as stack:
            user, limits = User(stack), httpx.Limits(max_connections=flood)
            async with http_client(base_url=stack.app_url, timeout=60, limits=limits) as http:

                async def ask(number: int) -> int:
                    body = {"user_id": f"u{number}", "session_id": f"s{number}", "message": "hello"}
                    answer = await http.post("/chat", json=body)
                    if answer.status_code == 503:
                        assert answer.json()["type"].endswith("overloaded")
                        assert int(answer.headers["Retry-After"]) >= 1
                    return answer.status_code

                assert set(await asyncio.gather(*map(ask, range(flood, flood + room)))) == {200}
                before, before_seconds = await _answered(user)
                codes = Counter(await asyncio.gather(*map(ask, range(flood))))
                assert codes.keys() == {200, 503}
                assert codes[200] >= room
                after, after_seconds = await _answered(user)
                assert after - before == codes[200]
                alone, flooded = before_seconds / before, (after_seconds - before_seconds) / codes[200]
                print(f"{codes[200]} let in, a turn took {flooded:.2f} s; without the flood {alone:.2f} s")
                assert flooded < 2 * alone
                stored = [(await http.get(f"/sessions/s{n}/history")).status_code for n in range(flood)]
                assert Counter(stored)[200] == codes[200]
                page = (await http.get("/metrics")).text
                assert f"travelbuddy_overloaded_total {float(codes[503])}" in page
                assert "travelbuddy_turns_in_progress 0.0" in page
                assert await ask(flood + room) == 200


@pytest.mark.stores("sqlite", because="the scheduler keeps the cap")
async def test_dapr_caps_the_models_calls_where_it_is_told_to(dapr_runtime: None, tmp_path: Path) -> None:
    """With activityConcurrencyLimits no more than that many model calls run at once, and every turn is answered."""
    cap, users = 3, 12
    at_once, most, lock = 0, 0, threading.Lock()

    def script(_request: Request) -> Answer:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.2)
        with lock:
            at_once -= 1
        return Say("done")

    for source in EMBEDDED.glob("*.yaml"):
        (tmp_path / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    configuration = yaml.safe_load((tmp_path / "configuration.yaml").read_text(encoding="utf-8"))
    configuration["spec"]["workflow"]["activityConcurrencyLimits"] = [{"name": "call_model", "maxConcurrent": cap}]
    (tmp_path / "configuration.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    with ScriptedModel(script) as model:
        async with Stack(env=model.env, options=(f"--components={tmp_path}",)) as stack:
            loaded = await load.run(stack.app_url, users, 2)
    assert loaded.errors == 0
    assert most == cap
