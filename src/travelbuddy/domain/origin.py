"""Where a session comes from, when it did not begin with its first message."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ForkedFrom(BaseModel):
    """The session it branched off, and the turn after which it did."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    workflow_instance_id: str
