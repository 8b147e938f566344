"""What a run did and came to, as Markdown."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chaos.checker import AIM, Conversations, lost_by_broker, unfinished_at
from chaos.clients import Told
from chaos.crowd import Crowd
from chaos.evidence import Evidence, Sent, Violation
from chaos.model import Model
from chaos.nemesis import Nemesis
from chaos.postgres_server import version as postgres_version
from chaos.redis_server import version as redis_version
from chaos.schedule import Topology
from chaos.system import System
from travelbuddy.runtime.install import DAPR_VERSION

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
REDELIVERED = 2.0
"""Seconds from a broker's acknowledgement to the turn, from which on a message was hardly had at the first try."""
MESSAGES, KILLS = 150, 6
"""What a run aims at in each of its minutes."""
DOORS = {"start": "/start-workflow", "chat": "/chat", "stream": "/chat/stream", "topic": "topic TravelBuddy"}
TITLES: Mapping[Topology, str] = {
    "embedded": "the embedded default: one replica, SQLite, in-memory broker",
    "embedded-2": "two replicas by `travelbuddy up --replicas 2` on SQLite",
    "redis": "two replicas behind nginx, state and broker in Redis (`appendfsync always`)",
    "postgres": "two replicas behind nginx, state in PostgreSQL (its own settings), broker in Redis",
}


@dataclass(frozen=True)
class Run:
    """One run on one topology, and everybody who took part."""

    topology: Topology
    seed: int
    minutes: float
    seconds: float
    evidence: Evidence
    violations: Sequence[Violation]
    crowd: Crowd
    told: Told
    nemesis: Nemesis
    system: System
    model: Model
    open_still: Sequence[Sent]
    silence: float
    """Seconds for which the stores alone were looked at in the end."""
    busy: bool


def lines(run: Run) -> list[str]:
    """The summary."""
    length = f"{run.seconds / 60:.1f} minutes with start, healing and repeats"
    busy = " BUSY=1" if run.busy else ""
    return [
        f"`make chaos MINUTES={run.minutes:g} SEED={run.seed} TOPOLOGY={run.topology}{busy}`: {TITLES[run.topology]}.",
        f"{datetime.now(UTC):%Y-%m-%d}, {length}; {_machine(run.topology)}.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in _rows(run)),
    ]


def write(topology: Topology, told: Sequence[str]) -> None:
    """Put the summary between its two marks on the page."""
    page = PAGE.read_text(encoding="utf-8")
    head, tail = f"<!-- run on {topology} -->", f"<!-- end of run on {topology} -->"
    block = "\n".join([head, "", *told, "", tail])
    PAGE.write_text(re.sub(f"{head}.*?{tail}", lambda _: block, page, flags=re.DOTALL), encoding="utf-8")


def _rows(run: Run) -> Iterator[tuple[str, str]]:
    sent = run.evidence.sent
    accepted = [each for each in sent if each.verdict == "accepted"]
    count = run.told.count
    short = _short(len(accepted), MESSAGES * run.minutes)
    yield "sessions", f"{run.crowd.sessions} of {len({each.user for each in sent})} users"
    yield "messages accepted", f"**{len(accepted)}** ({_parts(Counter(DOORS[each.door] for each in accepted))}){short}"
    yield "refused (`if_busy: reject`)", str(sum(each.verdict == "refused" for each in sent))
    yield "without a definite answer", str(sum(each.verdict == "open" for each in sent))
    repeated = run.crowd.repeated
    yield "CloudEvents published again with the same id", str(repeated["topic"])
    yield "requests repeated with their Idempotency-Key although accepted", str(repeated.total() - repeated["topic"])
    yield (
        "sent again for want of an answer",
        f"{count['sent again']} ({count['broken connections']} broken connections)",
    )
    yield "streams resumed", str(count["streams resumed"])
    yield "intruders sent away", str(count["intruders sent away"])
    kills = run.system.kills
    yield "kill -9", f"**{kills.total()}** ({_parts(kills)}){_short(kills.total(), KILLS * run.minutes)}"
    yield "the scheduler's data deleted while it was down", str(run.system.scheduler_data_lost)
    yield "pauses", f"{run.system.pauses.total()} ({_parts(run.system.pauses)})"
    yield "model faults", f"{run.model.fired.total()} ({_parts(run.model.fired)})"
    yield "model requests", str(len(run.evidence.asked))
    for name, number in sorted(run.nemesis.more.items()):
        yield name, str(number)
    all_of = Conversations(run.evidence)
    yield "outcomes", _parts(Counter(turn.outcome for turns in all_of.order.values() for turn in turns))
    lost = lost_by_broker(run.evidence)
    if run.evidence.lossy_broker:
        yield "published and lost by the in-memory broker (no violation)", str(len(lost))
    yield "until no turn was open, looking at the store alone", f"{run.silence:.1f} s"
    yield "otherwise accepted, and without an outcome in the end", str(sum(sent not in lost for sent in run.open_still))
    yield "from publishing to the turn", _delivery(run)
    yield "every part back after the last fault of a round", ", ".join(f"{s:.1f} s" for s in run.nemesis.back_after)
    yield "from then to the end of the last turn accepted before", ", ".join(_heals(run))
    rules = Counter(violation.rule for violation in run.violations)
    yield "violations", f"**{len(run.violations)}**" + (f" ({_parts(rules)})" if rules else "")


def _delivery(run: Run) -> str:
    """How long published messages took to become turns: those that were redelivered, and all."""
    all_of = Conversations(run.evidence)
    delays = [
        turn.created_at - sent.accepted_at
        for sent in run.evidence.sent
        if sent.door == "topic" and sent.accepted_at is not None and (turn := all_of.turn_of(sent)) is not None
    ]
    if not delays:
        return "–"
    late = [delay for delay in delays if delay > REDELIVERED]
    return (
        f"{max(0.0, statistics.median(delays)) * 1000:.0f} ms (median), {max(delays):.1f} s (longest); "
        f"{len(late)} took over {REDELIVERED:g} s"
    )


def _heals(run: Run) -> Iterator[str]:
    all_of = Conversations(run.evidence)
    for calm in run.evidence.calms:
        open_then = unfinished_at(all_of, calm.began)
        ends = [turn.completed_at - calm.began for _, turn in open_then if turn.completed_at <= calm.ended]
        late = sum(end > AIM for end in ends)
        yield f"{max(ends):.1f} s ({len(ends)} turns, {late} over {AIM:g} s)" if ends else "none was open"


def _short(number: int, aim: float) -> str:
    return "" if number >= aim else f", below the {aim:.0f} aimed at"


def _parts(count: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(count.items()))


def _machine(topology: Topology) -> str:
    parts = [
        f"{os.cpu_count()} cores",
        platform.system(),
        f"Python {platform.python_version()}",
        f"Dapr {DAPR_VERSION}",
    ]
    if topology != "embedded":
        parts.append(f"Redis {redis_version()}")
    if topology == "postgres":
        parts.append(f"PostgreSQL {postgres_version()}")
    return ", ".join(parts)
