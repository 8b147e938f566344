"""One round of one contender: started on empty stores, warmed up, loaded in four ways, killed and started again."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench import load
from bench.field import Contender
from bench.load import Load
from bench.processes import cpu_seconds, memory_mb, written_kb
from bench.running import Running, running

Figures = dict[str, float]
"""Named in ``report.FIGURES``. Latencies and CPU in ms unless the name says otherwise."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How much of each load: users and turns of each."""

    alone: int
    busy: tuple[int, int]
    fifty: tuple[int, int]
    two_hundred: tuple[int, int] | None


FULL = Size(alone=80, busy=(16, 20), fifty=(50, 10), two_hundred=(200, 3))
FULL_SLOW = Size(alone=40, busy=(16, 10), fifty=(50, 1), two_hundred=None)
QUICK = Size(alone=40, busy=(16, 8), fifty=(50, 1), two_hundred=None)
QUICK_SLOW = Size(alone=8, busy=(16, 2), fifty=(50, 1), two_hundred=None)
WARM_UP = (4, 4)


def size_for(contender: Contender, *, quick: bool) -> Size:
    """The same for everybody, but that slow ones are spared what would take them minutes."""
    if quick:
        return QUICK_SLOW if contender.slow else QUICK
    return FULL_SLOW if contender.slow else FULL


def think(model_url: str, seconds: float) -> None:
    """Set how long the model takes for an answer."""
    httpx.put(f"{model_url.removesuffix('/v1')}/think", content=str(seconds), trust_env=False).raise_for_status()


def one_round(contender: Contender, size: Size, model_url: str, say: Say) -> Figures:
    """Run it and return its figures."""
    think(model_url, 0)
    with running(contender, model_url) as app:
        url, figures = app.url, Figures()
        _run(url, *WARM_UP)
        alone = _run(url, 1, size.alone)
        say(f"one turn alone: {alone.median * 1000:.1f} ms")
        figures |= {"alone_p50": alone.median * 1000, "alone_p95": alone.percentile(0.95) * 1000}
        figures |= _busy(app, size)
        say(f"16 in flight: {figures['busy_tps']:.1f} turns/s")
        errors = alone.errors + figures.pop("errors")
        if contender.asks:
            think(model_url, 1)
            for name, users in (("fifty", size.fifty), ("two_hundred", size.two_hundred)):
                if users is not None:
                    loaded = _run(url, *users)
                    errors += loaded.errors
                    figures |= _waiting(name, loaded)
                    say(
                        f"model takes 1 s, {users[0]} users: p50 {loaded.median:.2f} s, {loaded.throughput:.1f} turns/s"
                    )
            think(model_url, 0)
        figures["errors"] = errors
        figures |= _memory(app)
        figures["start_s"] = app.restart_app()
        say(f"cold start: {figures['start_s']:.2f} s; memory {figures['memory_app']:.0f} MB; errors {errors:.0f}")
        return figures


def _busy(app: Running, size: Size) -> Figures:
    """16 in flight, with what it costs in CPU, on the disk and in history."""
    pids = app.pids()
    cpu = {part: cpu_seconds(pid) for part, pid in pids.items()}
    disk = sum(map(written_kb, pids.values()))
    history, revision = _history(app), _revision(app)
    loaded = _run(app.url, *size.busy)
    turns = max(1, len(loaded.latencies))
    spent = {f"cpu_{_part(part)}": (cpu_seconds(pid) - cpu[part]) * 1000 / turns for part, pid in pids.items()}
    figures = {
        "busy_tps": loaded.throughput,
        "busy_p50": loaded.median * 1000,
        "errors": float(loaded.errors),
        "disk_kb": (sum(map(written_kb, pids.values())) - disk) / turns,
        **spent,
        "cpu_all": sum(spent.values()),
    }
    if history is not None and (now := _history(app)) is not None:
        figures["history_kb"] = (now - history) / 1024 / turns
        figures["etcd_writes"] = (_revision(app) - revision) / turns
    return figures


def _run(url: str, users: int, turns: int) -> Load:
    return asyncio.run(load.run(url, users, turns))


def _waiting(name: str, loaded: Load) -> Figures:
    return {
        f"{name}_tps": loaded.throughput,
        f"{name}_p50_s": loaded.median,
        f"{name}_p95_s": loaded.percentile(0.95),
        f"{name}_errors": float(loaded.errors),
    }


def _memory(app: Running) -> Figures:
    memory = {_part(part): memory_mb(pid) for part, pid in app.pids().items()}
    return {"memory_app": memory.pop("app"), "memory_rest": sum(memory.values())}


def _part(name: str) -> str:
    """The column of a process: the servers of the others stand where Dapr's are."""
    return name if name in {"app", "daprd", "scheduler"} else "server"


def _history(app: Running) -> float | None:
    """Bytes of workflow state in a Dapr stack's file, decoded; None elsewhere."""
    if app.data is None:
        return None
    return float(_stored_bytes(app.data / "state.sqlite")["workflow_state"])


def _revision(app: Running) -> int:
    """How often the scheduler's etcd was written; 0 where there is none."""
    if app.data is None:
        return 0
    entries = {entry["name"]: entry for entry in json.loads((app.data / "stack.json").read_text())}
    url = f"http://127.0.0.1:{entries['scheduler']['ports']['etcd']}/v3/kv/range"
    answer = httpx.post(url, json={"key": "eA=="}, trust_env=False)  # any key: every answer names the revision
    return int(answer.raise_for_status().json()["header"]["revision"])


def _stored_bytes(file: Path) -> Mapping[str, int]:
    """Bytes of the values in each of the two tables; base64 makes four of three."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as store:
        return {
            table: store.execute(f"SELECT coalesce(sum(length(value)), 0) * 3 / 4 FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("workflow_state", "conversation_state")
        }
