"""A turn as people see it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from travelbuddy.adapters.ports import EngineState, EngineStatus
from travelbuddy.domain.conversation import LaneEntry, TurnRecord
from travelbuddy.domain.steps import Step
from travelbuddy.errors import CannotOpen, NotBegun
from travelbuddy.workflow.contracts import TurnInput

BEGIN_PATIENCE = 10.0
"""Seconds to wait for a turn to be begun before whoever asks is told to ask again: what a kill holds a turn up."""
_LOOK_AGAIN = (0.05, 0.5)
"""Seconds between two looks meanwhile, first and at most; each is twice as long as the one before."""
_Found = TypeVar("_Found")
_ENDED_AS: dict[EngineState, str] = {"completed": "answered", "failed": "failed", "terminated": "cancelled"}


class TurnView(BaseModel):
    """A turn as people see it, whether it waits, runs or is long over."""

    model_config = ConfigDict(frozen=True)

    workflow_instance_id: str
    session_id: str
    user_id: str
    status: str
    progress: str
    queue_position: int | None = None
    response: str | None = None
    error: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    timeline: tuple[Step, ...] = Field(default=())


@dataclass(frozen=True)
class OpenTurn:
    """A turn without a record: what was accepted, how the engine sees its instance, its place in the lane if any."""

    session_id: str
    user_id: str
    entry: LaneEntry
    status: EngineStatus
    position: int | None


async def once_begun(look: Callable[[], Awaitable[_Found]]) -> _Found:
    """What ``look`` finds once the turn is begun. That takes moments, or after a kill until another sidecar has it.

    Raises NotBegun when it takes longer than BEGIN_PATIENCE, and what ``look`` raises.
    """
    deadline, (pause, longest) = time.monotonic() + BEGIN_PATIENCE, _LOOK_AGAIN
    while True:
        try:
            return await look()
        except NotBegun:
            if time.monotonic() >= deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest)


def begun(status: EngineStatus, turn_id: str) -> EngineStatus:
    """How the engine sees a turn. Raises NotBegun for one that it only keeps yet."""
    if status.state == "running" and not status.input and not status.closed:
        raise NotBegun(f"turn {turn_id!r} is not begun yet; ask again", retry_after=1)
    return status


def finished(record: TurnRecord) -> TurnView:
    """The view of a turn that has its outcome."""
    return TurnView(
        workflow_instance_id=record.workflow_instance_id,
        session_id=record.session_id,
        user_id=record.user_id,
        status=record.outcome,
        progress="done",
        response=record.reply.content,
        error=record.error,
        created_at=record.created_at,
        updated_at=record.completed_at,
        timeline=record.timeline,
    )


def unfinished(turn: OpenTurn) -> TurnView:
    """The view of a turn without a record: it waits, runs, or ended before it came to stand in a lane."""
    status, position = turn.status, turn.position
    if position is None and status.state in _ENDED_AS:
        state = _ENDED_AS[status.state]
    elif status.state == "suspended":
        state = "paused"
    else:
        state = "queued" if position else "running"
    return TurnView(
        workflow_instance_id=turn.entry.id,
        session_id=turn.session_id,
        user_id=turn.user_id,
        status=state,
        progress=status.progress or "accepted",
        queue_position=position,
        created_at=turn.entry.accepted_at,
        updated_at=datetime.fromisoformat(status.updated_at) if status.updated_at else None,
    )


def input_of(status: EngineStatus) -> TurnInput | None:
    """What the turn was started with; None for an instance of another workflow. Raises CannotOpen."""
    if status.closed:
        raise CannotOpen(status.closed)
    try:
        return TurnInput.model_validate(status.input) if status.input else None
    except ValidationError:
        return None
