"""Steps as the timeline has them."""

from __future__ import annotations

from datetime import datetime

from travelbuddy.domain.conversation import Step

HELD_UP = 1_000
"""Milliseconds that a step may wait to be begun before its timeline says so."""


def finished_step(
    name: str,
    began: datetime,
    ended: datetime,
    *,
    asked_at: datetime | None = None,
    attempt: int = 1,
    tokens: int | None = None,
    error: str | None = None,
) -> Step:
    """``asked_at`` is when the workflow asked for it: what began long after that was held up."""
    waited = milliseconds(asked_at, began) if asked_at is not None else 0
    return Step(
        name=name,
        attempt=attempt,
        started_at=began,
        duration_ms=milliseconds(began, ended),
        tokens=tokens,
        error=error,
        held_up_ms=waited if waited >= HELD_UP else None,
    )


def milliseconds(began: datetime, ended: datetime) -> int:
    """From the one to the other, whole ones."""
    return int((ended - began).total_seconds() * 1000)
