"""One message of a conversation, in the shape that is stored, shown and sent to the model."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

MAX_TEXT = 20_000
"""Characters of a message from outside."""


class ToolCall(BaseModel):
    """A call the model asks for. ``arguments`` is the model's own JSON text, not yet validated."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    arguments: str


class Message(BaseModel):
    """A message with its role. ``tool_calls`` only on assistant messages, ``tool_call_id`` only on tool results."""

    model_config = ConfigDict(frozen=True)

    role: Literal["user", "assistant", "tool"]
    content: str
    timestamp: datetime
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: str | None = None


def whole(messages: tuple[Message, ...]) -> bool:
    """True when every assistant tool call is followed, before anything else, by exactly its results (V2)."""
    open_calls: list[str] = []
    for message in messages:
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                return False
            open_calls.remove(message.tool_call_id)
        elif open_calls:
            return False
        open_calls += [call.id for call in message.tool_calls or ()]
    return not open_calls
