"""The policies of components/resiliency.yaml at work: what is tried again, what is not, and nothing twice."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.integration.framework.client import User, listening
from tests.integration.framework.polling import poll_until
from tests.integration.framework.redis_server import RedisServer
from tests.integration.framework.scripted_model import Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import EMBEDDED, Chosen, InFile, InPostgres, redis_components

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores(
        *("redis", "postgres"), gate=("redis",), because="a file cannot be made to refuse and still be there"
    ),
]

AWAY = 6.0
"""Seconds of an outage that the service's own retries do not bridge."""


@dataclass(frozen=True)
class Parts:
    """A stack whose two stores, ``workflow`` and ``conversation``, can be away one without the other."""

    stack: Stack
    model: ScriptedModel
    refuse: Callable[[str], None]
    allow: Callable[[str], None]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def parts(dapr_runtime: None, kept_in: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    """One stack for the tests of this file."""
    over = _over_postgres() if Chosen.name == "postgres" else _over_redis(tmp_path_factory.mktemp("resiliency"))
    async with over as running:
        yield running


@asynccontextmanager
async def _over_postgres() -> AsyncIterator[Parts]:
    """A table of PostgreSQL for each store."""
    with ScriptedModel(lambda request: Say("ok")) as model:
        async with Stack(env=model.env) as stack:
            place = stack.kept_in
            assert isinstance(place, InPostgres)
            yield Parts(stack, model, lambda s: place.refuse(f"{s}_state"), lambda s: place.allow(f"{s}_state"))


@asynccontextmanager
async def _over_redis(folder: Path) -> AsyncIterator[Parts]:
    """A Redis server for each store, and the broker in memory."""
    with ScriptedModel(lambda request: Say("ok")) as model:
        async with RedisServer() as workflows, RedisServer() as conversations:
            components = redis_components(folder / "components", workflows)
            other = redis_components(folder / "other", conversations)
            shutil.copy(other / "conversationstore.yaml", components)
            servers = {"workflow": workflows, "conversation": conversations}
            options = (f"--components={components}",)
            async with Stack(env=model.env, options=options, kept_in=InFile(folder)) as stack:
                yield Parts(
                    stack,
                    model,
                    lambda store: servers[store].refuse(),
                    lambda store: servers[store].allow(),
                )


async def test_what_the_sidecar_cannot_deliver_is_counted(parts: Parts) -> None:
    """A letter without a reason in it is Dapr's own: it is counted as undelivered.

    First in this file: a streaming subscriber that leaves a topic of the in-memory broker takes the app's along.
    """
    user = User(parts.stack)
    async with httpx.AsyncClient(timeout=10) as http:
        url = f"{parts.stack.dapr_url}/v1.0/publish/messagepubsub/TravelBuddy.dead"
        assert (await http.post(url, json={"text": "hello", "sender": "pat"})).status_code == 204

    async def counted() -> bool:
        return (await _buried(user)).get("undelivered") == 1

    await poll_until(counted, 10, "the letter is counted")


async def test_a_step_that_meets_a_short_trouble_of_the_engine_s_store_is_taken_up_again(parts: Parts) -> None:
    """With the workflow store refusing while a turn asks the model, the turn is answered once it is back, and once."""
    user = User(parts.stack, "ada", "short trouble")
    await user.ask("before")
    parts.model.hold(lambda request: last_user_message(request) == "during")
    turn = await user.start("during")
    await poll_until(lambda: parts.model.asked("during"), 10, "the model is asked")
    parts.refuse("workflow")
    parts.model.release()
    await asyncio.sleep(0.5)
    parts.allow("workflow")
    assert (await user.finished(turn))["status"] == "answered"
    assert [t["messages"][0]["content"] for t in await user.history("short trouble")] == ["before", "during"]


async def test_an_outage_makes_no_message_poison(parts: Parts) -> None:
    """A message that comes while the conversation store is away is delivered until it is taken, and answered once."""
    user = User(parts.stack)
    before = await _buried(user)
    async with listening(parts.stack, "TravelBuddy.replies") as heard:
        parts.refuse("conversation")
        try:
            await user.publish({"text": "are you there?", "sender": "mo"})
            await poll_until(
                lambda: "component[messagepubsub] input. Retrying" in _log(parts.stack), 10, "it is delivered again"
            )
            await asyncio.sleep(AWAY)
        finally:
            parts.allow("conversation")
        await poll_until(lambda: heard, 20, "the message is answered")
        assert [reply["recipient"] for reply in heard] == ["mo"]
    assert await _buried(user) == before, "no dead letter"
    assert len(parts.model.asked("are you there?")) == 1
    assert len(await user.history("dm-mo")) == 1


POISON: list[tuple[Any, str, str]] = [
    ({"text": "no sender"}, "invalid", "sender"),
    ({"text": "", "sender": "pat"}, "invalid", "text"),
    ({"text": "x" * 200_000, "sender": "pat"}, "invalid", "text"),
    (["a", "list"], "unreadable", "data"),
]


async def test_poison_goes_to_the_dead_letters_with_the_reason(parts: Parts) -> None:
    """Each kind is heard on the dead-letter topic, once, with what is wrong and the event itself, and is counted."""
    user = User(parts.stack)
    async with listening(parts.stack, "TravelBuddy.dead") as dead:
        for number, (data, kind, word) in enumerate(POISON, start=1):
            await user.publish(data)
            await poll_until(lambda n=number: len(dead) == n, 10, f"{kind} is buried")  # type: ignore[misc]
            letter = dead[-1]
            assert (letter["kind"], word in letter["reason"]) == (kind, True), letter
            assert letter["event"]
    counts = await _buried(user)
    assert (counts["invalid"], counts["unreadable"]) == (3, 1)


async def test_the_policies_name_components_that_are_there() -> None:
    """A target that does not exist would do nothing, and nobody would be told."""
    text = (EMBEDDED / "resiliency.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"^      (\w+):$", text.partition("targets:")[2], re.MULTILINE))
    assert named == {"messagepubsub", "conversationstore", "replicapubsub"}
    assert all((EMBEDDED / f"{name}.yaml").exists() for name in named)


async def _buried(user: User) -> dict[str, float]:
    """The dead letters so far, by kind."""
    page = (await user.call("GET", "/metrics")).text
    found = re.findall(r'^travelbuddy_dead_letters_total\{reason="(\w+)"\} ([0-9.]+)', page, re.MULTILINE)
    return {kind: float(count) for kind, count in found}


def _log(stack: Stack) -> str:
    return Path(stack.data_dir / "logs" / "daprd.log").read_text(encoding="utf-8", errors="replace")
