"""Users in a closed loop: each sends a message, waits for the reply, and sends the next; ten to a conversation."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import aiohttp

TIMEOUT = 300.0
CONVERSATION = 10
"""Turns of a session; then the user begins a new one."""
_names = count(1)


@dataclass(frozen=True)
class Load:
    """What a load came to. Times are seconds; ``errors`` are answers other than a reply."""

    latencies: Sequence[float]
    seconds: float
    errors: int

    @property
    def throughput(self) -> float:
        """Replies a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, part: float) -> float:
        """The latency that this part of the replies did not exceed."""
        if not self.latencies:
            return float("nan")
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    @property
    def median(self) -> float:
        """The median latency."""
        return statistics.median(self.latencies) if self.latencies else float("nan")


async def run(url: str, users: int, turns: int, names: Sequence[str] | None = None) -> Load:
    """``users`` at once, with ``turns`` messages each; a session is named after its user: ``NAME-0``, ``NAME-1``."""
    names = names or [f"user-{next(_names)}" for _ in range(users)]

    latencies: list[float] = []
    errors = 0

    async def user(name: str) -> None:
        nonlocal errors
        for number in range(turns):
            began = time.perf_counter()
            session = f"{name}-{number // CONVERSATION}"
            body = {"user_id": name, "session_id": session, "message": f"Find me flights to Paris, no {number}"}
            try:
                async with http.post(f"{url}/chat", json=body) as answer:
                    reply = await answer.json()
                    if answer.status != 200 or not reply.get("response"):
                        raise ValueError(f"{answer.status}: {reply}")
            except (aiohttp.ClientError, ValueError, TimeoutError):
                errors += 1
            else:
                latencies.append(time.perf_counter() - began)

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as http:
        began = time.perf_counter()
        await asyncio.gather(*map(user, names))
        return Load(latencies, time.perf_counter() - began, errors)
