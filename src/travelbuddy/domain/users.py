"""What is remembered about a user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

ID_PATTERN = r"^[^\s/|\\\x00-\x1f\x7f-\x9f]([^/|\\\x00-\x1f\x7f-\x9f]*[^\s/|\\\x00-\x1f\x7f-\x9f])?$"
"""A user's or session's id; it is a part of keys and of addresses."""


class UserRecord(BaseModel):
    """A user's lasting context: preferences and whatever else clients keep there."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    context: dict[str, JsonValue] = Field(default_factory=dict)
    updated_at: datetime

    def merged(self, changes: Mapping[str, JsonValue], now: datetime) -> UserRecord:
        """The record with ``changes`` set; a value of None deletes its key."""
        context = {**self.context, **changes}
        kept = {key: value for key, value in context.items() if value is not None}
        return self.model_copy(update={"context": kept, "updated_at": now})


class SessionIndex(BaseModel):
    """The sessions a user has, each with the time it was first seen."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    sessions: dict[str, datetime] = Field(default_factory=dict)


class Tally(BaseModel):
    """What one session adds to its user's totals."""

    model_config = ConfigDict(frozen=True)

    message_count: int
    last_activity: datetime
    day_tokens: int = 0
    """Tokens used on the day (UTC) of ``last_activity``."""


def tokens_on(day: date, tallies: Iterable[Tally]) -> int:
    """What these sessions used on that day (UTC)."""
    return sum(tally.day_tokens for tally in tallies if tally.last_activity.astimezone(UTC).date() == day)
