"""What is remembered about a user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

ID_PATTERN = r"^[^\s/|\\\x00-\x1f\x7f-\x9f]([^/|\\\x00-\x1f\x7f-\x9f]*[^\s/|\\\x00-\x1f\x7f-\x9f])?$"
"""A user's or session's id; it is a part of keys and of addresses."""
Value = TypeVar("Value")


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
    """The sessions a user has, each with the time it was first seen, and what they are called."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    sessions: dict[str, datetime] = Field(default_factory=dict)
    beginnings: dict[str, str] = Field(default_factory=dict)
    """How the first message of each began."""
    titles: dict[str, str] = Field(default_factory=dict)
    """The titles that the user gave."""

    def title(self, session_id: str) -> str | None:
        """What the session is called; None for one from before there were titles."""
        return self.titles.get(session_id) or self.beginnings.get(session_id)

    def begun(self, session_id: str, now: datetime, beginning: str | None) -> SessionIndex:
        """With this session as one that begins now."""
        index = self.without(session_id)
        beginnings = {**index.beginnings, session_id: beginning} if beginning else index.beginnings
        return index.model_copy(update={"sessions": {**index.sessions, session_id: now}, "beginnings": beginnings})

    def titled(self, session_id: str, title: str | None) -> SessionIndex:
        """With this title for the session; None for the one it began with."""
        others = _without(self.titles, session_id)
        return self.model_copy(update={"titles": {**others, session_id: title} if title else others})

    def without(self, session_id: str) -> SessionIndex:
        """Without this session and what it is called."""
        parts = ("sessions", "beginnings", "titles")
        return self.model_copy(update={part: _without(getattr(self, part), session_id) for part in parts})


class Tally(BaseModel):
    """What one session adds to its user's totals."""

    model_config = ConfigDict(frozen=True)

    message_count: int
    last_activity: datetime
    day_tokens: int = 0
    """Tokens used on the day (UTC) of ``last_activity``."""


def _without(values: Mapping[str, Value], key: str) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name != key}


def tokens_on(day: date, tallies: Iterable[Tally]) -> int:
    """What these sessions used on that day (UTC)."""
    return sum(tally.day_tokens for tally in tallies if tally.last_activity.astimezone(UTC).date() == day)
