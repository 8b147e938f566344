"""A message at a door, and the id of the turn that it becomes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from pydantic import JsonValue

from travelbuddy.domain.errands import ErrandKind
from travelbuddy.workflow.contracts import IfBusy, ReplyTo


@dataclass(frozen=True)
class Incoming:
    """A message at a door. ``key`` is the caller's idempotency key: the same key is the same turn."""

    user_id: str
    session_id: str
    text: str
    key: str | None = None
    context: dict[str, JsonValue] | None = None
    reply_to: ReplyTo | None = None
    if_busy: IfBusy = "enqueue"
    follower: str | None = None
    """The replica that waits for the reply, if one does."""
    accepted_by: str | None = None
    """The replica whose door counts it as in progress."""
    door: str = "other"
    """Which door it is at."""
    notice: dict[str, JsonValue] | None = None
    """Set where the text is the agent's own, to be told without a question: what the message carries along."""
    since: datetime | None = None
    """When it came about, where that was before the door: it is not told if its session was erased since then."""


def turn_id_for(message: Incoming) -> str:
    """A fresh id, or with a key always the same one for the same user and key. Letters, digits and ``-`` only."""
    prefix = turn_prefix(message.user_id)
    if message.key is None:
        return f"{prefix}{uuid4().hex}"
    digest = hashlib.sha256(f"{len(message.user_id)}:{message.user_id}:{message.key}".encode())
    return f"{prefix}k{digest.hexdigest()[:40]}"


def errand_id_for(user_id: str, kind: ErrandKind, key: str) -> str:
    """The id of the errand that this user asked for with this key, always the same one."""
    digest = hashlib.sha256(f"{len(user_id)}:{user_id}:{kind}:{key}".encode())
    return f"{turn_prefix(user_id)}{kind.replace('_', '-')}-{digest.hexdigest()[:32]}"


def turn_prefix(user_id: str) -> str:
    """What the ids of all of a user's turns and errands begin with, so that erasing finds them in the engine."""
    return f"u{hashlib.sha256(user_id.encode()).hexdigest()[:16]}-"
