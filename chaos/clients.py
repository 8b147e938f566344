"""Clients as they should be: each message carries a key, and is sent again with it until there is a definite answer."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from chaos.evidence import Sent
from chaos.plan import Note

Json = dict[str, Any]
AWAY = {429, 502, 503, 504}
FINAL = {"answered", "failed", "interrupted", "cancelled"}
BROKEN = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
ODD_TRIES, LONGEST_TRY = 3, 120.0
"""After so many answers that no door may give, or so many seconds, a client gives up."""


@dataclass
class Told:
    """What all clients saw."""

    count: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)


class Client:
    """Sends messages of any user to any replica."""

    def __init__(self, apps: list[str], sidecars: list[str]) -> None:
        self.told = Told()
        self._apps, self._sidecars = apps, sidecars
        self._chance = random.Random()  # which replica is asked is no part of the plan
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=20)
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.close()

    async def deliver(self, sent: Sent, note: Note) -> None:
        """Send it until there is a definite answer; the stream also to its end."""
        sent.first_sent = sent.first_sent or time.time()
        pause, until = 0.1, time.monotonic() + LONGEST_TRY
        while sent.odd < ODD_TRIES and time.monotonic() < until:
            try:
                if await self.once(sent, note):
                    return
            except BROKEN:
                sent.doubtful = True
                self.told.count["broken connections"] += 1
            self.told.count["sent again"] += 1
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    async def once(self, sent: Sent, note: Note) -> bool:
        """One try; True when the answer is definite."""
        match note.door:
            case "topic":
                return await self._publish(sent)
            case "stream":
                return await self._stream(sent, note)
            case _:
                path, body = _request(sent, note)
                async with self._http.post(self._app + path, json=body, headers=_key(sent)) as answer:
                    return await self._judge(sent, answer)

    async def outcome(self, sent: Sent, within: float) -> bool:
        """Wait until the message has its outcome, and note the reply."""
        deadline, pause = time.monotonic() + within, 0.1
        while not sent.settled and time.monotonic() < deadline:
            with suppress(*BROKEN):
                await (self._look_in_history(sent) if sent.door == "topic" else self._look_at_turn(sent))
            if not sent.settled:
                await asyncio.sleep(pause)
                pause = min(pause * 1.3, 0.8)
        return sent.settled

    async def cancel(self, sent: Sent) -> None:
        """Cancel the message's turn, unless it is over."""
        for turn_id in sent.turn_ids:
            sent.cancel_asked = True
            with suppress(*BROKEN):
                async with self._http.post(f"{self._app}/workflows/{turn_id}/cancel") as answer:
                    if answer.status == 200:
                        sent.cancelled = True
                        self.told.count["cancelled"] += 1
                    elif answer.status not in {*AWAY, 404, 409}:
                        await self._odd("cancel", answer)

    async def intrude(self, sent: Sent, intruder: str) -> None:
        """Another user asks for the turn and the session, and talks into it; nothing of that may work."""
        tries: list[tuple[str, str, Json]] = [("GET", f"/sessions/{sent.session}/history", {})]
        tries += [("GET", f"/workflows/{turn_id}", {}) for turn_id in sent.turn_ids]
        body = {"user_id": intruder, "session_id": sent.session, "task": f"{sent.marker[:-6]}{intruder} let me in"}
        tries.append(("POST", "/start-workflow", {"json": body}))
        for method, path, options in tries:
            asked = {"user_id": intruder} if method == "GET" else {}
            with suppress(*BROKEN):
                async with self._http.request(method, self._app + path, params=asked, **options) as answer:
                    if answer.status < 300:
                        self.told.leaks.append(f"{intruder} got {answer.status} for {method} {path} of {sent.user}")
                    elif answer.status == 404:
                        self.told.count["intruders sent away"] += 1
                    elif answer.status not in AWAY:
                        await self._odd(path, answer)

    @property
    def _app(self) -> str:
        return self._chance.choice(self._apps)

    async def _publish(self, sent: Sent) -> bool:
        event = {
            "specversion": "1.0",
            "id": sent.key,
            "source": "chaos",
            "type": "message",
            "datacontenttype": "application/json",
            "data": {"text": sent.text, "sender": sent.user},
        }
        url = f"{self._chance.choice(self._sidecars)}/v1.0/publish/messagepubsub/TravelBuddy"
        headers = {"Content-Type": "application/cloudevents+json"}
        async with self._http.post(url, data=json.dumps(event), headers=headers) as answer:
            if answer.status >= 300:  # the sidecar's own answer; it is as long away as its broker is
                sent.doubtful = True
                return False
        _accept(sent)
        return True

    async def _judge(self, sent: Sent, answer: aiohttp.ClientResponse) -> bool:
        """What a door's answer means; False: send it again."""
        if answer.status in {200, 202}:
            body: Json = await answer.json()
            metadata = body.get("metadata", {})
            _accept(sent, body.get("workflow_instance_id") or metadata["workflow_instance_id"])
            if "response" in body:
                _settle(sent, body["response"])
            return True
        text = await answer.text()
        if answer.status == 409 and "session-busy" in text and sent.verdict != "accepted":
            sent.verdict = "open" if sent.doubtful else "refused"
            return True
        sent.doubtful = True
        if answer.status not in AWAY:
            sent.odd += 1
            await self._odd(f"{sent.door} of {sent.marker}", answer)
        return False

    async def _stream(self, sent: Sent, note: Note) -> bool:
        """Follow the answer, cut off or broken off as it may be, until its message has come."""
        _, body = _request(sent, note)
        reader = _Reader(sent)
        async with self._http.post(f"{self._app}/chat/stream", json=body, headers=_key(sent)) as answer:
            if answer.status != 200:
                return await self._judge(sent, answer)
            with suppress(*BROKEN):
                await reader.read(answer, note.cut)
        if sent.verdict != "accepted":  # it broke off before it said which turn it is
            sent.doubtful = True
            return False
        turn_id, until = next(iter(sent.turn_ids)), time.monotonic() + LONGEST_TRY
        while not reader.ended and time.monotonic() < until:
            self.told.count["streams resumed"] += 1
            with suppress(*BROKEN):
                url, after = f"{self._app}/workflows/{turn_id}/stream", {"Last-Event-ID": reader.last}
                async with self._http.get(url, headers=after) as rest:
                    if rest.status == 200:
                        await reader.read(rest, None)
                    elif rest.status not in {*AWAY, 404}:
                        await self._odd("stream", rest)
            if not reader.ended:
                await asyncio.sleep(0.3)
        if reader.wrong:
            self.told.odd.append(f"stream of {sent.marker}: {reader.wrong}")
        return True

    async def _look_at_turn(self, sent: Sent) -> None:
        for turn_id in sent.turn_ids:
            async with self._http.get(f"{self._app}/workflows/{turn_id}", params={"user_id": sent.user}) as answer:
                if answer.status == 200:
                    view: Json = await answer.json()
                    if view["status"] in FINAL and view["response"] is not None:
                        _settle(sent, view["response"])
                elif answer.status not in {*AWAY, 404}:
                    await self._odd("status", answer)

    async def _look_in_history(self, sent: Sent) -> None:
        asked = {"user_id": sent.user, "limit": "100"}
        async with self._http.get(f"{self._app}/sessions/{sent.session}/history", params=asked) as answer:
            if answer.status == 200:
                for turn in (await answer.json())["turns"]:
                    if turn["messages"][0]["content"] == sent.text:
                        sent.turn_ids.add(turn["workflow_instance_id"])
                        sent.ordered_at = sent.ordered_at or time.time()
                        _settle(sent, turn["messages"][-1]["content"])
            elif answer.status not in {*AWAY, 404}:
                await self._odd("history", answer)

    async def _odd(self, what: str, answer: aiohttp.ClientResponse) -> None:
        self.told.odd.append(f"{what}: {answer.status} {(await answer.text())[:200]}")


