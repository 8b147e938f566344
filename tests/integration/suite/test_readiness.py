"""Ready means able: a store that cannot be written to is no place for messages, and one that forgets is told of."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Say, ScriptedModel
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import InRedis

pytestmark = pytest.mark.stores("sqlite", because="it starts the Redis servers that it is about")

LIMITED = {"maxmemory": "20mb"}
FILLER = 32 * 2**20


@asynccontextmanager
async def _stack_on(redis: InRedis) -> AsyncIterator[Stack]:
    try:
        await redis.open()
        with ScriptedModel(lambda request: Say("ok")) as model:
            async with Stack(env=model.env, kept_in=redis) as stack:
                yield stack
    finally:
        redis.close()


@pytest.mark.parametrize(
    ("durable", "options", "warning"),
    [
        pytest.param(
            *(True, {**LIMITED, "maxmemory-policy": "allkeys-lru"}, "Redis evicts keys when its memory is full"),
            marks=pytest.mark.full_size,
        ),
        (False, {}, "Redis keeps nothing on disk"),
        (True, {**LIMITED, "maxmemory-policy": "noeviction"}, None),
    ],
)
async def test_a_redis_that_forgets_is_told_of(
    dapr_runtime: None, durable: bool, options: dict[str, str], warning: str | None
) -> None:
    """Once each in what `travelbuddy up` prints, in the log and in /ready; nothing of one that is run well."""
    redis = InRedis(durable=durable, options=options)
    async with _stack_on(redis) as stack:
        ready = await User(stack).call("GET", "/ready")
        log = (stack.data_dir / "logs" / "app.log").read_text(encoding="utf-8")
        assert ready.status_code == 200
        warnings = ready.json()["warnings"]
        assert [f"state store and broker: {warning}" in each for each in warnings] == [True] * (warning is not None)
        assert stack.printed().count("Warning: ") == log.count("redis.warning") == len(warnings)
        assert redis.redis.address not in ready.text


async def test_a_full_redis_is_not_ready_and_still_read(dapr_runtime: None) -> None:
    """503 that names the store and why, while sessions can be read; 200 again as soon as there is room."""
    redis = InRedis(durable=True, options={**LIMITED, "maxmemory-policy": "noeviction"})
    async with _stack_on(redis) as stack:
        user = User(stack, "ada", "full")
        await user.ask("before")
        redis.redis.ask("SETRANGE", "filler", str(FILLER), "x")
        await poll_until(lambda: _lacking(user), 5, "it is seen")
        for _ in range(20):
            assert "state store: cannot be written: its memory is full" in await _lacking(user)
            assert [turn["outcome"] for turn in await user.history("full")] == ["answered"]
        redis.redis.ask("DEL", "filler")
        await poll_until(user.ready, 5, "ready again")
        assert await user.ask("after") == "ok"


async def test_a_redis_that_hangs_is_told_in_time(dapr_runtime: None) -> None:
    """Whoever asks hears 503 after a second and a half, not after the five that a request to the store may take."""
    redis = InRedis(durable=True)
    async with _stack_on(redis) as stack:
        user = User(stack, "ada", "hangs")
        redis.pause()
        try:
            await poll_until(lambda: _lacking(user), 5, "it is seen")
            for _ in range(3):
                began = time.monotonic()
                assert "state store: no answer within 1.5 s" in await _lacking(user)
                assert time.monotonic() - began < 4.5
        finally:
            redis.resume()
        await poll_until(user.ready, 10, "ready again")


async def _lacking(user: User) -> str:
    """What /ready names; empty when it is ready."""
    answer = await user.call("GET", "/ready")
    return "" if answer.status_code == 200 else str(answer.json()["detail"])
