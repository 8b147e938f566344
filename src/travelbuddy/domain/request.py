"""Everything that one request is answered from: the message, and all state it needs, read anew for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from travelbuddy.domain.messages import Message

RECENT = 5
"""Messages of the history that ``to_prompt_context`` shows."""


@dataclass(frozen=True)
class AgentRequest:
    """A request with its whole context; who answers it needs no other state."""

    user_id: str
    session_id: str
    message: str
    timestamp: datetime
    user_context: Mapping[str, JsonValue] = field(default_factory=dict)
    session_context: Mapping[str, JsonValue] = field(default_factory=dict)
    conversation_history: Sequence[Message] = ()
    additional_context: Mapping[str, JsonValue] | None = None

    def to_prompt_context(self) -> dict[str, JsonValue]:
        """The request as data for a prompt, with the last five messages of the history."""
        recent: list[JsonValue] = [
            message.model_dump(mode="json", exclude_none=True) for message in self.conversation_history[-RECENT:]
        ]
        return {
            "user_preferences": dict(self.user_context),
            "session_info": dict(self.session_context),
            "recent_messages": recent,
            "current_message": self.message,
            "metadata": dict(self.additional_context or {}),
        }
