"""Two replicas behind the proxy: any request on any of them, one memory, streams across, and a kill in between."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User, listening
from tests.integration.framework.events import Sent, collect, events, first, reply_of
from tests.integration.framework.http_client import http_client
from tests.integration.framework.invariants import check_turns
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Request, Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "one two three four five six seven eight"
SESSIONS, TURNS, TURNS_IN_GATE = 25, 500, 75
AWAY = {502, 503, 504}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair_stack(dapr_runtime: None, kept_in: None) -> AsyncIterator[Scripted]:
    """Two replicas with a scripted model, shared by the tests of this file."""
    with ScriptedModel() as model:
        async with Stack(env=model.env, options=("--replicas=2",)) as stack:
            yield Scripted(stack, model)


@pytest.fixture
def pair(pair_stack: Scripted) -> Iterator[Scripted]:
    """The two replicas, the script and log as new before and after the test."""
    pair_stack.model.reset()
    yield pair_stack
    pair_stack.model.reset()


def _body(session: str, message: str) -> dict[str, str]:
    return {"user_id": "ada", "session_id": session, "message": message}


async def _chat(url: str, session: str, message: str) -> dict[str, Any]:
    async with http_client(timeout=30) as http:
        answer = await http.post(f"{url}/chat", json=_body(session, message))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_follow_up_on_the_other_replica_sees_the_first_turn(pair: Scripted) -> None:
    """A message to replica 1, the next to replica 2: the second prompt holds the first turn."""
    pair.model.script = lambda request: Say(f"noted: {last_user_message(request)}")
    await _chat(pair.stack.replica_url(1), "memory", "Hello")
    await _chat(pair.stack.replica_url(2), "memory", "How are you?")
    await _chat(pair.stack.app_url, "memory", "And now?")
    prompt = [m["content"] for m in pair.model.asked("And now?")[0]["messages"] if m["role"] != "system"]
    assert prompt == ["Hello", "noted: Hello", "How are you?", "noted: How are you?", "And now?"]


@pytest.mark.stores("sqlite", because="it is about the proxy")
async def test_the_address_of_the_status_is_the_proxys(pair: Scripted) -> None:
    """What a client is told to poll goes through the proxy again."""
    user = User(pair.stack, "ada", "address")
    answer = await user.call("POST", "/start-workflow", json={"task": "hi", **user.ids})
    assert answer.json()["status_url"].startswith(pair.stack.app_url)


async def test_a_direct_message_is_answered_once(pair: Scripted) -> None:
    """A published message reaches one replica, and its reply is heard once."""
    user = User(pair.stack)
    async with listening(pair.stack, "TravelBuddy.replies") as heard:
        for number in range(4):
            await user.publish({"text": f"message {number}", "sender": "pat"})
        await poll_until(lambda: len(heard) >= 4, 20, "four replies are heard")
    assert len(await user.history("dm-pat")) == 4
    assert [len(pair.model.asked(f"message {number}")) for number in range(4)] == [2, 2, 2, 2]


@pytest.mark.stores("sqlite", because="between replicas there is Redis with every store")
async def test_streams_cross_replicas(pair: Scripted) -> None:
    """The same turn followed on both replicas at once: on each the first token comes long before the last."""
    long = " ".join([WORDS] * 3)
    pair.model.script = lambda request: Say(long, delay=0.2)
    user = User(pair.stack, "ada", "cross")
    for _ in range(2):
        turn = await user.start("go")
        urls = [f"{pair.stack.replica_url(number)}/workflows/{turn}/stream" for number in (1, 2)]
        for sent in await asyncio.gather(*(collect("GET", url) for url in urls)):
            tokens = [event for event in sent if event.name == "token"]
            assert len(tokens) >= 4
            assert sent[-1].at - tokens[0].at > 0.8
            assert reply_of(sent) == long


@pytest.mark.stores("sqlite", because="between replicas there is Redis with every store")
async def test_who_comes_late_is_told_the_steps_so_far_on_any_replica(pair: Scripted) -> None:
    """In the middle of a turn a stream that begins on either replica soon shows its steps, and then its pause."""
    pair.model.hold(lambda request: request["messages"][-1]["role"] == "tool")
    user = User(pair.stack, "ada", "steps-across")
    turn = await user.start("Paris?")
    await poll_until(lambda: len(pair.model.requests) == 2, 10, "the second call is under way")
    sent: list[Sent] = []

    async def follow(number: int) -> None:
        async with aclosing(events("GET", f"{pair.stack.replica_url(number)}/workflows/{turn}/stream")) as stream:
            async for event in stream:
                sent.append(event)  # noqa: PERF401  it is looked at while it grows

    def told(state: str) -> bool:
        found = [e for e in sent if e.data.get("state") == state and e.data.get("timeline")]
        return sum([step["name"] for step in e.data["timeline"]] == ["call_model", "search_flights"] for e in found) > 1

    following = [asyncio.create_task(follow(number)) for number in (1, 2)]
    try:
        await poll_until(lambda: told("running"), 3, "both are told the steps so far")
        async with http_client() as http:
            assert (await http.post(f"{pair.stack.replica_url(1)}/workflows/{turn}/pause")).status_code == 200
            await poll_until(lambda: told("paused"), 2, "both are told of the pause")
            assert (await http.post(f"{pair.stack.replica_url(2)}/workflows/{turn}/resume")).status_code == 200
    finally:
        pair.model.release()
        await asyncio.gather(*following)
    assert (await user.finished(turn))["status"] == "answered"


@pytest.mark.stores("sqlite", because="between replicas there is Redis with every store")
@pytest.mark.parametrize("way", [(1, 2), (2, 1)])
async def test_cut_on_one_replica_and_resumed_on_the_other(pair: Scripted, way: tuple[int, int]) -> None:
    """Cut after 3 events and resumed with Last-Event-ID on the other replica, the tokens are the stored reply."""
    pair.model.script = lambda request: Say(WORDS, delay=0.2)
    here, there = (pair.stack.replica_url(number) for number in way)
    for number in range(2):
        part = await first(3, "POST", f"{here}/chat/stream", body=_body(f"cut-{way[0]}-{number}", "go"))
        turn = part[0].data["workflow_instance_id"]
        rest = await collect("GET", f"{there}/workflows/{turn}/stream", after=part[-1].id)
        assert len([event for event in rest if event.name == "token"]) >= 3, "it went on while the model spoke"
        stored = (await User(pair.stack).finished(turn))["response"]
        assert reply_of(part + rest) == stored == WORDS


@pytest.mark.stores("sqlite", because="between replicas there is Redis with every store")
async def test_a_cancel_on_one_replica_stops_the_model_call_on_the_other(pair: Scripted) -> None:
    """Cancelled through either replica, the connection to the model is closed at once wherever it is."""
    gone: list[bool] = []

    def endless(request: Request) -> Say:
        gone.append(True)
        return Say(" ".join(["word"] * 200), delay=0.1)

    pair.model.script = endless
    for number in (1, 2):
        user = User(pair.stack, "ada", f"cancel-{number}")
        turn = await user.start("go")
        await poll_until(lambda n=number: len(gone) == n, 10, "the model speaks")  # type: ignore[misc]
        async with http_client(timeout=10) as http:
            answer = await http.post(f"{pair.stack.replica_url(number)}/workflows/{turn}/cancel")
        assert answer.json()["status"] == "cancelled"
        await poll_until(lambda n=number: pair.model.hung_up == n, 5, "the connection to the model is closed")  # type: ignore[misc]


async def test_a_change_on_one_replica_is_told_to_the_cache_of_the_other(pair: Scripted) -> None:
    """A user read on replica 2 and changed on replica 1 is read anew there at once, not after five minutes."""
    one, two = (f"{pair.stack.replica_url(number)}/users/cached" for number in (1, 2))
    async with http_client(timeout=10) as http:
        for name in ("Ada", "Eve"):
            before = (await http.get(two)).json()["preferences"]
            assert before.get("name") != name
            await http.patch(one, json={"name": name})

            async def told(expected: str = name) -> bool:
                return bool((await http.get(two)).json()["preferences"].get("name") == expected)

            await poll_until(told, 5, "the other replica has the new name")


@pytest.mark.stores("sqlite", because="it is about the proxy")
async def test_the_proxys_own_errors_are_problems(pair: Scripted) -> None:
    """A body that the proxy refuses is a problem document as any other."""
    async with http_client(timeout=30) as http:
        for size in (3_000_000, 5_000_000):
            answer = await http.post(f"{pair.stack.app_url}/chat", json=_body("big", "x" * size))
            assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.stores("sqlite", because="the broker is a part of the stack with the embedded default only")
async def test_a_killed_broker_comes_back_and_nothing_else_notices(pair: Scripted) -> None:
    """While the broker is away turns are answered and streams end; afterwards messages flow again."""
    await pair.stack.kill("broker")
    sent = await collect("POST", f"{pair.stack.replica_url(2)}/chat/stream", body=_body("broker", "hi"))
    assert reply_of(sent) == sent[-1].data["response"]
    user = User(pair.stack)

    async def answered() -> bool:
        try:
            await user.publish({"text": "are you there?", "sender": "bo"})
        except AssertionError:
            return False
        return True

    await poll_until(answered, 20, "the broker takes messages again")
    await poll_until(lambda: pair.model.asked("are you there?"), 20, "the message is answered")


async def test_turns_at_random_with_a_replica_killed_half_way(dapr_runtime: None, full_size: bool) -> None:
    """500 turns over 25 sessions on both replicas and the proxy, app and sidecar of one killed: V1 to V4 hold.

    The gate tries 75.
    """
    turns = TURNS if full_size else TURNS_IN_GATE
    with ScriptedModel(lambda request: Say(f"re: {last_user_message(request)}")) as model:
        async with Stack(env=model.env, options=("--replicas=2",)) as stack:
            crowd = _Crowd(stack, turns)
            began = time.monotonic()
            await crowd.run()
            print(f"{turns} turns in {time.monotonic() - began:.1f} s, {crowd.repeated} requests sent again")
            user, asked = User(stack), len(model.requests)
            for session, sent in crowd.sent.items():
                stored = await user.history(session)
                check_turns(stored, sent, model.requests)
                assert [t["messages"][-1]["content"] for t in stored] == [
                    f"re: {t['messages'][0]['content']}" for t in stored
                ]
                again = await crowd.post(session, sent[-1])
                assert again == next(
                    t["workflow_instance_id"] for t in stored if t["messages"][0]["content"] == sent[-1]
                )
            assert len(model.requests) == asked, "a repeated key costs no model call (V4)"
            assert asked <= turns + 60


class _Crowd:
    """Clients that repeat a request with its key until it is accepted, and wait for each turn's outcome."""

    def __init__(self, stack: Stack, turns: int) -> None:
        self.stack = stack
        self._turns = turns
        self.sent: dict[str, list[str]] = {f"crowd {n}": [] for n in range(SESSIONS)}
        self.repeated = 0
        self._chance = random.Random(7)
        self._http = http_client(timeout=10)
        self._urls = [stack.app_url, stack.replica_url(1), stack.replica_url(2)]
        self._half = asyncio.Event()
        self._done = 0

    async def run(self) -> None:
        """Send everything; kill one replica half-way."""
        kill = asyncio.create_task(self._kill_half_way())
        await asyncio.gather(*map(self._talk, self.sent))
        await kill

    async def post(self, session: str, text: str) -> str:
        """Send until accepted, to any replica; returns the workflow id."""
        body = {"task": text, "user_id": f"user of {session}", "session_id": session}
        while True:
            url = self._chance.choice(self._urls)
            try:
                answer = await self._http.post(f"{url}/start-workflow", json=body, headers={"Idempotency-Key": text})
                if answer.status_code == 202:
                    return str(answer.json()["workflow_instance_id"])
                assert answer.status_code in AWAY, answer.text
            except httpx.TransportError:
                pass
            self.repeated += 1
            await asyncio.sleep(0.1)

    async def _talk(self, session: str) -> None:
        for number in range(self._turns // SESSIONS):
            text = f"{session}: {number}"
            self.sent[session].append(text)
            await self._outcome(await self.post(session, text))
            self._done += 1
            if self._done == self._turns // 2:
                self._half.set()

    async def _outcome(self, turn: str) -> None:
        async def ended() -> bool:
            try:
                answer = await self._http.get(f"{self._chance.choice(self._urls)}/workflows/{turn}")
            except httpx.TransportError:
                return False
            return answer.status_code == 200 and answer.json()["status"] == "answered"

        await poll_until(ended, 60, f"{turn} is answered")

    async def _kill_half_way(self) -> None:
        await self._half.wait()
        for name in ("daprd-2", "app-2"):
            os.kill(self.stack.pid(name), signal.SIGKILL)
