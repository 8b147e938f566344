"""Request and answer bodies, and the rules for ids and texts that hold at every door."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)
from pydantic_core import to_json

from travelbuddy.domain.messages import MAX_TEXT
from travelbuddy.domain.users import ID_PATTERN
from travelbuddy.workflow.contracts import IfBusy

MAX_CONTEXT = 8 * 1024


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=ID_PATTERN)]
"""A user or session id: 1 to 128 characters without control characters, slash, backslash or ``|``."""
Text = Annotated[
    str,
    StringConstraints(max_length=MAX_TEXT),
    AfterValidator(_not_blank),
    Field(json_schema_extra={"pattern": r"[^\s\x1c-\x1f\x85]"}),  # the same rule, for the document
]
"""A user's message."""
Key = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""An idempotency key."""
InstanceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]


def default_session(user_id: str) -> str:
    """Where what names no session is said."""
    return "default" if user_id == "default" else f"default-{user_id}"


class StartWorkflow(BaseModel):
    """Body of ``POST /start-workflow``."""

    model_config = ConfigDict(extra="forbid")

    task: Text
    user_id: Identifier | None = Field(None, description="default: whose the credential is, without one `default`")
    session_id: Identifier | None = Field(None, description="default: one session per user")
    if_busy: IfBusy = "enqueue"

    def session(self, user_id: str) -> str:
        """The session asked for, else this user's default one."""
        return self.session_id or default_session(user_id)


def _small(context: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
    if context is not None and len(to_json(context)) > MAX_CONTEXT:
        raise ValueError(f"must be at most {MAX_CONTEXT} bytes of JSON")
    return context


class ChatRequest(BaseModel):
    """Body of ``POST /chat`` and ``POST /chat/stream``."""

    model_config = ConfigDict(extra="forbid")

    user_id: Identifier | None = Field(None, description="may be left out where the credential names the user")
    session_id: Identifier
    message: Text
    context: Annotated[dict[str, JsonValue] | None, AfterValidator(_small)] = Field(
        None, description="what the model shall know for this message only"
    )
    if_busy: IfBusy = "enqueue"


class ChatAnswer(BaseModel):
    """The reply. ``metadata.offers`` holds what the flight search found, null when none was made."""

    response: str
    session_id: str
    metadata: dict[str, Any]
    timestamp: datetime


class Started(BaseModel):
    """The turn is accepted."""

    workflow_instance_id: str
    session_id: str
    status_url: str
