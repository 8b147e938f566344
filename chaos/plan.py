"""What clients are going to do: an endless row of sessions, each a script. Pure: a seed gives the same scripts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from chaos.evidence import Door

IfBusy = Literal["enqueue", "reject", "interrupt"]
WISHES = ("find me flights to Paris", "find me flights to Rome", "just say hello", "remember my name")
IN_A_BURST = 20
LONG = 14
"""Messages of a long session: more than a prompt holds."""
OVERLAPPING = 0.25
"""Sessions in which two or three write at once."""
BURSTS, PUBLISHERS, TRAVELLERS = 90_000, 50_000, 10_000
"""Where the numbers of their users begin."""


@dataclass(frozen=True)
class Note:
    """One message to be sent."""

    marker: str
    wish: str
    door: Door
    if_busy: IfBusy = "enqueue"
    wait: bool = True
    """Whether its client waits for the outcome before the next one."""
    again: int = 0
    """How often it is sent once more with the same key, right after it was accepted."""
    cancel: bool = False
    cut: int | None = None
    """After how many events its stream is cut off by the client."""
    pause: float = 0.0

    @property
    def text(self) -> str:
        """What the user says."""
        return f"{self.marker} {self.wish}"

    @property
    def key(self) -> str:
        """The Idempotency-Key, or the CloudEvent's id."""
        return f"key-{self.marker}"


@dataclass(frozen=True)
class Script:
    """One session of one user. ``intruder`` is another user who tries to get in."""

    user: str
    session: str
    notes: tuple[Note, ...]
    intruder: str | None = None
    writers: int = 1
    """How many write in it at once, each his share of the messages."""


def scripts(seed: int) -> Iterator[Script]:
    """The sessions, without end."""
    number = 0
    while True:
        yield script(seed, number)
        number += 1


def script(seed: int, number: int) -> Script:
    """The session of this number; every fifth is a conversation over the broker."""
    chance = random.Random(f"{seed}/session/{number}")
    published = number % 5 == 0
    user = _user((PUBLISHERS if published else TRAVELLERS) + (number if published else number // 2))
    session = f"dm-{user}" if published else f"trip-{number:05d}-{user}"
    length = LONG if chance.random() < 0.07 else chance.randint(3, 6)
    notes = tuple(_note(chance, f"m{number:05d}-{place:02d}-{user}", published) for place in range(length))
    intruder = _user(TRAVELLERS + (number // 2 + 1)) if chance.random() < 0.2 else None
    writers = chance.randint(2, 3) if chance.random() < OVERLAPPING else 1
    return Script(user, session, notes, intruder, writers)


def burst(number: int) -> Script:
    """Many messages that come to one session in one moment."""
    user = _user(BURSTS + number)
    notes = tuple(
        Note(f"m{BURSTS + number:05d}-{place:02d}-{user}", "just say hello", "start", wait=False)
        for place in range(IN_A_BURST)
    )
    return Script(user, f"burst-{user}", notes)


def last_word() -> Script:
    """One message over the broker, to come after all others."""
    user = _user(BURSTS - 1)
    return Script(user, f"dm-{user}", (Note(f"m{BURSTS - 1:05d}-00-{user}", "just say hello", "topic"),))


def _note(chance: random.Random, marker: str, published: bool) -> Note:
    doors: tuple[Door, ...] = ("start", "start", "chat", "stream")
    door: Door = "topic" if published else chance.choice(doors)
    policy = "enqueue" if published else _pick(chance, {"interrupt": 0.07, "reject": 0.12})
    if_busy: IfBusy = "interrupt" if policy == "interrupt" else "reject" if policy == "reject" else "enqueue"
    return Note(
        marker=marker,
        wish=chance.choice(WISHES),
        door=door,
        if_busy=if_busy,
        wait=chance.random() < 0.6,
        again=chance.randint(1, 2) if chance.random() < (0.3 if published else 0.15) else 0,
        cancel=door == "start" and chance.random() < 0.08,
        cut=chance.randint(1, 6) if door == "stream" and chance.random() < 0.5 else None,
        pause=round(chance.uniform(0.0, 0.6), 2),
    )


def _pick(chance: random.Random, parts: dict[str, float]) -> str:
    """One of the names, each with its probability; nothing ("") with the rest."""
    point = chance.random()
    for name, part in parts.items():
        if point < part:
            return name
        point -= part
    return ""


def _user(number: int) -> str:
    return f"u{number:05d}"