class _Reader:
    """Puts a stream together again, however often it breaks off; ``wrong`` says what did not fit."""

    def __init__(self, sent: Sent) -> None:
        self.last, self.ended, self.wrong = "", False, ""
        self._sent = sent
        self._text, self._step = "", 0

    async def read(self, answer: aiohttp.ClientResponse, most: int | None) -> None:
        """Take in events to the end, or the first ``most``."""
        count = 0
        async for name, data, event_id in _events(answer):
            self.last = event_id or self.last
            self._take(name, data)
            count += 1
            if self.ended or count == most:
                return

    def _take(self, name: str, data: Json) -> None:
        if name == "status" and "workflow_instance_id" in data:
            _accept(self._sent, data["workflow_instance_id"])
        elif name == "status" and data.get("state") == "restarted":
            self._text = ""
        elif name == "token":
            if data["step"] != self._step:
                self._text, self._step = "", data["step"]
            self._text += data["text"]
        elif name == "message":
            self.ended = True
            _settle(self._sent, data["response"])
            if data["metadata"]["outcome"] == "answered" and self._text != data["response"]:
                self.wrong = f"its tokens are {self._text!r}, its message is {data['response']!r}"


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Json, str]]:
    """Server-sent events: name, data, id."""
    fields: dict[str, str] = {}
    async for raw in answer.content:
        line = raw.decode().rstrip("\r\n")
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield fields["event"], json.loads(fields["data"]), fields.get("id", "")
            fields = {}


def _request(sent: Sent, note: Note) -> tuple[str, Json]:
    text = {"task" if note.door == "start" else "message": sent.text}
    path = "/start-workflow" if note.door == "start" else "/chat"
    return path, {"user_id": sent.user, "session_id": sent.session, "if_busy": note.if_busy, **text}


def _key(sent: Sent) -> dict[str, str]:
    return {"Idempotency-Key": sent.key}


def _accept(sent: Sent, turn_id: str | None = None) -> None:
    now = time.time()
    sent.verdict = "accepted"
    sent.accepted_at = sent.accepted_at or now
    if turn_id is not None:
        sent.turn_ids.add(turn_id)
        sent.ordered_at = sent.ordered_at or now


def _settle(sent: Sent, reply: str) -> None:
    sent.settled = True
    sent.replies.add(reply)
