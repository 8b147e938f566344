"""The rounds as a Markdown page: medians, ratios pair by pair, and whether the goals are met."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from bench.field import BARE, DBOS, EVERYBODY, LANGGRAPH, OURS, RESTATE, STOCK, THEIR_PYTHON, Contender
from bench.rounds import Figures
from travelbuddy.runtime.install import DAPR_VERSION

Rounds = Mapping[str, Sequence[Figures]]
"""By the contender's name; the n-th figures of all are from the same round."""

FIGURES = {
    "alone_p50": ("one turn alone, p50", "{:.1f} ms"),
    "alone_p95": ("one turn alone, p95", "{:.1f} ms"),
    "busy_tps": ("16 in flight", "{:.1f} turns/s"),
    "busy_p50": ("16 in flight, p50", "{:.0f} ms"),
    "fifty_tps": ("model 1 s, 50 users", "{:.1f} turns/s"),
    "fifty_p50_s": ("model 1 s, 50 users, p50", "{:.2f} s"),
    "fifty_p95_s": ("model 1 s, 50 users, p95", "{:.2f} s"),
    "two_hundred_tps": ("model 1 s, 200 users", "{:.1f} turns/s"),
    "two_hundred_p50_s": ("model 1 s, 200 users, p50", "{:.2f} s"),
    "two_hundred_p95_s": ("model 1 s, 200 users, p95", "{:.2f} s"),
    "errors": ("errors in all of the above", "{:.0f}"),
    "start_s": ("cold start of the app, to ready", "{:.2f} s"),
    "memory_app": ("memory of the app after that", "{:.0f} MB"),
    "memory_rest": ("memory of what stands around it", "{:.0f} MB"),
    "cpu_app": ("CPU a turn: app", "{:.1f} ms"),
    "cpu_daprd": ("CPU a turn: daprd", "{:.1f} ms"),
    "cpu_scheduler": ("CPU a turn: scheduler", "{:.1f} ms"),
    "cpu_server": ("CPU a turn: other server", "{:.1f} ms"),
    "cpu_all": ("CPU a turn: all", "{:.1f} ms"),
    "etcd_writes": ("writes to the scheduler's etcd, a turn", "{:.0f}"),
    "history_kb": ("workflow history kept, a turn", "{:.1f} KiB"),
    "disk_kb": ("written to the disk, a turn", "{:.0f} KiB"),
}


@dataclass(frozen=True)
class Goal:
    """``figure`` of ours against ``other``'s: the ratio is to be at most, or at least, ``bound``."""

    text: str
    figure: str
    other: Contender
    bound: float
    at_least: bool = False


GOALS = (
    Goal("one turn at most 1.35 x the bare workflow", "alone_p50", BARE, 1.35),
    Goal("one turn at most 1/5 of dapr-agents", "alone_p50", STOCK, 0.2),
    Goal("one turn faster than DBOS", "alone_p50", DBOS, 1.0),
    Goal("throughput at least 0.7 x the bare workflow", "busy_tps", BARE, 0.7, at_least=True),
    Goal("throughput at least 6 x dapr-agents", "busy_tps", STOCK, 6.0, at_least=True),
    Goal("throughput at least 2 x DBOS", "busy_tps", DBOS, 2.0, at_least=True),
    Goal("throughput not behind LangGraph", "busy_tps", LANGGRAPH, 1.0, at_least=True),
    Goal("1 s model, 50 users: at least 12 x dapr-agents", "fifty_tps", STOCK, 12.0, at_least=True),
    Goal("200 users: p95 at most LangGraph's", "two_hundred_p95_s", LANGGRAPH, 1.0),
    Goal("cold start at most 1/3 of dapr-agents", "start_s", STOCK, 1 / 3),
    Goal("memory at most 1/2 of dapr-agents", "memory_app", STOCK, 0.5),
    Goal("Restate is the one to catch: one turn alone", "alone_p50", RESTATE, 1.0),
    Goal("Restate is the one to catch: throughput", "busy_tps", RESTATE, 1.0, at_least=True),
)
ABSOLUTE = (
    ("1 s model, 50 users: p50 at most 2.4 s", "fifty_p50_s", 2.4),
    ("no error in any load", "errors", 0.0),
)


