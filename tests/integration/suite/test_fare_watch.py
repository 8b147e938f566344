"""Fare watches on a real stack: hundreds of periods, everything killed in the middle, each fall told once."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
from dapr.ext.workflow._durabletask.internal.orchestrator_service_pb2 import GetInstanceHistoryRequest
from dapr.ext.workflow._durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from tests.integration.framework.client import Json, User, listening
from tests.integration.framework.duffel_stub import DuffelStub
from tests.integration.framework.polling import poll_until
from tests.integration.framework.rows import sqlite_keys, sqlite_rows
from tests.integration.framework.scripted_model import Answer, Call, Request, Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack
from tests.integration.framework.webhook_receiver import WebhookReceiver

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="a watch's record is guarded as a session's is"),
]

EVERY = 0.12
PERIODS, PERIODS_IN_GATE = 200, 95
QUICK = {"WATCH_EVERY_MIN": "0.05", "WATCH_EVERY": "0.3"}
LOOKED = re.compile(r"fare_watch\.looked.*?number=(\d+).*?watch=(\S+)")
LOOK = [
    "workflowStarted",
    "executionStarted",
    "taskScheduled",
    "workflowStarted",
    "taskCompleted",
    "executionCompleted",
]
"""What the engine keeps of a look that had nothing to tell."""


class Market(DuffelStub):
    """A supplier whose cheapest fare costs what the test says."""

    price = "300.00"

    def __enter__(self) -> Market:
        super().__enter__()
        return self

    def search(self, data: Json) -> Json:
        found = super().search(data)
        for offer in found["offers"]:
            offer["total_amount"] = self.price
        return found

    @property
    def searches(self) -> int:
        """How often it was asked."""
        return len(self.asked("POST", "/air/offer_requests"))


@dataclass(frozen=True)
class Watching:
    """A stack, who sells flights to it, and who hears of falls."""

    stack: Stack
    market: Market
    receiver: WebhookReceiver
    model: ScriptedModel

    async def watch(self, user: User, **wish: Any) -> str:
        """Begin a watch; returns its id."""
        leaves = (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011  a month ahead, wherever that is
        query = {"origin": "LHR", "destination": "JFK", "departure_date": leaves}
        body = {**user.ids, "query": query, "limit": "250.00", "every": EVERY, **wish}
        answer = await user.call("POST", "/watches", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["watch_id"])

    async def seen(self, user: User, watch_id: str, checks: int, within: float = 60) -> Json:
        """The watch, once it has looked so often."""

        async def look() -> Json | None:
            answer = await user.call("GET", f"/watches/{watch_id}")
            watch: Json = answer.json()
            return watch if watch["checks"] >= checks else None

        return await poll_until(look, within, f"the watch has looked {checks} times")

    def looks(self, watch_id: str) -> list[int]:
        """The numbers of the looks that were taken into the record, as the apps logged them."""
        logs = sorted((self.stack.data_dir / "logs").glob("app*.log"))
        text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
        return [int(number) for number, watch in LOOKED.findall(plain) if watch.strip("\"'") == watch_id]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watching(dapr_runtime: None, kept_in: None) -> AsyncIterator[Watching]:
    """One stack for the file; its tests have users of their own."""
    with Market() as market, WebhookReceiver(fails=2) as receiver, ScriptedModel(_watches) as model:
        async with Stack(env={**model.env, **market.env, **receiver.env, **QUICK}) as stack:
            yield Watching(stack, market, receiver, model)


def _watches(request: Request) -> Answer:
    """A model that watches, lists and cancels when it is told to, and then says what the tool said."""
    message, text = request["messages"][-1], last_user_message(request)
    if message["role"] == "tool":
        return Say(message["content"])
    if text.startswith("watch"):
        return Call((("watch_fare", {"destination": "New York", "max_price": 250}),))
    if text.startswith("cancel"):
        return Call((("cancel_watch", {"watch_id": text.split()[-1]}),))
    return Call((("list_requests", {}),))


async def test_many_looks_and_a_kill_of_everything(watching: Watching, full_size: bool) -> None:
    """Each look counts once, each fall is told once at every place, and the history is as short as on the first day."""
    stack, market, receiver = watching.stack, watching.market, watching.receiver
    user = User(stack, "watch-ada", "watch-ada trip")
    watch_id = await watching.watch(user, webhook=receiver.url)
    await watching.seen(user, watch_id, 20)
    short, rows = await _history(stack, watch_id), _rows(stack, watch_id)
    async with listening(stack, "TravelBuddy.replies") as heard:
        market.price = "240.00"
        await poll_until(lambda: heard, 10, "the fall is published")
        await watching.seen(user, watch_id, 50)
        assert [_reply(message) for message in heard] == [("watch-ada", watch_id)]
    market.price = "230.00"
    began = time.monotonic()
    for pid in stack.processes().values():
        os.kill(pid, signal.SIGKILL)
    watch = await poll_until(lambda: _told(user, watch_id, "230.00"), 40, "the fall is found after the kill")
    print(f"looked again {time.monotonic() - began:.1f} s after everything was killed")
    market.price = "270.00"
    await watching.seen(user, watch_id, watch["checks"] + 5)
    market.price = "235.00"  # below the limit, but not below what was told
    await watching.seen(user, watch_id, watch["checks"] + 20)
    async with listening(stack, "TravelBuddy.replies") as heard:
        market.price = "229.50"
        watch = await watching.seen(user, watch_id, PERIODS if full_size else PERIODS_IN_GATE)
        await poll_until(lambda: heard, 10, "the last fall is published")
        assert [_reply(message) for message in heard] == [("watch-ada", watch_id)]
    long, rows_then = await _history(stack, watch_id), _rows(stack, watch_id)
    print(f"history: {short} and {long} (events, bytes); rows and bytes: {rows} and {rows_then}")
    assert long[0] == short[0]
    assert abs(long[1] - short[1]) <= 16
    assert rows_then[0] == rows[0]
    assert abs(rows_then[1] - rows[1]) <= 64
    watch = (await user.call("DELETE", f"/watches/{watch_id}")).json()
    _check_looks(watching, watch)
    falls = ["240.00", "230.00", "229.50"]
    assert [told["price"] for told in watch["notified"]] == falls
    notices = await user.history("watch-ada trip")
    assert [_price(turn) for turn in notices] == falls
    await poll_until(lambda: len({event.id for event in receiver.taken}) == 3, 10, "the webhook has all falls")
    assert receiver.forged == []
    assert set(receiver.refused) == {receiver.taken[0].id}, "the first event was refused twice and sent again"
    assert list(dict.fromkeys(event.body["data"]["price"] for event in receiver.taken)) == falls
    counts = Counter(event.id for event in receiver.taken)
    assert max(counts.values()) <= 2, "an event is sent again only where the kill hid that it had arrived"


def _check_looks(watching: Watching, watch: Json) -> None:
    """No look was taken twice, and one is missing at most in the log: the one whose line the kill cut off."""
    looks = watching.looks(watch["watch_id"])
    assert looks == sorted(set(looks))
    assert watch["checks"] - 1 <= len(looks) <= watch["checks"]
    assert watching.market.searches <= watch["checks"] + 3, "the supplier is asked once for a look, but for the kill"
    gaps = [(a, b) for a, b in pairwise(looks) if b != a + 1]
    print(f"{watch['checks']} looks, numbers {looks[0]} to {looks[-1]}, left out: {gaps}")
    assert gaps, "the kill cost some periods, which were not made up for"


async def test_a_conversation_about_a_watch(watching: Watching) -> None:
    """Asked for in a conversation it is told there, and the model then knows; it is listed and cancelled there too."""
    user = User(watching.stack, "watch-eve", "watch-eve trip")
    watching.market.price = "300.00"
    told = json.loads((await user.chat("watch New York"))["response"])
    assert (told["status"], told["last_price"], told["limit"]) == ("watching", "300.00", "250")
    watching.market.price = "240.00"
    await poll_until(lambda: _notices(user, "watch-eve trip", 2), 10, "the fall is told in the conversation")
    notice = (await user.history("watch-eve trip"))[-1]
    assert _price(notice) == "240.00"
    listed = json.loads((await user.chat("what do you watch?"))["response"])
    assert [watch["watch_id"] for watch in listed["watches"]] == [told["watch_id"]]
    prompt = [message["content"] for message in watching.model.asked("what do you watch?")[0]["messages"]]
    assert any(notice["messages"][0]["content"] in text for text in prompt)
    cancelled = json.loads((await user.chat(f"cancel {told['watch_id']}"))["response"])
    assert cancelled["status"] == "cancelled"


async def test_cancelling_while_it_looks(watching: Watching) -> None:
    """The look under way counts no more, its fall is not told, and the workflow is over."""
    user = User(watching.stack, "watch-bob", "watch-bob trip")
    watching.market.price = "100.00"
    fault = watching.market.arm("slow", "offer_requests", seconds=1.5)
    watch_id = await watching.watch(user)
    await poll_until(lambda: fault.fired, 10, "it looks")
    cancelled = (await user.call("DELETE", f"/watches/{watch_id}")).json()
    assert cancelled["status"] == "cancelled"
    await poll_until(lambda: _over(watching.stack, watch_id), 10, "the workflow is over")
    await asyncio.sleep(2)  # longer than the look would have taken
    assert (await user.call("GET", f"/watches/{watch_id}")).json() == cancelled
    assert (await user.call("GET", "/sessions/watch-bob trip/history")).status_code == 404


async def test_the_supplier_has_trouble_for_a_while(watching: Watching) -> None:
    """Its trouble is in the record while it lasts; the looks go on, and the fall after it is told."""
    user = User(watching.stack, "watch-carl", "watch-carl trip")
    watching.market.price = "300.00"
    watch_id = await watching.watch(user)
    await watching.seen(user, watch_id, 2)
    watching.market.arm("503", "offer_requests", times=4)
    await poll_until(lambda: _error(user, watch_id), 10, "the trouble is noted")
    watching.market.price = "200.00"
    await poll_until(lambda: _told(user, watch_id, "200.00"), 40, "the fall is found")
    assert await _error(user, watch_id) is None
    await user.call("DELETE", f"/watches/{watch_id}")


async def test_erasing_a_user_who_watches(watching: Watching) -> None:
    """Afterwards no row of the store names the user or the watch, and nothing comes back."""
    user = User(watching.stack, "watch-dora", "watch-dora trip")
    watching.market.price = "200.00"
    ids = [await watching.watch(user, every=0.05 + number / 100) for number in range(4)]
    for watch_id in ids:
        await watching.seen(user, watch_id, 3)
    exported = (await user.call("GET", "/users/watch-dora/export")).json()
    assert {watch["watch_id"] for watch in exported["watches"]} == set(ids)
    assert (await user.call("DELETE", "/users/watch-dora")).status_code == 200
    marks = ("watch-dora", *ids)
    await poll_until(lambda: not _named(watching.stack, marks), 10, "no row is left of the user")
    await asyncio.sleep(1)
    assert _named(watching.stack, marks) == []


async def test_two_replicas_take_each_look_once(dapr_runtime: None, kept_in: None) -> None:
    """Whichever replica takes a look, and though one is killed: each counts once, the fall is told once; all sealed."""
    env = {**QUICK, "PAYLOAD_KEY": "ab" * 32, "STATE_KEY": "cd" * 32}
    with Market() as market, WebhookReceiver() as receiver, ScriptedModel() as model:
        settings = {**model.env, **market.env, **receiver.env, **env}
        async with Stack(env=settings, options=("--replicas=2",)) as stack:
            both = Watching(stack, market, receiver, model)
            user = User(stack, "watch-two", "watch-two trip")
            ids = [await both.watch(user, webhook=receiver.url) for _ in range(3)]
            for watch_id in ids:
                await both.seen(user, watch_id, 10)
            market.price = "240.00"
            await stack.kill("app-1")
            for watch_id in ids:
                await poll_until(lambda w=watch_id: _told(user, w, "240.00"), 30, "the fall is found")  # type: ignore[misc]
            await poll_until(lambda: _notices(user, "watch-two trip", 3), 15, "all falls are told")
            taken = receiver.taken
            await poll_until(
                lambda: {event.id.rpartition("-")[0] for event in taken} == set(ids), 15, "by webhook, too"
            )
            for watch_id in ids:
                watch = (await user.call("DELETE", f"/watches/{watch_id}")).json()
                looks = both.looks(watch_id)
                assert sorted(looks) == sorted(set(looks))
                assert watch["checks"] - 1 <= len(looks) <= watch["checks"]
            notices = await user.history("watch-two trip")
            assert sorted(turn["messages"][0]["metadata"]["watch_id"] for turn in notices) == sorted(ids)
            assert {event.id.rpartition("-")[0] for event in taken} == set(ids)


async def _history(stack: Stack, watch_id: str) -> tuple[int, int]:
    """How many events the engine keeps of the instance after a look, and how many bytes."""

    async def at_rest() -> tuple[int, int] | None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{stack.dapr_grpc_port}") as channel:
            request = GetInstanceHistoryRequest(instanceId=watch_id)
            answer = await TaskHubSidecarServiceStub(channel).GetInstanceHistory(request, timeout=5)
        kinds = [event.WhichOneof("eventType") for event in answer.events]
        return (len(kinds), answer.ByteSize()) if kinds == LOOK else None

    return await poll_until(at_rest, 10, "a look is over")


def _rows(stack: Stack, watch_id: str) -> tuple[int, int]:
    """The rows that the engine has of the instance, at the least of some periods, and their bytes."""
    seen = []
    for _ in range(300):
        keys = [key for key in sqlite_keys(stack.data_dir / "state.sqlite") if key.of_workflow and watch_id in key.name]
        seen.append((len(keys), sum(key.size for key in keys)))
        time.sleep(0.01)
    return min(seen)


def _named(stack: Stack, names: tuple[str, ...]) -> list[str]:
    rows = sqlite_rows(stack.data_dir / "state.sqlite")
    return [row[:200] for row in rows if any(name in row for name in names)]


async def _told(user: User, watch_id: str, price: str) -> Json | None:
    watch: Json = (await user.call("GET", f"/watches/{watch_id}")).json()
    return watch if price in [told["price"] for told in watch["notified"]] else None


async def _error(user: User, watch_id: str) -> Any:
    return (await user.call("GET", f"/watches/{watch_id}")).json()["error"]


async def _notices(user: User, session: str, count: int) -> bool:
    return len(await user.history(session)) == count


async def _over(stack: Stack, watch_id: str) -> bool:
    """Whether the engine has ended the instance, or forgotten it."""
    answer = await User(_Sidecar(stack.dapr_url)).call("GET", f"/v1.0/workflows/dapr/{watch_id}")
    return answer.status_code == 404 or answer.json()["runtimeStatus"] in {"TERMINATED", "COMPLETED"}


@dataclass(frozen=True)
class _Sidecar:
    app_url: str
    dapr_url: str = ""


def _reply(message: Json) -> tuple[str, str]:
    return message["recipient"], message["in_reply_to"]


def _price(turn: Json) -> str:
    """The price that a notice tells; a turn that is nothing else."""
    (message,) = turn["messages"]
    assert (turn["outcome"], message["role"], message["metadata"]["kind"]) == ("answered", "assistant", "fare_watch")
    assert message["metadata"]["price"] in message["content"]
    return str(message["metadata"]["price"])
