"""What traces cost: the same turns with tracing off, on, and on for one in ten, side by side in one run.

Usage: .venv/bin/python -m bench.tracing
The receiver, the sidecars and the model share the machine with the app, so the figures hold their work too.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from tests.integration.framework.jaeger import Jaeger
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack

ROUNDS, ALONE, CROWD, IN_FLIGHT = 8, 25, 80, 8


@dataclass
class Way:
    """One way of tracing, and what was measured of it."""

    name: str
    env: dict[str, str]
    alone: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


async def measure(ways: list[Way], model: ScriptedModel) -> None:
    """Take turns, so that what the machine does meanwhile meets all of them."""
    async with AsyncExitStack() as everything:
        stacks = [await everything.enter_async_context(Stack(env={**model.env, **way.env})) for way in ways]
        http = await everything.enter_async_context(httpx.AsyncClient(timeout=60))
        for round_ in range(ROUNDS + 1):
            for number in range(ALONE):
                for way, stack in zip(ways, stacks, strict=True):
                    took = await one(http, stack, f"alone {round_} {number}")
                    way.alone += [took] if round_ else []  # the first round warms up
            for way, stack in zip(ways, stacks, strict=True):
                began = time.perf_counter()
                await asyncio.gather(*(some(http, stack, f"crowd {round_} {n}") for n in range(IN_FLIGHT)))
                way.rates += [CROWD / (time.perf_counter() - began)] if round_ else []
        for way, stack in zip(ways, stacks, strict=True):
            print(row(way, ways[0], memory(stack.pid("app"))))


async def one(http: httpx.AsyncClient, stack: Stack, session: str) -> float:
    """The seconds of a turn with a search."""
    began = time.perf_counter()
    body = {"user_id": f"user of {session}", "session_id": session, "message": "Find flights to Paris"}
    answer = await http.post(f"{stack.app_url}/chat", json=body)
    answer.raise_for_status()
    return time.perf_counter() - began


async def some(http: httpx.AsyncClient, stack: Stack, name: str) -> None:
    """One client's share of the crowd."""
    for number in range(CROWD // IN_FLIGHT):
        await one(http, stack, f"{name} {number}")


def memory(pid: int) -> float:
    """The app's own share of memory, in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def row(way: Way, base: Way, megabytes: float) -> str:
    """A line of the table in docs/tracing.md."""
    alone, rate = statistics.median(way.alone), statistics.median(way.rates)
    return (
        f"| {way.name} | {alone * 1000:.1f} ms | {alone / statistics.median(base.alone):.2f} | {rate:.0f}/s "
        f"| {rate / statistics.median(base.rates):.2f} | {megabytes:.0f} MB |"
    )


async def main() -> None:
    """Measure and print."""
    with ScriptedModel() as model:
        async with Jaeger() as jaeger:
            on = {"OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.url}
            tenth = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
            print("| traces | a turn alone | ratio | 8 in flight | ratio | app |")
            await measure([Way("off", {}), Way("one in ten", {**on, **tenth}), Way("all", on)], model)


if __name__ == "__main__":
    asyncio.run(main())
