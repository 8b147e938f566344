"""What ``bench.scaling`` measures: each part returns the figures of its points, in their order."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import aiohttp
import httpx

from bench import load
from bench.field import OURS
from bench.load import Load
from bench.processes import cpu_seconds, memory_mb
from bench.rounds import Figures, Say, think
from bench.running import Running, running
from travelbuddy.incoming import turn_prefix

SAMPLES = 20  # turns that a median is taken of
SETTLE = 0.3  # seconds until the engine has written the end of a turn that is answered
AFTERWARDS = 3.0  # seconds until what the last turns left to do is done
MESSAGE = "Find me flights to Paris"
FILLERS = {100: "x", 1_000: "x", 10_000: "x", 20_000: "x", 80_000: "\N{AIRPLANE DEPARTURE}"}
"""Bytes of a message, and the character it is made of: the door takes 20,000 characters, here of four bytes."""


class Size(NamedTuple):
    """How much of everything."""

    lengths: Sequence[int]
    sessions: Sequence[int]
    one_user: Sequence[int]
    replicas: Sequence[int]
    busy: int
    waiting: int
    idle: int
    """Seconds."""


class Door:
    """``POST /chat``, and what its turns leave in the store's file."""

    def __init__(self, app: Running, http: aiohttp.ClientSession, model_url: str) -> None:
        self.app = app
        self._http = http
        self._model = model_url.removesuffix("/v1")
        self._file = f"file:{(app.data or Path()) / 'state.sqlite'}?mode=ro"

    async def idle(self, seconds: float) -> float:
        """The share of a core that the app takes while nobody sends anything."""
        await asyncio.sleep(AFTERWARDS)
        pid = self.app.pids()["app"]
        before = cpu_seconds(pid)
        await asyncio.sleep(seconds)
        return (cpu_seconds(pid) - before) / seconds

    async def turn(self, user: str, session: str, text: str = MESSAGE) -> tuple[float, str]:
        """Milliseconds until the reply, and the turn's id."""
        began = time.perf_counter()
        body = {"user_id": user, "session_id": session, "message": text}
        async with self._http.post("/chat", json=body) as answer:
            reply = await answer.json()
        if answer.status != 200 or not reply.get("response"):
            raise ValueError(f"{answer.status}: {reply}")
        return (time.perf_counter() - began) * 1000, reply["metadata"]["workflow_instance_id"]

    async def status_of(self, text: str) -> int:
        """The HTTP status that a message is answered with."""
        async with self._http.post("/chat", json={"user_id": "u", "session_id": "s", "message": text}) as answer:
            return answer.status

    async def listing(self, user: str) -> float:
        """Milliseconds until the list of a user's sessions."""
        began = time.perf_counter()
        async with self._http.get("/sessions", params={"user_id": user}) as answer:
            await answer.read()
        answer.raise_for_status()
        return (time.perf_counter() - began) * 1000

    async def drive(self, chains: Iterable[Sequence[tuple[str, str]]], at_once: int) -> Load:
        """Turns of users in sessions: those of a chain one after the other, ``at_once`` chains at a time."""
        waiting, latencies, errors = iter(chains), list[float](), 0

        async def worker() -> None:
            nonlocal errors
            for chain in waiting:
                for user, session in chain:
                    try:
                        latencies.append((await self.turn(user, session))[0] / 1000)
                    except (aiohttp.ClientError, ValueError, TimeoutError):
                        errors += 1

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(at_once)))
        return Load(latencies, time.perf_counter() - began, errors)

    async def weigh(self, user: str, session: str, text: str = MESSAGE) -> Figures:
        """Bytes of one more turn: of the messages in its last prompt, and of the history it leaves in the engine."""
        self._probes()
        _, turn_id = await self.turn(user, session, f"probe {text[6:]}")
        await asyncio.sleep(SETTLE)
        prompt = json.dumps(self._probes()[-1], ensure_ascii=False)
        return {"prompt": len(prompt.encode()), "history": self.stored(f"%{turn_id}%", table="workflow_state")[1]}

    def stored(self, *keys: str, table: str = "conversation_state") -> tuple[int, int]:
        """Rows with such keys, and the bytes of their values; base64 makes four of three."""
        such = " OR ".join(["key LIKE ?"] * len(keys))
        query = f"SELECT count(*), coalesce(sum(length(value)), 0) * 3 / 4 FROM {table} WHERE {such}"  # noqa: S608
        with sqlite3.connect(self._file, uri=True) as store:
            rows, size = store.execute(query, keys).fetchone()
        return int(rows), int(size)

    def file_bytes(self) -> int:
        """The size of the whole file, the write-ahead log counted in."""
        with sqlite3.connect(self._file, uri=True) as store:
            query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            return int(store.execute(query).fetchone()[0])

    def _probes(self) -> list[list[dict[str, object]]]:
        """The prompts that the model was asked to remember; it forgets them."""
        told: list[list[dict[str, object]]] = httpx.get(f"{self._model}/probes", trust_env=False).json()["probes"]
        httpx.delete(f"{self._model}/probes", trust_env=False).raise_for_status()
        return told


