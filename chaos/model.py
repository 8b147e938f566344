"""A model that fails on purpose: the chat-completions protocol, faults by seed, and a log of every request."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from typing import Any

from aiohttp import web

from chaos.evidence import MARKER, USER, Asked, fingerprint
from travelbuddy.runtime.ports import PortPlan

HOST = "127.0.0.1"
FAULT_RATE = 0.08
FAULTS = ("429", "500", "hang", "cut stream", "broken JSON", "slow")
LONGEST_HANG = 30.0
Json = dict[str, Any]


class Model:
    """``async with Model(seed) as model``. Nothing of it is killed: it is the outside.

    ``honest`` says whether it answers as it should; ``down`` whether it answers nothing but 500. What becomes of a
    message's n-th request rests on the seed alone, except for those two.
    """

    def __init__(self, seed: int) -> None:
        self.asked: list[Asked] = []
        self.fired: Counter[str] = Counter()
        self.down = False
        self._seed = seed
        self._honest = asyncio.Event()
        self._honest.set()
        self._requests: Counter[str] = Counter()
        self._ports = PortPlan()
        self._port = self._ports.pick()
        self._runner: web.AppRunner | None = None

    @property
    def env(self) -> dict[str, str]:
        """The settings that make the service use this model."""
        return {"OPENAI_BASE_URL": f"http://{HOST}:{self._port}/v1", "OPENAI_API_KEY": "chaos", "OPENAI_MODEL": "chaos"}

    @property
    def honest(self) -> bool:
        """True when nothing fails."""
        return self._honest.is_set()

    @honest.setter
    def honest(self, value: bool) -> None:
        if value:
            self.down = False
            self._honest.set()  # whoever hangs is let go
        else:
            self._honest.clear()

    async def __aenter__(self) -> Model:
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._ports.close()

    async def _complete(self, http: web.Request) -> web.StreamResponse:
        request: Json = await http.json()
        marker = self._log(request)
        self._requests[marker] += 1
        count = self._requests[marker]
        chance = random.Random(f"{self._seed}/model/{marker}/{count}")
        fault = self._fault(chance)
        if fault:
            self.fired[fault] += 1
        await asyncio.sleep(chance.uniform(0.8, 2.0) if fault == "slow" else chance.uniform(0.01, 0.15))
        match fault:
            case "429":
                return web.Response(status=429, headers={"Retry-After": "1"}, text="slow down")
            case "500" | "outage":
                return web.Response(status=500, text="broken")
            case "broken JSON":
                return web.Response(text='{"choices": [{"message": ', content_type="application/json")
            case "hang":
                await self._hang()
                _hang_up(http)
                return web.Response()
        return await self._stream(http, _answer(request, marker, count), cut=fault == "cut stream")

    def _log(self, request: Json) -> str:
        messages = request["messages"]
        last = max(place for place, message in enumerate(messages) if message["role"] == "user")
        found = MARKER.match(messages[last]["content"])
        marker = found[0] if found else ""
        before = tuple(_fingerprint(message) for message in messages[:last] if message["role"] != "system")
        everything = " ".join(message["content"] or "" for message in messages)
        self.asked.append(Asked(time.time(), marker, before, frozenset(USER.findall(everything))))
        return marker

    def _fault(self, chance: random.Random) -> str:
        point, kind = chance.random(), chance.choice(FAULTS)
        if self.honest:
            return ""
        return "outage" if self.down else kind if point < FAULT_RATE else ""

    async def _hang(self) -> None:
        try:
            await asyncio.wait_for(self._honest.wait(), LONGEST_HANG)
        except TimeoutError:
            return

    async def _stream(self, http: web.Request, delta: Json, *, cut: bool) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        try:
            await response.prepare(http)
            chunks = [*_chunks(delta)]
            for chunk in chunks[: len(chunks) // 2] if cut else chunks:
                await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
                await asyncio.sleep(0.01)
            if cut:
                _hang_up(http)
                return response
            await response.write(b"data: [DONE]\n\n")
        except ConnectionError:  # the client was killed
            pass
        return response


def _hang_up(http: web.Request) -> None:
    """Close the connection without another word."""
    if http.transport is not None:
        http.transport.abort()


def _fingerprint(message: Json) -> str:
    calls = [call["id"] for call in message.get("tool_calls") or ()]
    return fingerprint(message["role"], message["content"] or "", calls, message.get("tool_call_id"))


def _answer(request: Json, marker: str, count: int) -> Json:
    """A tool call for a wish that needs one, else a reply; each answer is unlike any other."""
    last = request["messages"][-1]
    wish = str(last["content"]) if last["role"] == "user" and request.get("tools") else ""
    if "flights" in wish:
        return _call(f"call-{marker}-{count}", "search_flights", {"destination": wish.rsplit(maxsplit=1)[-1]})
    if "remember" in wish:
        name = f"Traveller {marker.rsplit('-', 1)[-1]}"
        return _call(f"call-{marker}-{count}", "remember_preference", {"key": "name", "value": name})
    return {"content": f"Answer {count} to {marker}, in a few words that come one by one."}


def _call(call_id: str, name: str, arguments: Json) -> Json:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"tool_calls": [{"index": 0, "id": call_id, "type": "function", "function": function}]}


def _chunks(delta: Json) -> list[Json]:
    words = str(delta.get("content", "")).split(" ")
    deltas = [{"content": f"{word} "} for word in words[:-1]] + [{"content": words[-1]}] if words[0] else [delta]
    ended = {"index": 0, "delta": {}, "finish_reason": "stop" if words[0] else "tool_calls"}
    choices: list[Json] = [{"index": 0, "delta": each, "finish_reason": None} for each in deltas]
    head = {"id": "chaos", "object": "chat.completion.chunk", "created": 0, "model": "chaos"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return [*({**head, "choices": [choice]} for choice in (*choices, ended)), {**head, "choices": [], "usage": usage}]
