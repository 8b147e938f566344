"""People of all kinds at once, so that every metric has something to show."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable

import httpx
from tests.integration.framework.http_client import http_client
from tests.integration.framework.scripted_model import Answer, Call, Fail, Request, Say, last_user_message
from tests.integration.framework.stack import Stack

PRICES = {"MODEL_PRICES": json.dumps({"scripted-1": {"prompt": 30, "completion": 60}})}


class Moods:
    """A model's script: it searches, remembers, talks slowly, and fails in a share of the calls."""

    def __init__(self, seed: int = 1) -> None:
        self.failing = 0.05
        self.slowness = 0.01
        self._random = random.Random(seed)

    def __call__(self, request: Request) -> Answer:
        """The answer to a request."""
        if self._random.random() < self.failing:
            return Fail(self._random.choice((429, 500)), {"Retry-After": "1"} if self.failing < 0.5 else {})
        if request["messages"][-1]["role"] == "user":
            asked = last_user_message(request)
            if "remember" in asked:
                return Call((("remember_preference", {"key": "cabin", "value": "business"}),))
            if "nonsense" in asked:
                return Call((("no_such_tool", {}),))
            if "flights" in asked:
                return Call((("search_flights", {"destination": "Paris"}),))
        return Say("Here is what I have found for you today", delay=self.slowness)


SAID = ("flights to Paris", "please remember business class", "hello", "flights to Rome", "nonsense")


async def traffic(stack: Stack, seconds: float, people: Callable[[], int]) -> None:
    """Let ``people()`` of them talk, each to its own session, for so long."""
    until = time.monotonic() + seconds
    running: set[asyncio.Task[None]] = set()
    number = 0
    async with http_client(base_url=stack.app_url, timeout=60) as http:
        while time.monotonic() < until:
            while len(running) < people():
                task = asyncio.create_task(_person(stack, http, number))
                running.add(task)
                task.add_done_callback(running.discard)
                number += 1
            await asyncio.sleep(0.1)
        await asyncio.gather(*running, return_exceptions=True)


async def _person(stack: Stack, http: httpx.AsyncClient, number: int) -> None:
    """One visit: through a door of its kind, some impatient, some wrong."""
    said = SAID[number % len(SAID)]
    ids = {"user_id": f"user-{number % 20}", "session_id": f"session-{number}"}
    kind = number % 6
    if kind == 0:
        await http.post("/chat", json={"message": said, **ids})
    elif kind == 1:
        async with http.stream("POST", "/chat/stream", json={"message": said, **ids}) as stream:
            async for _ in stream.aiter_lines():
                pass
    elif kind == 2:  # three at once, of which two wait in the lane
        started = [http.post("/start-workflow", json={"task": said, **ids}) for _ in range(3)]
        turn = (await asyncio.gather(*started))[-1].json()["workflow_instance_id"]
        await http.get(f"/workflows/{turn}")
        await http.get(f"/users/{ids['user_id']}")
    elif kind == 3:
        url = f"{stack.dapr_url}/v1.0/publish/messagepubsub/TravelBuddy"
        await http.post(url, json={"text": said, "sender": f"sender-{number}"})
    elif kind == 4:
        await http.post("/start-workflow", json={"task": said, **ids})
        await http.post("/chat", json={"message": "no, this", "if_busy": "interrupt", **ids})
    else:
        answer = await http.post("/start-workflow", json={"task": said, **ids})
        await http.post(f"/workflows/{answer.json()['workflow_instance_id']}/cancel")
        await http.get("/nowhere")
