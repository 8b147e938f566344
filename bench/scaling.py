"""``python -m bench.scaling``: what a turn costs as sessions grow long, messages large, sessions and replicas many."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import aiohttp

from bench import load, report
from bench.field import OURS
from bench.rounds import WARM_UP, Figures, Say
from bench.running import ROOT, Running, running, stub_model
from bench.scaling_parts import Door, Size, lengths, many_users, messages, one_user, replicas
from bench.servers import NotStarted
from travelbuddy.runtime.install import DAPR_VERSION

FULL = Size(
    (1, 10, 100, 500, 1_000), (10, 100, 1_000, 10_000), (10, 100, 1_000), (1, 2, 4), busy=12, waiting=2, idle=30
)
QUICK = Size((1, 10, 50), (10, 100), (10, 100), (1, 2), busy=5, waiting=1, idle=5)

_SESSIONS = {
    "sessions": ("sessions", "{:,.0f}"),
    "known_ms": ("turn in a known session", "{:.1f} ms"),
    "new_ms": ("first turn of a new one", "{:.1f} ms"),
    "busy_tps": ("16 in flight", "{:.1f} turns/s"),
    "new_tps": ("32 in flight, each the first of its session", "{:.1f} turns/s"),
    "file_kb": ("state.sqlite, a session", "{:.1f} KiB"),
    "index": ("index of the user", "{:,.0f} B"),
    "list_ms": ("`GET /sessions`", "{:.1f} ms"),
    "app_mb": ("app", "{:.0f} MB"),
    "daprd_mb": ("daprd", "{:.0f} MB"),
    "app_idle": ("app, while nobody sends", "{:.1%} of a core"),
    "errors": ("errors", "{:.0f}"),
}
TABLES = {
    "lengths": {
        "turns": ("turns before", "{:,.0f}"),
        "late_ms": ("a further turn", "{:.1f} ms"),
        "first_ms": ("first turn of a fresh session", "{:.1f} ms"),
        "ratio": ("ratio", "{:.2f}"),
        "record": ("session record", "{:,.0f} B"),
        "prompt": ("messages of a prompt", "{:,.0f} B"),
        "history": ("workflow history, a turn", "{:,.0f} B"),
        "rows": ("rows kept", "{:.0f}"),
    },
    "messages": {
        "message": ("message", "{:,.0f} B"),
        "ms": ("a turn alone", "{:.1f} ms"),
        "history": ("workflow history, a turn", "{:,.0f} B"),
        "prompt": ("messages of a prompt", "{:,.0f} B"),
        "record": ("session record", "{:,.0f} B"),
        "refused": ("refused", "{:.0f}"),
    },
    "many_users": _SESSIONS,
    "one_user": _SESSIONS,
    "replicas": {
        "replicas": ("replicas", "{:.0f}"),
        "think": ("model", "{:.0f} s"),
        "users": ("in flight", "{:.0f}"),
        "tps": ("turns/s", "{:.1f}"),
        "p50_s": ("p50", "{:.2f} s"),
        "p95_s": ("p95", "{:.2f} s"),
        "machine": ("machine busy", "{:.0%}"),
        "memory_mb": ("memory", "{:.0f} MB"),
        "errors": ("errors", "{:.0f}"),
    },
    "cpu": {
        "replicas": ("replicas", "{:.0f}"),
        "think": ("model", "{:.0f} s"),
        "cpu_app": ("apps", "{:.1f}"),
        "cpu_daprd": ("daprds", "{:.1f}"),
        "cpu_scheduler": ("scheduler", "{:.1f}"),
        "cpu_proxy": ("nginx", "{:.1f}"),
        "cpu_broker": ("Redis", "{:.1f}"),
        "cpu_model": ("stub model", "{:.1f}"),
        "cpu_driver": ("driver", "{:.1f}"),
        "cpu_all": ("everything", "{:.1f}"),
    },
}
TEXTS = {
    "lengths": """## Length of a session

A session is driven to so many turns. Then 20 further turns of it are measured, each paired with the first turn of a
fresh session of another user: medians, and their ratio. A prompt holds the last ten turns and a session keeps its last
100, so beyond that nothing should grow. The rows are all of the session and its user in the conversation store; the
workflow history of a turn is deleted after 24 hours.""",
    "messages": """## Size of what was said

Turns with messages of this size, in a session whose last ten turns had such messages too, so each prompt holds eleven
of them. The door takes 20,000 characters; the largest message here has almost that many, of four bytes each. A longer
one is refused, with the status in the last column. The history holds a message more than once, and escapes what is not
ASCII.""",
    "many_users": """## Number of sessions

Sessions of different users are stored, with one turn each. Then 20 turns are measured alone in known sessions, each
followed by the first turn of a new one; then 16 of the new sessions go on at once; then nobody sends anything for a
while. The file's size is what the sessions added for a row made it grow by, their workflow history included; memory is
what the processes hold after the loads.""",
    "one_user": """## Number of sessions of one user

The same, but all sessions are one user's. The index of a user's sessions is one record, rewritten under its ETag with
each new session: the first turn of a session costs more the more sessions its user has, and sessions that are begun at
the same moment have to try again. Turns in known sessions do not touch the index; `GET /sessions` reads all of it.""",
    "replicas": """## Replicas

