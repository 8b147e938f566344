"""Steps as the timeline has them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile

from pydantic import BaseModel, ConfigDict

KEPT_FIRST, KEPT_LAST = 2, 5
"""Failed tries of one step that stay in its timeline."""
HELD_UP = 1_000
"""Milliseconds that a step may wait to be begun before its timeline says so."""


class Step(BaseModel):
    """One entry of a turn's timeline: an execution of an activity. ``duration_ms`` is milliseconds."""

    model_config = ConfigDict(frozen=True)

    name: str
    attempt: int = 1
    started_at: datetime
    duration_ms: int
    tokens: int | None = None
    error: str | None = None
    held_up_ms: int | None = None
    """How long it stood between being asked for and being begun, where that was long: a process died, or was busy."""
    note: str | None = None
    """What helped where the first request of the step did not do."""


def tokens_of(timeline: Iterable[Step]) -> int:
    """The tokens that these steps took, as far as the model told."""
    return sum(step.tokens or 0 for step in timeline)


def bounded(timeline: tuple[Step, ...]) -> tuple[Step, ...]:
    """The timeline; of the failed tries at its end, when there are many, the first and the last few."""
    tries = sum(1 for _ in takewhile(lambda s: s.error and s.name == timeline[-1].name, reversed(timeline)))
    if tries <= KEPT_FIRST + KEPT_LAST:
        return timeline
    return (*timeline[: len(timeline) - tries + KEPT_FIRST], *timeline[-KEPT_LAST:])


def finished_step(
    name: str,
    began: datetime,
    ended: datetime,
    *,
    asked_at: datetime | None = None,
    attempt: int = 1,
    tokens: int | None = None,
    error: str | None = None,
    note: str | None = None,
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
        note=note,
    )


def milliseconds(began: datetime, ended: datetime) -> int:
    """From the one to the other, whole ones."""
    return int((ended - began).total_seconds() * 1000)