def page(rounds: Rounds, faults: Mapping[str, Mapping[str, str]], seconds: float) -> str:
    """The whole page."""
    field = [contender for contender in EVERYBODY if contender.name in rounds]
    count = len(rounds[OURS.name])
    lines = [
        "# Benchmark",
        "",
        "Written by `make bench`; do not edit. The same turn everywhere: a message, a model call that asks for a",
        "flight search, the search, a model call that answers. Closed loop, each user with sessions of their own, ten",
        "turns long; the model is a stub that takes no time, or 1 s a call where it says so. Everybody runs once a",
        f"round, one after the other, started on empty stores and warmed up; these are medians of {count} round(s).",
        "",
        *_conditions(seconds),
        "",
        "![Turns a second and seconds a turn](results.svg)",
        "",
        *_figures(field, rounds),
        "",
        *_promises(field, faults),
        "## Goals",
        "",
        "Ratios are TravelBuddy to the other, taken round by round: their median, and the least and the most.",
        "",
        "| goal | ratio | |",
        "|---|---|---|",
        *_goals(rounds),
        "",
        *(f"- {contender.title}: {contender.remark}." for contender in field if contender.remark),
        *(
            f"- {contender.title} was spared the 200 users, which would take it minutes."
            for contender in field
            if contender.slow
        ),
        "",
    ]
    return "\n".join(lines)


def _figures(field: Sequence[Contender], rounds: Rounds) -> Iterator[str]:
    yield "| | " + " | ".join(contender.title for contender in field) + " |"
    yield "|---" * (len(field) + 1) + "|"
    for key, (title, form) in FIGURES.items():
        cells = []
        for contender in field:
            values = [figures[key] for figures in rounds[contender.name] if key in figures]
            cells.append(form.format(statistics.median(values)) if values else "–")
        yield f"| {title} | " + " | ".join(cells) + " |"


def _promises(field: Sequence[Contender], faults: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    if not faults:
        return
    asked = [contender for contender in field if contender.name in faults]
    yield "What that gives, and what it does not:"
    yield ""
    yield "| | " + " | ".join(contender.title for contender in asked) + " |"
    yield "|---" * (len(asked) + 1) + "|"
    for title in ("killed in its second model call, a turn finishes by itself", "two messages at once in one session"):
        yield f"| {title} | " + " | ".join(faults[contender.name][title] for contender in asked) + " |"
    yield ""


def _goals(rounds: Rounds) -> Iterator[str]:
    for goal in GOALS:
        if ratios := ratios_of(rounds, goal):
            middle = statistics.median(ratios)
            met = middle >= goal.bound if goal.at_least else middle <= goal.bound
            told = f"{middle:.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
            yield f"| {goal.text} | {told} | {'met' if met else '**missed**'} |"
    for text, key, bound in ABSOLUTE:
        values = [figures[key] for figures in rounds[OURS.name] if key in figures]
        if values:
            middle = max(values) if bound == 0 else statistics.median(values)
            yield f"| {text} | {middle:.2f} | {'met' if middle <= bound else '**missed**'} |"


def ratios_of(rounds: Rounds, goal: Goal) -> list[float]:
    """Ours to theirs, round by round."""
    pairs = zip(rounds[OURS.name], rounds.get(goal.other.name, ()), strict=False)
    return [a[goal.figure] / b[goal.figure] for a, b in pairs if goal.figure in a and b.get(goal.figure)]


def _conditions(seconds: float) -> Iterator[str]:
    """Machine, date and versions."""
    theirs = ["dapr-agents", "langgraph", "langgraph-checkpoint-postgres", "dbos", "restate-sdk", "openai", "fastapi"]
    script = f"from importlib.metadata import version\nfor name in {theirs}: print(name, version(name), end=', ')"
    asked = subprocess.run([THEIR_PYTHON, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    yield f"{datetime.now(UTC):%Y-%m-%d}, {seconds / 60:.0f} minutes; {_processor()}, {os.cpu_count()} cores,"
    yield f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1024**3:.0f} GiB, {platform.system()};"
    yield f"Python {platform.python_version()}, Dapr {DAPR_VERSION}, SQLite as embedded;"
    yield f"dapr {version('dapr')} (ours), {asked.stdout.rstrip(', ')}."


def _processor() -> str:
    for line in open("/proc/cpuinfo", encoding="utf-8"):  # noqa: SIM115  read and closed at once
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
