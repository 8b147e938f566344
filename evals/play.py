"""Plays what people said to a running service, message by message, and reads back what it searched for."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from evals.dialogues import Dialogue, normal
from evals.score import Played
from travelbuddy.errors import RuntimeProblem
from travelbuddy.retry_after import seconds_to_wait

SEARCH = "search_flights"
LONGEST_TURN = 600.0
LOOK_EVERY = 0.2
BUSY = {429, 503}


class Player:
    """A person who writes a dialogue's messages in a session of their own, each after the answer to the last.

    ``model`` is the one that answered; before the first answer it is empty. ``transport`` is for what is no network.
    """

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.model = ""
        self._run = secrets.token_hex(4)
        self._http = httpx.AsyncClient(base_url=url, transport=transport, timeout=LONGEST_TURN, trust_env=False)

    async def __aenter__(self) -> Player:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def play_all(
        self, dialogues: Sequence[Dialogue], at_once: int, done: Callable[[Dialogue], None]
    ) -> list[tuple[Dialogue, list[Played]]]:
        """Every dialogue with what became of it; so many are played at the same time."""
        gate = asyncio.Semaphore(at_once)

        async def one(dialogue: Dialogue) -> tuple[Dialogue, list[Played]]:
            async with gate:
                played = await self.play(dialogue)
            done(dialogue)
            return dialogue, played

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(dialogue)) for dialogue in dialogues]
        return [task.result() for task in tasks]

    async def play(self, dialogue: Dialogue) -> list[Played]:
        """What became of each message of a dialogue. Raises RuntimeProblem when the service gives no answer."""
        session = f"eval-{self._run}-{dialogue.id}"
        who = {"user_id": session, "session_id": session}
        replies = [await self._say({**who, "message": message}) for message, _ in dialogue.exchanges()]
        history = await self._get(f"/sessions/{session}/history", params={"limit": "100", "user_id": session})
        turns = [turn for turn in history["turns"] if turn["messages"][0]["role"] == "user"]  # without notices
        if len(turns) != len(replies):
            raise RuntimeProblem(f"{dialogue.id}: {len(replies)} messages were sent, {len(turns)} turns are stored.")
        return [_played(reply, turn["messages"]) for reply, turn in zip(replies, turns, strict=True)]

    async def _say(self, body: dict[str, str]) -> str:
        response = await self._send("POST", "/chat", json=body)
        while response.status_code in BUSY:
            await asyncio.sleep(seconds_to_wait(response.headers.get("retry-after"), datetime.now(UTC)) or LOOK_EVERY)
            response = await self._send("POST", "/chat", json=body)
        if response.status_code == 202:
            return await self._finished(str(response.json()["workflow_instance_id"]))
        if response.is_error:
            raise RuntimeProblem(f"{body['message'][:60]!r} was not answered: {_told(response)}")
        answer = response.json()
        self.model = self.model or str(answer["metadata"]["model"])
        return str(answer["response"])

    async def _send(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **what)
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__  # a timeout says nothing
            raise RuntimeProblem(f"{self._http.base_url} does not answer: {reason}") from error

    async def _finished(self, turn_id: str) -> str:
        """The reply to a message that takes longer than POST /chat waits."""
        until = time.monotonic() + LONGEST_TURN
        while (turn := await self._get(f"/workflows/{turn_id}"))["response"] is None:
            if turn["error"]:
                raise RuntimeProblem(f"A message was not answered: {turn['error']}")
            if time.monotonic() > until:
                raise RuntimeProblem(f"A message was not answered within {LONGEST_TURN:.0f} s: turn {turn_id}")
            await asyncio.sleep(LOOK_EVERY)
        return str(turn["response"])

    async def _get(self, path: str, params: dict[str, str] | None = None) -> dict[str, Any]:
        response = await self._send("GET", path, params=params)
        if response.is_error:
            raise RuntimeProblem(f"GET {path}: {_told(response)}")
        read = response.json()
        assert isinstance(read, dict)  # noqa: S101 - the documented form
        return read


def _played(reply: str, messages: Iterable[dict[str, Any]]) -> Played:
    """A turn of the history as far as it is judged."""
    results = {m["tool_call_id"]: m["content"] for m in messages if m["role"] == "tool"}
    calls = [call for m in messages for call in m.get("tool_calls") or () if call["name"] == SEARCH]
    found = [json.loads(results[call["id"]]) for call in calls]
    return Played(
        reply,
        searches=tuple(normal(result["query"]) for result in found if "query" in result),
        refused=tuple(str(result["error"]["message"]) for result in found if "error" in result),
    )


def _told(response: httpx.Response) -> str:
    try:
        return f"{response.status_code} {response.json().get('detail') or response.text[:200]}"
    except ValueError:
        return f"{response.status_code} {response.text[:200]}"
