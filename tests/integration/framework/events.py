"""Server-sent events as a client reads them."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from typing import Any

import httpx
from tests.integration.framework.http_client import http_client


@dataclass(frozen=True)
class Sent:
    """One event, with the time it arrived (monotonic seconds)."""

    name: str
    data: Any
    id: str
    at: float


async def events(
    method: str,
    url: str,
    *,
    body: Any = None,
    after: str | None = None,
    headers: Mapping[str, str] | None = None,
    http: httpx.AsyncClient | None = None,
) -> AsyncGenerator[Sent]:
    """Follow a stream event by event, from ``after`` on if given; over a client's own connections, or a new one."""
    sent = {**(headers or {}), **({"Last-Event-ID": after} if after else {})}
    async with (
        http_client(timeout=60) if http is None else nullcontext(http) as client,
        client.stream(method, url, json=body, headers=sent) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                yield Sent(fields["event"], json.loads(fields["data"]), fields.get("id", ""), time.monotonic())
                fields = {}


async def collect(method: str, url: str, **options: Any) -> list[Sent]:
    """The whole stream."""
    async with aclosing(events(method, url, **options)) as stream:
        return [event async for event in stream]


async def first(count: int, method: str, url: str, **options: Any) -> list[Sent]:
    """The first events; then the connection is cut."""
    got = []
    async with aclosing(events(method, url, **options)) as stream:
        async for event in stream:
            got.append(event)
            if len(got) == count:
                break
    return got


def reply_of(sent: list[Sent]) -> str:
    """The tokens of the last step, without what a restart made void."""
    text, step = "", 0
    for event in sent:
        if event.name == "status" and event.data["state"] == "restarted":
            text = ""
        elif event.name == "token":
            text, step = ("" if event.data["step"] != step else text) + event.data["text"], event.data["step"]
    return text