async def lengths(door: Door, size: Size, say: Say) -> list[Figures]:
    """A session of so many turns: what is stored of it, then further turns paired with first turns of fresh ones."""
    found = []
    for turns in size.lengths:
        name = f"long-{turns}"
        for _ in range(turns):
            await door.turn(name, name)
        await asyncio.sleep(SETTLE)
        rows, _ = door.stored(f"%||turn:{turn_prefix(name)}%", f"%||%:{name}", f"%||tally:{name}/%")
        figures: Figures = {"turns": turns, "rows": rows, "record": door.stored(f"%||session:{name}")[1]}
        figures |= await door.weigh(name, name)
        firsts, lates = [], []
        for number in range(SAMPLES):
            firsts.append((await door.turn(f"short-{turns}-{number}", f"short-{turns}-{number}"))[0])
            lates.append((await door.turn(name, name))[0])
        figures |= {"first_ms": median(firsts), "late_ms": median(lates), "ratio": median(lates) / median(firsts)}
        say(f"session of {turns} turns: {median(lates):.1f} ms, {figures['ratio']:.2f} x a first turn")
        found.append(figures)
    return found


async def messages(door: Door, _size: Size, say: Say) -> list[Figures]:
    """Turns with messages of so many bytes, in a session whose window is full of them."""
    found: list[Figures] = []
    for size, character in FILLERS.items():
        name, text = f"said-{size}", f"flights {character * (size // len(character.encode()) - 8)}"
        for _ in range(10):
            await door.turn(name, name, text)
        alone = median([(await door.turn(name, name, text))[0] for _ in range(SAMPLES)])
        record = door.stored(f"%||session:{name}")[1]
        found.append(
            {"message": len(text.encode()), "ms": alone, "record": record, **await door.weigh(name, name, text)}
        )
        say(f"messages of {size} bytes: {alone:.1f} ms")
    found.append({"message": 100_000, "refused": await door.status_of("x" * 100_000)})
    return found


async def sessions(
    door: Door, points: Sequence[int], user: Callable[[int], str], size: Size, say: Say
) -> list[Figures]:
    """So many sessions stored, one turn each; then turns alone and 16 in flight; then nobody sends anything."""
    found, stored = list[Figures](), 0
    for point in points:
        added = [(user(number), f"s-{number}") for number in range(stored, point)]
        before = door.file_bytes()
        driven = await door.drive([[one] for one in added], 32)
        await asyncio.sleep(SETTLE)
        grown = (door.file_bytes() - before) / len(added)
        known, fresh, new = [], [], []
        for sample in range(SAMPLES):
            number = sample * point // SAMPLES
            known.append((await door.turn(user(number), f"s-{number}"))[0])
            number = point + sample
            new.append((user(number), f"s-{number}"))
            fresh.append((await door.turn(*new[-1]))[0])
        loaded = await door.drive([[one] * size.busy for one in new[:16]], 16)
        idle = await door.idle(size.idle)
        memory = {name: memory_mb(pid) for name, pid in door.app.pids().items()}
        found.append(
            {
                "sessions": point,
                "known_ms": median(known),
                "new_ms": median(fresh),
                "list_ms": median([await door.listing(user(0)) for _ in range(5)]),
                "busy_tps": loaded.throughput,
                "new_tps": driven.throughput,
                "file_kb": grown / 1024,
                "index": door.stored(f"%||sessions:{user(0)}")[1],
                "app_mb": memory["app"],
                "daprd_mb": memory["daprd"],
                "app_idle": idle,
                "errors": driven.errors + loaded.errors,
            }
        )
        stored = point + SAMPLES
        say(f"{point} sessions: {median(known):.1f} ms, {loaded.throughput:.1f} turns/s; new {median(fresh):.1f} ms")
    return found


async def many_users(door: Door, size: Size, say: Say) -> list[Figures]:
    """Every session has a user of its own."""
    return await sessions(door, size.sessions, lambda number: f"user-{number}", size, say)


async def one_user(door: Door, size: Size, say: Say) -> list[Figures]:
    """All sessions are the same user's, whose index is one record."""
    return await sessions(door, size.one_user, lambda _: "user", size, say)


def replicas(number: int, size: Size, model: tuple[str, int], say: Say) -> list[Figures]:
    """So many replicas under two loads: as much as they can, and 200 users who wait for a slow model."""
    found: list[Figures] = []
    with running(OURS, model[0], number) as app:
        asyncio.run(load.run(app.url, 4 * number, 4))
        for seconds, users, turns in ((0, 32, size.busy), (1, 200, size.waiting)):
            think(model[0], seconds)
            before, began = _spent(app, model[1]), _machine()
            loaded = asyncio.run(load.run(app.url, users, turns))
            now, ended = _spent(app, model[1]), _machine()
            done = max(1, len(loaded.latencies))
            found.append(
                {
                    "replicas": number,
                    "think": seconds,
                    "users": users,
                    "tps": loaded.throughput,
                    "p50_s": loaded.median,
                    "p95_s": loaded.percentile(0.95),
                    **{f"cpu_{part}": (now[part] - before[part]) * 1000 / done for part in now},
                    "machine": (ended[0] - began[0]) / (ended[1] - began[1]),
                    "memory_mb": sum(map(memory_mb, app.pids().values())),
                    "errors": loaded.errors,
                }
            )
            say(f"{number} replica(s), model {seconds} s, {users} users: {loaded.throughput:.1f} turns/s")
        think(model[0], 0)
    return found


def _spent(app: Running, model_pid: int) -> dict[str, float]:
    """CPU seconds so far, by part; ``all`` has the benchmark's own processes as well."""
    spent = {"model": cpu_seconds(model_pid), "driver": time.process_time(), "all": cpu_seconds(os.getpid())}
    for name, pid in app.pids().items():
        part = name.rstrip("-0123456789")
        spent[part] = spent.get(part, 0) + cpu_seconds(pid)
    return spent


def _machine() -> tuple[int, int]:
    """Ticks that the machine's cores were busy so far, and all of them."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split(maxsplit=9)[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)
