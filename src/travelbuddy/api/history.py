"""A session's turns as its history shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, field_serializer

from travelbuddy.domain.answers import offers_of
from travelbuddy.domain.conversation import Outcome, SessionRecord, TurnRecord
from travelbuddy.domain.messages import Message
from travelbuddy.domain.steps import Step


class TurnPage(BaseModel):
    """One turn of a session's history."""

    workflow_instance_id: str
    outcome: Outcome
    created_at: datetime
    messages: list[Message]
    error: str | None = Field(None, description="why it has no answer")
    offers: dict[str, Any] | None = Field(None, description="what its flight search found, as `metadata.offers`")
    timeline: tuple[Step, ...] = Field((), description="its steps, as in `GET /workflows/{id}`")

    @field_serializer("messages")
    def _as_shown(self, messages: list[Message]) -> list[dict[str, Any]]:
        """``tool_calls`` and ``tool_call_id`` only where they apply."""
        return [message.model_dump(mode="json", exclude_none=True) for message in messages]


class OpenTurn(BaseModel):
    """An accepted message that is not answered yet."""

    workflow_instance_id: str
    message: str
    accepted_at: datetime
    queue_position: int = Field(description="turns of the session that come first; 0: it is being answered")


class History(BaseModel):
    """Turns of a session, oldest first; ``next`` is the ``before`` of the page of older turns, None at the start."""

    session_id: str
    turns: list[TurnPage]
    next: str | None
    open: list[OpenTurn] = Field(description="what is being answered and what waits, oldest first; on every page")


def turn_page(turn: TurnRecord) -> TurnPage:
    """A finished turn."""
    return TurnPage(
        workflow_instance_id=turn.workflow_instance_id,
        outcome=turn.outcome,
        created_at=turn.created_at,
        messages=list(turn.messages),
        error=turn.error,
        offers=offers_of(turn),
        timeline=turn.timeline,
    )


def open_turns(session: SessionRecord) -> list[OpenTurn]:
    """The turns in the lane. One that was cancelled while it waits keeps its place there, but is not open.

    Nor is a notice, which nobody waits for.
    """
    return [
        OpenTurn(
            workflow_instance_id=entry.id,
            message=entry.message,
            accepted_at=entry.accepted_at,
            queue_position=position,
        )
        for position, entry in enumerate(session.lane)
        if entry.cancelled_at is None and entry.notice is None
    ]
