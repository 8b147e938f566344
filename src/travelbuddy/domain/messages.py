"""One message of a conversation, in the shape that is stored, shown and sent to the model."""

from __future__ import annotations

from collections.abc import Iterable
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


def unique_ids(calls: tuple[ToolCall, ...], before: Iterable[Message], step: int) -> tuple[ToolCall, ...]:
    """The calls of the turn's ``step``-th answer with ids that are unique within the turn.

    Some servers give every call the same id, number them anew in each answer, or give none. An id that is empty, or
    already used in the turn's messages ``before``, becomes ``call_<step>_<place>``.
    """
    used = {call.id for message in before for call in message.tool_calls or ()}
    renamed = []
    for place, call in enumerate(calls):
        name = call.id
        while not name or name in used:
            name = f"{name}_" if name.startswith(f"call_{step}_{place}") else f"call_{step}_{place}"
        used.add(name)
        renamed.append(call if name == call.id else call.model_copy(update={"id": name}))
    return tuple(renamed)


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
