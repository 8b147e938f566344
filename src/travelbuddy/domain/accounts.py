"""A user's sessions and totals, put together from the index and the tallies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from travelbuddy.domain.users import SessionIndex, Tally

SESSION_LIFETIME = timedelta(days=7)


class SessionSummary(BaseModel):
    """A session as it is listed."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    title: str | None = Field(None, description="its first message's beginning, or what its user calls it")
    created_at: datetime
    last_activity: datetime
    message_count: int


def summaries(index: SessionIndex, tallies: Mapping[str, Tally], now: datetime) -> list[SessionSummary]:
    """The sessions that still exist, latest activity first."""
    found = []
    for session_id, created_at in index.sessions.items():
        tally = tallies.get(session_id) or Tally(message_count=0, last_activity=created_at)
        if now - tally.last_activity <= SESSION_LIFETIME:
            found.append(
                SessionSummary(
                    session_id=session_id,
                    title=index.title(session_id),
                    created_at=created_at,
                    last_activity=tally.last_activity,
                    message_count=tally.message_count,
                )
            )
    return sorted(found, key=lambda session: (session.last_activity, session.session_id), reverse=True)
