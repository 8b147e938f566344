"""A task that another agent hands over: what it asks, on whose behalf, and in which conversation it belongs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

from pydantic import BaseModel, ConfigDict, JsonValue

from travelbuddy.domain.messages import MAX_TEXT
from travelbuddy.domain.users import ID_PATTERN

CALLER = "_caller"
"""Where the worker puts what the engine knows of the calling workflow; what a caller writes there is thrown away."""
METADATA = "_message_metadata"
"""Where dapr-agents puts who asks."""
_ID = re.compile(ID_PATTERN)
_LONGEST_ID = 128


class BadTask(ValueError):
    """The task cannot be taken; the text names the field, and is for the agent that sent it."""


class Task(BaseModel):
    """A task in the terms of a turn. The same call of the same workflow has the same key, however often it comes."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    session_id: str
    text: str
    key: str


def task_of(payload: JsonValue, instance_id: str) -> Task:
    """What a workflow was given, as a task. Raises BadTask.

    ``user_id`` and ``session_id`` may be named in the metadata. Without them the user is ``agent-<source>``, and every
    run of a calling workflow has a conversation of its own, in which all its calls are.
    """
    given = payload if isinstance(payload, dict) else {}
    metadata, caller = _mapping(given.get(METADATA)), _mapping(given.get(CALLER))
    text = given.get("task")
    if not isinstance(text, str) or not text.strip():
        raise BadTask("task: send the question as a text")
    if len(text) > MAX_TEXT:
        raise BadTask(f"task: send at most {MAX_TEXT} characters")
    if not _whole(text):
        raise BadTask("task: send whole characters")
    user_id = (
        _id(metadata, "user_id")
        or f"agent-{_id(metadata, 'source') or caller.get('app_id') or 'unknown'}"[:128].rstrip()
    )
    run = f"{caller['app_id']}|{caller['instance_id']}" if caller else instance_id
    session_id = _id(metadata, "session_id") or f"team-{_digest(user_id, run)[:32]}"
    call = f"{run}|{caller['call']}" if caller else run
    return Task(user_id=user_id, session_id=session_id, text=text, key=f"task:{_digest(call, text)}")


def _id(metadata: Mapping[str, JsonValue], name: str) -> str | None:
    """A name out of the metadata; None when it is not given."""
    value = metadata.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_ID or not _whole(value) or not _ID.search(value):
        raise BadTask(f"{METADATA}.{name}: 1 to {_LONGEST_ID} characters without control characters, '/', '\\' or '|'")
    return value


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _whole(text: str) -> bool:
    """False for half a character: JSON may escape one, but nothing can store it."""
    return text == text.encode(errors="replace").decode()


def _digest(*parts: str) -> str:
    return sha256("\x00".join(parts).encode()).hexdigest()
