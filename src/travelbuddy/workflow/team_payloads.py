"""What travels in the payloads of a task that another agent hands over; as `contracts`: fields may only be added."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from travelbuddy.workflow.contracts import OwnedPayload

AGENT = "TravelBuddy"
TEAM_WORKFLOW = f"dapr.agents.{AGENT}.workflow"
ACCEPT_TASK = "accept_task"
AWAIT_REPLY = "await_reply"


class Ask(OwnedPayload):
    """One execution of an activity, not before the moment ``after`` (seconds since 1970).

    A moment, not a time to wait: an execution that comes again after a kill does not wait anew.
    """

    after: float = 0.0


class AcceptTask(Ask):
    """One execution of ``accept_task``."""

    session_id: str
    text: str
    key: str


class AwaitReply(Ask):
    """One execution of ``await_reply``."""

    turn_id: str


class Progress(BaseModel):
    """What came of it: the turn that the task has become, its reply, or neither yet."""

    model_config = ConfigDict(frozen=True)

    turn_id: str | None = None
    reply: str | None = None
    retry_after: float | None = None