`travelbuddy up --replicas N`: nginx in front, Redis between the replicas, one SQLite file. **All replicas share this
machine's {cores} cores: with each other, the sidecars, nginx, Redis, the stub model and the driver.** Where one
replica keeps the machine busy, more of them cannot answer more turns a second here. Where the turns become fewer and
the machine less busy, the replicas wait for something other than the cores: probably for the one file, which takes one
writer at a time; this does not prove it. What the tables show is the cost of more replicas on one machine and one file.
They say nothing of replicas on machines of their own, which would also need another store.""",
    "cpu": "CPU a turn in ms, all replicas together; everything has the control plane and the benchmark in it as well:",
}
Part = Callable[[Door, Size, Say], Coroutine[None, None, list[Figures]]]


def measured(model: tuple[str, int], size: Size, say: Say) -> dict[str, list[Figures]]:
    """Everything, part by part, on new stacks."""
    found = {}
    for parts in ((lengths, messages), (many_users,), (one_user,)):
        with running(OURS, model[0]) as app:
            asyncio.run(load.run(app.url, *WARM_UP))
            for part in parts:
                found[part.__name__] = asyncio.run(_through_door(part, app, model[0], size, say))
    found["replicas"] = [figures for number in size.replicas for figures in replicas(number, size, model, say)]
    return found


async def _through_door(part: Part, app: Running, model_url: str, size: Size, say: Say) -> list[Figures]:
    timeout = aiohttp.ClientTimeout(total=load.TIMEOUT)
    async with aiohttp.ClientSession(app.url, timeout=timeout) as http:
        return await part(Door(app, http, model_url), size, say)


def main() -> int:
    """Run it and write the page and the raw figures."""
    parser = argparse.ArgumentParser(prog="bench.scaling", description="What sessions, their length and replicas cost.")
    parser.add_argument("--quick", action="store_true", help="small counts, under 1.5 minutes")
    parser.add_argument("--out", type=Path, help="where the page goes (docs/benchmarks; quick: .bench)")
    options = parser.parse_args()
    folder = options.out or (Path(".bench") if options.quick else ROOT / "docs" / "benchmarks")
    os.environ["MAX_TURNS"] = "100000"  # nothing is to be refused
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", flush=True)

    try:
        with stub_model() as model:
            found = measured(model, QUICK if options.quick else FULL, say)
    except NotStarted as trouble:
        print(trouble, file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scaling.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    text = page(found, time.monotonic() - began)
    (folder / "scaling.md").write_text(text, encoding="utf-8")
    print(f"{text}\nWritten to {folder}/scaling.md and scaling.json.")
    return 0


def page(found: Mapping[str, Sequence[Figures]], seconds: float) -> str:
    """The whole page."""
    lines = [
        "# Scaling",
        "",
        "Written by `make bench-scaling`; do not edit. A turn is a message, a model call that asks for a flight",
        "search, the search, a model call that answers. The model is a stub that takes no time, or 1 s a call where it",
        "says so. Everything runs once, each section on a stack of its own, started empty and warmed up, but that the",
        "first two share one.",
        "",
        *_conditions(seconds),
    ]
    for part, text in TEXTS.items():
        rows = found["replicas" if part == "cpu" else part]
        lines += ["", text.replace("{cores}", str(os.cpu_count())), "", *_table(TABLES[part], rows)]
    lines += ["", *_ratios(found["replicas"]), ""]
    return "\n".join(lines)


def _table(columns: Mapping[str, tuple[str, str]], rows: Sequence[Figures]) -> Iterator[str]:
    """One line for each of the figures; a dash for what was not measured, no column for what never was."""
    shown = {key: column for key, column in columns.items() if any(key in figures for figures in rows)}
    yield "| " + " | ".join(title for title, _ in shown.values()) + " |"
    yield "|---" * len(shown) + "|"
    for figures in rows:
        cells = (form.format(figures[key]) if key in figures else "–" for key, (_, form) in shown.items())
        yield "| " + " | ".join(cells) + " |"


def _ratios(rows: Sequence[Figures]) -> Iterator[str]:
    """What became of the turns a second."""
    alone = {figures["think"]: figures for figures in rows if figures["replicas"] == 1}
    for figures in rows:
        if figures["replicas"] > 1:
            one = alone[figures["think"]]
            yield (
                f"- {figures['replicas']:.0f} replicas, model {figures['think']:.0f} s: "
                f"{figures['tps'] / one['tps']:.2f} x the turns a second of one replica, "
                f"{figures['cpu_all'] / one['cpu_all']:.2f} x its CPU a turn."
            )


def _conditions(seconds: float) -> Iterator[str]:
    """Machine, date and versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    yield f"{datetime.now(UTC):%Y-%m-%d}, {seconds / 60:.0f} minutes; {report._processor()}, {os.cpu_count()} cores,"
    yield f"{memory:.0f} GiB, {platform.system()}; Python {platform.python_version()}, Dapr {DAPR_VERSION},"
    yield f"SQLite as embedded; dapr {version('dapr')}, fastapi {version('fastapi')}."


if __name__ == "__main__":
    sys.exit(main())
