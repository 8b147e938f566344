"""One message of a conversation, in the shape that is stored, shown and sent to the model."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

MAX_TEXT = 20_000
"""Characters of a message from outside."""

_UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""Letters and marks that show nothing."""


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


def blank(text: str) -> bool:
    """Whether a reader would see nothing of it: white space, zero-width and control characters only."""
    return all(char.isspace() or unicodedata.category(char) in {"Cc", "Cf", "Cs"} or char in _UNSEEN for char in text)


def for_the_wire(messages: Iterable[Message]) -> list[Message]:
    """The messages as any server of the chat-completions protocol takes them.

    Some refuse two neighbours of one role, or a message that says nothing: neighbours of one role become one message,
    an assistant's text that is blank is left out. Tool calls and their results stay as they are.
    """
    joined: list[Message] = []
    for message in messages:
        text_only = message.role != "tool" and not message.tool_calls
        if message.role == "assistant" and text_only and blank(message.content):
            continue
        before = joined[-1] if joined else None
        if text_only and before is not None and before.role == message.role and not before.tool_calls:
            joined[-1] = before.model_copy(update={"content": f"{before.content}\n\n{message.content}"})
        else:
            joined.append(message)
    return joined


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
