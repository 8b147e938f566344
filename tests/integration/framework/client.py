"""A user of the service: the HTTP calls people make, and the waiting they do."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import grpc.aio
import httpx
from dapr.aio.clients.grpc.client import DaprGrpcClientAsync
from dapr.conf import settings as dapr_settings
from dapr.ext.workflow._durabletask.internal.orchestrator_service_pb2 import GetInstanceHistoryRequest
from dapr.ext.workflow._durabletask.internal.orchestrator_service_pb2_grpc import TaskHubSidecarServiceStub
from tests.integration.framework.http_client import http_client
from tests.integration.framework.polling import INTERVAL, poll_until
from tests.integration.framework.redis_server import RedisServer
from tests.integration.framework.stack import Stack

FINAL = {"answered", "failed", "interrupted", "cancelled"}
Json = dict[str, Any]


class Doors(Protocol):
    """Where a running system is called."""

    @property
    def app_url(self) -> str: ...

    @property
    def dapr_url(self) -> str: ...


class User:
    """Talks to one stack. ``user`` and ``session`` are sent with each message."""

    def __init__(self, stack: Doors, user: str | None = None, session: str | None = None) -> None:
        self.stack = stack
        self.ids = {key: value for key, value in {"user_id": user, "session_id": session}.items() if value}

    async def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any call of the service's API."""
        async with http_client(base_url=self.stack.app_url, timeout=30) as http:
            return await http.request(method, path, **request)

    async def ready(self) -> bool:
        """Whether the service says that a message may be sent to it."""
        return (await self.call("GET", "/ready")).status_code == 200

    async def start(self, task: str, key: str | None = None) -> str:
        """POST /start-workflow; returns the workflow id."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self.call("POST", "/start-workflow", json={"task": task, **self.ids}, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["workflow_instance_id"])

    async def finished(self, turn_id: str, within: float = 30) -> Json:
        """Poll GET /workflows/{id} until the turn has its outcome."""

        async def view() -> Json | None:
            answer = await self.call("GET", f"/workflows/{turn_id}")
            body: Json = answer.json()
            return body if body.get("status") in FINAL else None

        return await poll_until(view, within, f"turn {turn_id} has an outcome")

    async def ask(self, task: str, within: float = 30) -> str:
        """Send a message and wait for the reply."""
        return str((await self.finished(await self.start(task), within))["response"])

    async def chat(self, message: str) -> Json:
        """POST /chat; returns the answer."""
        ids = {"user_id": "default", "session_id": "default", **self.ids}
        answer = await self.call("POST", "/chat", json={"message": message, **ids})
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def history(self, session: str, limit: int = 100) -> list[Json]:
        """All turns of a session."""
        answer = await self.call("GET", f"/sessions/{session}/history", params={"limit": limit})
        assert answer.status_code == 200, answer.text
        turns: list[Json] = answer.json()["turns"]
        return turns

    async def publish(self, body: Any, content_type: str = "application/json") -> None:
        """Publish to the agent's topic through the sidecar's HTTP API."""
        url = f"{self.stack.dapr_url}/v1.0/publish/messagepubsub/TravelBuddy"
        async with http_client(timeout=10) as http:
            answer = await http.post(url, json=body, headers={"Content-Type": content_type})
        assert answer.status_code == 204, answer.text


async def engine_history(stack: Stack, turn_id: str) -> list[Any]:
    """The events that the engine has noted of a turn; while it writes the last of them, it cannot read them."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{stack.dapr_grpc_port}") as channel:
        ask = TaskHubSidecarServiceStub(channel).GetInstanceHistory
        request = GetInstanceHistoryRequest(instanceId=turn_id)
        history = await poll_until(lambda: ask(request, timeout=5), 10, "the history can be read")
    return list(history.events)


@asynccontextmanager
async def sidecar(stack: Stack) -> AsyncIterator[DaprGrpcClientAsync]:
    """A gRPC client of the stack's sidecar."""
    ports = stack.entry("daprd" if "daprd" in stack.processes() else "daprd-1")["ports"]
    dapr_settings.DAPR_HTTP_PORT = ports["http"]
    client = DaprGrpcClientAsync(f"127.0.0.1:{ports['grpc']}")
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def listening(stack: Stack, topic: str) -> AsyncIterator[list[Json]]:
    """Hear a topic from now on; yields the list that the messages' data are appended to."""
    heard: list[Json] = []
    broker = stack.kept_in.broker
    async with _reading(broker, topic, heard) if broker is not None else _subscribed(stack, topic, heard):
        yield heard


@asynccontextmanager
async def _subscribed(stack: Stack, topic: str, heard: list[Json]) -> AsyncIterator[None]:
    """The broker in memory gives each message to every subscriber."""
    async with sidecar(stack) as client:
        subscription = await client.subscribe("messagepubsub", topic)

        async def collect() -> None:
            async for message in subscription:
                if message is not None:
                    heard.append(message.data())
                    await subscription.respond_success(message)

        task = asyncio.create_task(collect())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await subscription.close()


@asynccontextmanager
async def _reading(broker: RedisServer, topic: str, heard: list[Json]) -> AsyncIterator[None]:
    """On Redis Streams another subscriber would share the service's messages with it, so the stream itself is read."""

    def after(last: str) -> list[tuple[str, list[str]]]:
        found: list[tuple[str, list[str]]] = json.loads(broker.ask("--json", "XRANGE", topic, f"({last}", "+"))
        return found

    entries: list[list[Any]] = json.loads(broker.ask("--json", "XREVRANGE", topic, "+", "-", "COUNT", "1"))
    last = entries[0][0] if entries else "0-0"

    async def collect(last: str) -> None:
        while True:
            for entry, fields in await asyncio.to_thread(after, last):
                last = entry
                heard.append(json.loads(dict(zip(fields[::2], fields[1::2], strict=True))["data"])["data"])
            await asyncio.sleep(INTERVAL)

    task = asyncio.create_task(collect(last))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def metric(user: User, name: str) -> float:
    """A metric's value; 0 when it was never set."""
    page = (await user.call("GET", "/metrics")).text
    found = re.search(rf"^{re.escape(name)} ([0-9.e+-]+)$", page, re.MULTILINE)
    return float(found[1]) if found else 0.0
