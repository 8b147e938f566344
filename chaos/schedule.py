"""When what is broken: rounds of faults, each ending in a calm. Pure: a seed gives the same schedule."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["kill", "pause", "outage", "burst"]
Topology = Literal["embedded", "embedded-2", "redis", "postgres"]

ROUND, CALM = 120.0, 15.0
LAST_FAULT = 4.0
"""Seconds before a calm in which no pause begins that could reach into it."""
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
    """``at`` seconds after its round began. ``seconds``: how long a pause or outage lasts, or a server stays away."""

    at: float
    kind: Kind
    target: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Round:
    """Faults for ``seconds``, then ``CALM`` seconds without."""

    seconds: float
    faults: tuple[Fault, ...]


def schedule(seed: int, minutes: float, topology: Topology) -> tuple[Round, ...]:
    """The rounds of a run, two minutes each at most."""
    count = max(1, round(minutes * 60 / ROUND))
    length = minutes * 60 / count - CALM
    chance = random.Random(f"{seed}/faults/{topology}")
    victims = _victims(chance, PARTS[topology])
    return tuple(_round(chance, length, victims, PARTS[topology]) for _ in range(count))


def _round(chance: random.Random, length: float, victims: Iterator[str], parts: tuple[str, ...]) -> Round:
    faults = []
    for at in _times(chance, length, 2, 5, 9):
        faults.append(Fault(at, "kill", next(victims), chance.uniform(0.3, 1.5)))
        if chance.random() < 0.2:  # and another one while that is not yet back
            later = at + chance.uniform(0.2, 1.5)
            faults.append(Fault(later, "kill", next(victims), chance.uniform(0.3, 1.5)))
    faults += [
        Fault(at, "pause", chance.choice(parts), chance.uniform(0.5, 3.0)) for at in _times(chance, length, 4, 8, 14)
    ]
    faults += [Fault(at, "outage", "model", chance.uniform(1.5, 3.5)) for at in _times(chance, length, 15, 35, 50)]
    faults += [Fault(at, "burst", "session") for at in _times(chance, length, 8, 25, 40)]
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
