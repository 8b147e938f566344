"""When what is broken: rounds of faults, each ending in a calm. Pure: a seed gives the same schedule."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["kill", "pause", "outage", "away", "burst", "busy", "scheduler data"]
Topology = Literal["embedded", "embedded-2", "redis", "postgres"]

ROUND, CALM = 200.0, 35.0
AWAY_A_MINUTE = 12.0
"""Seconds for which the model is away in one piece, for each minute of the run."""
FIRST_AWAY, LAST_FAULT = 20.0, 4.0
"""Seconds of a round before the long outage, and before its end in which no pause begins that could reach beyond."""
AT_ONCE = 3
"""Parts that are killed together at the end of each round, so that the calm begins with what they left undone."""
PARTS: dict[Topology, tuple[str, ...]] = {
    "embedded": ("app", "daprd", "scheduler", "placement"),
    "embedded-2": ("app-1", "app-2", "daprd-1", "daprd-2", "scheduler", "placement"),
    "redis": ("app-1", "app-2", "daprd-1", "daprd-2", "scheduler", "placement", "redis"),
    "postgres": ("app-1", "app-2", "daprd-1", "daprd-2", "scheduler", "placement", "redis", "postgres"),
}


@dataclass(frozen=True)
class Fault:
    """``at`` seconds after its round began. ``seconds``: how long it lasts, or a killed server stays away.

    outage          the model answers nothing but 500
    away            the model refuses connections, answers 500, and hangs, a third of the time each
    burst           many messages come to one session at once
    busy            other processes take the computing time
    scheduler data  the scheduler is killed, and its data deleted before it is back
    """

    at: float
    kind: Kind
    target: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Round:
    """Faults for ``seconds``; between two rounds ``CALM`` seconds are without."""

    seconds: float
    faults: tuple[Fault, ...]


def schedule(seed: int, minutes: float, topology: Topology) -> tuple[Round, ...]:
    """The rounds of a run, some three minutes each; the one in the middle holds the model's long outage."""
    count = max(1, round(minutes * 60 / ROUND))
    length = (minutes * 60 - CALM * (count - 1)) / count
    chance = random.Random(f"{seed}/faults/{topology}")
    victims = _victims(chance, PARTS[topology])
    away = minutes * AWAY_A_MINUTE
    return tuple(
        _round(
            chance,
            length,
            victims,
            PARTS[topology],
            min(away, length - FIRST_AWAY - 2 * LAST_FAULT) if number == count // 2 else 0.0,
        )
        for number in range(count)
    )


def _round(chance: random.Random, length: float, victims: Iterator[str], parts: tuple[str, ...], away: float) -> Round:
    faults = []
    for at in _times(chance, length, 2, 7, 11):
        faults.append(Fault(at, "kill", next(victims), chance.uniform(0.3, 1.5)))
        if chance.random() < 0.2:  # and another one while that is not yet back
            later = at + chance.uniform(0.2, 1.5)
            faults.append(Fault(later, "kill", next(victims), chance.uniform(0.3, 1.5)))
    faults += [
        Fault(at, "pause", chance.choice(parts), chance.uniform(0.5, 3.0)) for at in _times(chance, length, 4, 8, 14)
    ]
    gone = chance.uniform(FIRST_AWAY, length - away - LAST_FAULT) if away else length
    if away:
        faults.append(Fault(gone, "away", "model", away))
    faults += [
        Fault(at, "outage", "model", chance.uniform(1.5, 3.5))
        for at in _times(chance, length, 15, 35, 50)
        if not gone - LAST_FAULT < at < gone + away
    ]
    faults += [Fault(at, "burst", "session") for at in _times(chance, length, 6, 8, 12)]
    faults += [Fault(at, "busy", "machine", chance.uniform(5, 10)) for at in _times(chance, length - 8, 20, 60, 90)]
    faults.append(Fault(chance.uniform(0.4, 0.7) * length, "scheduler data", "scheduler"))
    faults += [Fault(length - 0.1, "kill", part, chance.uniform(0.3, 1.5)) for part in chance.sample(parts, AT_ONCE)]
    return Round(length, tuple(sorted(faults, key=lambda fault: fault.at)))


def _times(chance: random.Random, length: float, first: float, least: float, most: float) -> Iterator[float]:
    """Moments of a round, ``least`` to ``most`` seconds apart."""
    at = chance.uniform(first / 2, first)
    while at < length - LAST_FAULT:
        yield at
        at += chance.uniform(least, most)


def _victims(chance: random.Random, parts: tuple[str, ...]) -> Iterator[str]:
    """Each part in turn, in a new order every time, so that none is spared."""
    while True:
        yield from chance.sample(parts, len(parts))
