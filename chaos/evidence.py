"""What the checker judges from: what clients know, what is stored, what the model was asked. Times are Unix seconds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Door = Literal["start", "chat", "stream", "topic"]
Verdict = Literal["accepted", "refused", "open"]
"""``open``: no definite answer, or a refusal after a broken connection; such a message has one turn or none."""

USER = re.compile(r"\bu\d{5}\b")
MARKER = re.compile(r"\bm\d{5}-\d{2}-u\d{5}\b")
"""A message's name, the first word of its text. It ends with its user's name."""


ANSWERED = ("", "slow")
"""What the model does when it answers as it should, if late."""
LASTING = ("400", "401", "403", "404", "422", "429 quota")
"""Faults of the model that are a refusal which no later try can heal."""


@dataclass
class Sent:
    """One message as its client knows it; ``text`` begins with ``marker``."""

    marker: str
    text: str
    user: str
    session: str
    door: Door
    key: str
    interrupts: bool = False
    """Whether it interrupts a turn that is under way in its session."""
    first_sent: float = 0.0
    verdict: Verdict = "open"
    accepted_at: float | None = None
    """When its client was told that it is accepted; a published one, that the broker has it."""
    ordered_at: float | None = None
    """When its client knew that it has its place in the conversation: what is sent later comes later."""
    turn_ids: set[str] = field(default_factory=set)
    replies: set[str] = field(default_factory=set)
    settled: bool = False
    cancelled: bool = False
    """Its client was told that it is cancelled."""
    cancel_asked: bool = False
    """Its client asked to cancel it, whatever the answer was."""
    doubtful: bool = False
    """A try ended without an answer, so a later refusal says nothing of that one."""
    odd: int = 0
    """Answers that no door may give."""


@dataclass(frozen=True)
class StoredMessage:
    """One message of a stored turn."""

    role: str
    content: str
    calls: tuple[str, ...] = ()
    """Ids of the tool calls it makes."""
    answers: str | None = None
    """Id of the tool call it answers."""


@dataclass(frozen=True)
class StoredTurn:
    """A turn as stored."""

    id: str
    session: str
    user: str
    outcome: str
    created_at: float
    completed_at: float
    messages: tuple[StoredMessage, ...]


@dataclass(frozen=True)
class StoredSession:
    """A session as stored; ``inline`` are its last turns, which the guard protects; ``waiting`` are open turns."""

    id: str
    user: str
    turn_ids: tuple[str, ...]
    waiting: tuple[str, ...] = ()
    inline: tuple[StoredTurn, ...] = ()


@dataclass(frozen=True)
class Asked:
    """One request to the model: for which message, after which others, and whose names stood anywhere in it."""

    at: float
    marker: str
    before: tuple[str, ...]
    """Fingerprints of all that was said before the message, without the system's own."""
    users: frozenset[str]
    texts: tuple[tuple[str, str], ...] = ()
    """Role and text of all that was said before the message."""
    fault: str = ""
    """What the model did instead of answering; "" for an answer as it should be."""


@dataclass(frozen=True)
class Away:
    """A time in which the model was of no use to anybody: refused connections, answered 500, or hung."""

    began: float
    ended: float


@dataclass(frozen=True)
class Calm:
    """A time without faults: from when every process was back until the next fault could come."""

    began: float
    ended: float


@dataclass(frozen=True)
class Evidence:
    """All of a run."""

    sent: Sequence[Sent]
    sessions: Mapping[str, StoredSession]
    turns: Mapping[str, StoredTurn]
    asked: Sequence[Asked]
    calms: Sequence[Calm] = ()
    aways: Sequence[Away] = ()
    patience: float = 900.0
    """Seconds that a turn waits for the model before it may fail (`MODEL_PATIENCE`)."""
    stuck: Sequence[str] = ()
    """Turns and accepted messages that were not over by the end of the time in which nobody asked anything."""
    missed: Sequence[str] = ()
    """Faults that were armed and did not happen."""
    repeated_from: float = float("inf")
    """When clients began to send once more what had long been answered."""
    lossy_broker: bool = False
    """A published message may be lost with the process that holds it; it is counted, and no violation."""
    leaks: Sequence[str] = ()
    """What one user was shown of another."""
    odd_answers: Sequence[str] = ()
    """Answers that no door may give, whatever is down."""


@dataclass(frozen=True)
class Violation:
    """A broken rule, of what, and how."""

    rule: str
    of: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} {self.of}: {self.what}"


def fingerprint(role: str, content: str, calls: Sequence[str] = (), answers: str | None = None) -> str:
    """A message in a few characters: equal for equal messages."""
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return f"{role}:{digest}:{','.join(calls)}:{answers or ''}"
