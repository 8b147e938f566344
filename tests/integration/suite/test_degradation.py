"""What happens when something the service depends on is away, or broken."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User, metric
from tests.integration.framework.http_client import http_client
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Fail, Request, Say, ScriptedModel
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import own_server

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.stores("redis", "postgres", gate=("postgres",), because="a file does not hang")
async def test_a_state_store_that_hangs_accepts_nothing(dapr_runtime: None) -> None:
    """With the store away: 503 with Retry-After, nothing accepted, the breaker opens; with it back, all goes on."""
    with ScriptedModel(lambda request: Say("ok")) as model:
        async with own_server() as store, Stack(env=model.env, kept_in=store) as stack:
            user = User(stack, "ada", "away")
            await user.ask("before")
            breaker = 'travelbuddy_breaker_state{breaker="state-store"}'
            assert await metric(user, breaker) == 0
            store.pause()
            try:
                statuses = []
                async with http_client(base_url=stack.app_url, timeout=40) as http:
                    for _ in range(7):
                        began = time.monotonic()
                        answer = await http.post("/start-workflow", json={"task": "lost?", **user.ids})
                        statuses.append(answer.status_code)
                        assert int(answer.headers["retry-after"]) >= 1
                        assert answer.json()["type"] == "urn:travelbuddy:problem:unavailable"
                        assert time.monotonic() - began < 14
                        if await metric(user, 'travelbuddy_breaker_trips_total{breaker="state-store"}'):
                            break
                    assert set(statuses) == {503}
                    ready = await http.get("/ready")
                    assert (ready.status_code, "state store" in ready.text) == (503, True)
            finally:
                store.resume()
            await poll_until(user.ready, 20, "ready again")
            assert await user.ask("after") == "ok"
            assert await metric(user, breaker) == 0
            assert [t["messages"][0]["content"] for t in await user.history("away")] == ["before", "after"]
            assert not model.asked("lost?")


@pytest.mark.alone
@pytest.mark.stores(
    *("redis", "postgres"), gate=("redis",), because="a file cannot be made to refuse and still be there"
)
async def test_a_short_trouble_of_the_store_is_not_seen(dapr_runtime: None) -> None:
    """A store that is away for less than half a second costs repeated operations, and no answer."""
    with ScriptedModel(lambda request: Say("ok")) as model:
        async with Stack(env=model.env) as stack:
            user = User(stack, "ada", "short")  # no turn yet: daprd 1.18.2 panics when the store refuses at its end
            stack.kept_in.refuse()
            reading = asyncio.create_task(user.call("GET", "/users/ada"))
            await poll_until(lambda: _retried(user), 5, "the read is repeated")
            stack.kept_in.allow()
            assert (await reading).status_code == 200
            assert await user.ask("after") == "ok"


async def _retried(user: User) -> bool:
    return await metric(user, 'travelbuddy_state_retries_total{operation="read"}') > 0


@pytest.mark.stores("sqlite", because="the breaker is in the process")
async def test_a_failing_model_opens_the_breaker_and_closes_it_again(dapr_runtime: None) -> None:
    """After ten failures in a row the model is left alone; turns wait for it and are answered when it is back."""
    broken = True

    def script(request: Request) -> Say | Fail:
        return Fail(500) if broken else Say("back")

    with ScriptedModel(script) as model:
        async with Stack(env={**model.env, "MODEL_ATTEMPTS": "9"}) as stack:
            users = [User(stack, "ada", f"breaker-{number}") for number in range(6)]
            turns = [await user.start("hello") for user in users]
            state = 'travelbuddy_breaker_state{breaker="model"}'
            await poll_until(lambda: _is(users[0], state, 2), 15, "the breaker is open")
            asked = len(model.requests)
            assert 10 <= asked <= 16
            broken = False
            for user, turn in zip(users, turns, strict=True):
                assert (await user.finished(turn, 40))["response"] == "back"
            assert await metric(users[0], state) == 0
            assert await metric(users[0], 'travelbuddy_turns_total{door="start-workflow",outcome="answered"}') == 6


@pytest.mark.stores("sqlite", because="the cache is in the process")
async def test_the_cache_of_users_shows_its_hits(scripted: Scripted) -> None:
    """Reading a user twice is one miss and one hit more."""
    user = User(scripted.stack)
    before = [await metric(user, f'travelbuddy_user_cache_requests_total{{result="{r}"}}') for r in ("hit", "miss")]
    for _ in range(2):
        await user.call("GET", "/users/cached-user")
    after = [await metric(user, f'travelbuddy_user_cache_requests_total{{result="{r}"}}') for r in ("hit", "miss")]
    assert after == [before[0] + 1, before[1] + 1]


async def test_every_read_and_change_is_in_the_audit_log(scripted: Scripted) -> None:
    """The log says who, what, when and through which door, and holds no text of any message."""
    scripted.model.script = lambda request: Say("a secret reply")
    user = User(scripted.stack, "audited", "audited-session")
    await user.call("POST", "/chat", json={"message": "a secret message", **user.ids})
    await user.call("PATCH", "/users/audited", json={"name": "Secret Name"})
    await user.publish({"text": "a secret message", "sender": "audited-too"})
    await poll_until(lambda: _audited(scripted, "audited-too"), 10, "the direct message is noted")
    await user.call("DELETE", "/users/audited")
    lines = [line for line in _audit(scripted) if line["who"] in {"audited", "audited-too"}]
    seen = {(line["who"], line["door"], line["audit"]) for line in lines}
    assert ("audited", "POST /chat", "read") in seen
    assert ("audited", "workflow call_model", "transact") in seen
    assert ("audited", "PATCH /users/audited", "write") in seen
    assert ("audited", "DELETE /users/audited", "delete") in seen
    assert ("audited-too", "pubsub", "write") in seen
    commit = next(line for line in lines if line["audit"] == "transact" and line["who"] == "audited")
    assert commit["what"][0] == "session:audited-session"
    assert commit["outcome"] == "done"
    assert "ecret" not in json.dumps(lines)


def _audit(scripted: Scripted) -> list[dict[str, str]]:
    path = scripted.stack.data_dir / "logs" / "audit.log"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _audited(scripted: Scripted, who: str) -> bool:
    return any(line["who"] == who and line["door"] == "pubsub" for line in _audit(scripted))


async def _is(user: User, name: str, value: float) -> bool:
    return await metric(user, name) == value
