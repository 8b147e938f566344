"""A model that fails on purpose: the chat-completions protocol, faults by seed, and a log of every request."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Any

from aiohttp import web

from chaos.evidence import LASTING, MARKER, USER, Asked, Away, fingerprint
from travelbuddy.runtime.ports import PortPlan

HOST = "127.0.0.1"
FAULT_RATE, AT_FIRST = 0.08, 0.25
"""Of all requests while the model fails on purpose; at first more, until each fault has come up."""
FAULTS = ("429", "500", "hang", "cut stream", "broken JSON", "slow")
A_REFUSAL_IN = 80
"""One message of so many is refused for a lasting reason, whenever the model is asked while it fails on purpose."""
ENOUGH = 100
"""Requests, apart from outages, that meet every single fault."""
LONGEST_HANG = 30.0
LONGER = 60.0
"""Seconds by which an outage goes on until somebody has met it."""
AWAY = ("refused", "500", "hang")
"""What a long outage consists of, a third of its time each."""
QUOTA = json.dumps({"error": {"message": "quota", "type": "insufficient_quota", "code": "insufficient_quota"}})
Json = dict[str, Any]


class Model:
    """``async with Model(seed) as model``. Nothing of it is killed: it is the outside.

    ``honest`` says whether it answers as it should. Whether a message's n-th request fails rests on the seed alone;
    how it fails, on what came up least often so far, so that nothing is left out.
    """

    def __init__(self, seed: int) -> None:
        self.asked: list[Asked] = []
        self.aways: list[Away] = []
        self.fired: Counter[str] = Counter()
        self._seed = seed
        self._honest = asyncio.Event()
        self._honest.set()
        self._down = ""
        self._tempted = 0
        self._one_outage = asyncio.Lock()
        self._requests: Counter[str] = Counter()
        self._refused: dict[str, str] = {}
        self._ports = PortPlan()
        self._port = self._ports.pick()
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._connections: set[asyncio.Transport] = set()

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
            self._honest.set()  # whoever hangs is let go
        else:
            self._honest.clear()

    async def __aenter__(self) -> Model:
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._ports.close()

    async def out(self, seconds: float) -> bool:
        """Answer nothing but 500 for so long; True when somebody got one."""
        return await self._away(seconds, ("500",))

    async def away(self, seconds: float) -> bool:
        """Be of no use for so long, in each way for a third of the time; True when that was seen."""
        return await self._away(seconds, AWAY)

    async def _away(self, seconds: float, ways: tuple[str, ...]) -> bool:
        async with self._one_outage:
            began = time.time()
            seen = [await self._down_for(seconds / len(ways), how) for how in ways]
            self.aways.append(Away(began, time.time()))
        return all(seen)

    async def _down_for(self, seconds: float, how: str) -> bool:
        self._down = how
        if how == "refused":
            seen = await self._refuse_connections(seconds)
        else:
            before = self.fired[f"outage {how}"]
            await asyncio.sleep(seconds)
            until = time.monotonic() + LONGER
            while self.fired[f"outage {how}"] == before and time.monotonic() < until:  # noqa: ASYNC110  as seldom as that
                await asyncio.sleep(0.1)
            seen = self.fired[f"outage {how}"] > before
        self._down = ""
        return seen

    def missed(self) -> list[str]:
        """The kinds of single faults that have not happened, although there were requests enough for them."""
        armed = (*FAULTS, *(["refusal"] if len(self._refused) > A_REFUSAL_IN // 4 else []))
        return [f"{kind} of the model" for kind in armed if not self.fired[kind]] if self._tempted > ENOUGH else []

    async def _listen(self) -> None:
        assert self._runner is not None  # noqa: S101  only within the block
        self._site = web.TCPSite(self._runner, HOST, self._port, reuse_address=True)
        await self._site.start()

    async def _refuse_connections(self, seconds: float) -> bool:
        """Take no connection and end those that are there; True when nobody listened in between."""
        assert self._site is not None  # noqa: S101  only within the block
        await self._site.stop()
        for connection in self._connections:
            connection.abort()
        self._connections.clear()
        refused = await _refuses(self._port)
        self.fired["outage refused"] += 1
        await asyncio.sleep(seconds)
        await self._listen()
        return refused

    async def _complete(self, http: web.Request) -> web.StreamResponse:
        if http.transport is not None:
            self._connections = {each for each in self._connections if not each.is_closing()} | {http.transport}
        request: Json = await http.json()
        asked = _read(request)
        marker = asked.marker
        self._requests[marker] += 1
        count = self._requests[marker]
        chance = random.Random(f"{self._seed}/model/{marker}/{count}")
        fault = self._fault(chance, marker)
        self.asked.append(replace(asked, fault=fault))
        await asyncio.sleep(chance.uniform(0.8, 2.0) if fault == "slow" else chance.uniform(0.01, 0.15))
        match fault:
            case "429":
                return web.Response(status=429, headers={"Retry-After": "1"}, text="slow down")
            case "500" | "outage 500":
                return web.Response(status=500, text="broken")
            case "broken JSON":
                return web.Response(text='{"choices": [{"message": ', content_type="application/json")
            case "hang" | "outage hang" | "outage refused":
                if fault != "outage refused":
                    await self._hang(fault)
                _hang_up(http)
                return web.Response()
        if fault in LASTING:
            text = QUOTA if fault == "429 quota" else json.dumps({"error": {"message": "refused", "code": fault}})
            return web.Response(status=int(fault.split()[0]), text=text, content_type="application/json")
        return await self._stream(http, _answer(request, marker, count), cut=fault == "cut stream")

    def _fault(self, chance: random.Random, marker: str) -> str:
        point = chance.random()
        if self._down:
            fault = f"outage {self._down}"
        elif self.honest:
            return ""
        else:
            self._tempted += 1
            fault = self._refusal(marker)
            self.fired["refusal"] += bool(fault)
            if not fault and point < self._rate:
                fault = min(FAULTS, key=self.fired.__getitem__)
        if fault:
            self.fired[fault] += 1
        return fault

    @property
    def _rate(self) -> float:
        return FAULT_RATE if all(self.fired[fault] for fault in FAULTS) else AT_FIRST

    def _refusal(self, marker: str) -> str:
        """How this message is refused for good; "" for most."""
        if marker not in self._refused:
            chosen = len(self._refused) % A_REFUSAL_IN == A_REFUSAL_IN // 4
            self._refused[marker] = min(LASTING, key=self.fired.__getitem__) if chosen else ""
        return self._refused[marker]

    async def _hang(self, fault: str) -> None:
        deadline = time.monotonic() + LONGEST_HANG
        while not self.honest and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            if fault == "outage hang" and self._down != "hang":
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


async def _refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return True
    writer.close()
    return False


def _hang_up(http: web.Request) -> None:
    """Close the connection without another word."""
    if http.transport is not None:
        http.transport.abort()


def _read(request: Json) -> Asked:
    """What a request says: whose message, what stands before it, in whose name."""
    messages = request["messages"]
    last = max(place for place, message in enumerate(messages) if message["role"] == "user")
    front, own = _own(messages[last]["content"])
    found = MARKER.match(own)
    before = [message for message in messages[:last] if message["role"] != "system"]
    if front:
        before.append({"role": "user", "content": front})
    everything = " ".join(message["content"] or "" for message in messages)
    return Asked(
        at=time.time(),
        marker=found[0] if found else "",
        before=tuple(map(_fingerprint, before)),
        users=frozenset(USER.findall(everything)),
        texts=tuple((sys.intern(m["role"]), sys.intern(str(m["content"] or ""))) for m in before),
    )


def _own(content: str) -> tuple[str, str]:
    """The last user message apart from earlier ones that were joined with it."""
    front, mark, own = content.rpartition("\n\n")
    while mark and not MARKER.match(own):
        front, mark, rest = front.rpartition("\n\n")
        own = f"{rest}\n\n{own}"
    return (front, own) if mark else ("", content)


def _fingerprint(message: Json) -> str:
    calls = [call["id"] for call in message.get("tool_calls") or ()]
    return fingerprint(message["role"], message["content"] or "", calls, message.get("tool_call_id"))


def _answer(request: Json, marker: str, count: int) -> Json:
    """A tool call for a wish that needs one, else a reply; each answer is unlike any other."""
    last = request["messages"][-1]
    wish = str(last["content"]) if last["role"] == "user" and request.get("tools") else ""
    wish = _own(wish)[1]
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
