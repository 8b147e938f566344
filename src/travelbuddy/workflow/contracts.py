"""What travels in workflow and activity payloads.

These shapes live in histories that outlast a deployment: fields may be added with a default, never renamed, removed
or given another meaning. Payloads carry the turn, never the session's history.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from travelbuddy.domain.conversation import LaneEntry
from travelbuddy.domain.conversation import ReplyTo as ReplyTo  # a part of the turn's input
from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.steps import Step
from travelbuddy.domain.turn import Limits, Progress

TURN_WORKFLOW = "turn"
CALL_MODEL = "call_model"
CALL_TOOL = "call_tool"
AWAIT_TURN = "await_turn"
PAUSE = "pause"
IfBusy = Literal["enqueue", "reject", "interrupt"]
"""What becomes of a message whose session has a turn under way."""


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True)

    def wire(self) -> dict[str, JsonValue]:
        """The JSON object that is put into the history; fields at their default are left out."""
        return self.model_dump(mode="json", exclude_defaults=True)


class OwnedPayload(_Payload):
    """A payload that says whose it is."""

    user_id: str


class TurnInput(_Payload):
    """Everything a turn needs that must not change under it."""

    user_id: str
    session_id: str
    message: str
    accepted_at: datetime
    model: str
    tools: tuple[str, ...] = ()
    limits: Limits = Limits()
    context: dict[str, JsonValue] = Field(default_factory=dict)
    reply_to: ReplyTo | None = None
    if_busy: IfBusy = "enqueue"
    follower: str | None = None
    """The replica that holds a client's connection for this turn."""
    accepted_by: str | None = None
    """The replica whose door counts this turn as in progress, until it hears of its end."""
    trace: dict[str, str] | None = None
    """Where the door was in a trace, as W3C headers; None when traces are off."""
    door: str | None = None
    """Through which door it came: chat, chat-stream, start-workflow, pubsub or mcp; a notice's is its errand."""
    notice: dict[str, JsonValue] | None = None
    """For a notice, whose ``message`` is the agent's own and is told without asking a model: what it carries."""
    turn_id: str | None = None
    """The turn that this instance carries on as a successor; None where the instance's own id is the turn's."""
    run: int = 0
    """The how-manieth successor it is."""
    so_far: Progress | None = None
    """How far the turn had come when the workflow began anew with an empty history."""

    def entry(self, turn_id: str) -> LaneEntry:
        """Its place in the session's lane."""
        return LaneEntry(
            id=turn_id,
            message=self.message,
            accepted_at=self.accepted_at,
            trace=self.trace,
            door=self.door,
            notice=self.notice,
            context=self.context,
            reply_to=self.reply_to,
            accepted_by=self.accepted_by,
            run=self.run,
        )

    def turn(self, instance_id: str) -> str:
        """The id of the turn that this instance carries out."""
        return self.turn_id or instance_id

    def wire(self) -> dict[str, JsonValue]:
        """With the limits and tools as they are now, so that a later default does not change a turn under way."""
        return self.model_dump(mode="json", exclude_none=True)


class CallModelInput(_Payload):
    """One execution of ``call_model``: the turn so far, and whether it is the last chance."""

    turn: TurnInput
    step: int
    attempt: int
    last_step: bool = False
    last_attempt: bool = False
    messages: tuple[Message, ...] = ()
    timeline: tuple[Step, ...] = ()
    asked_at: datetime | None = None
    """When the workflow asked for it, by the engine's clock. A repeated execution has the time of the first."""
    away_since: datetime | None = None
    """Since when the model is away, where an earlier try of this step has failed."""


class CallToolInput(_Payload):
    """One execution of ``call_tool``, asked for by the ``step``-th answer of the model.

    ``user_version`` is when the user's record was last changed as the turn's prompt saw it: no older copy will do.
    """

    user_id: str
    session_id: str
    call: ToolCall
    step: int = 1
    follower: str | None = None
    user_version: datetime | None = None
    tools: tuple[str, ...] | None = None
    """The turn's tools: no other is run. None, from before there was this field, allows all."""
    trace: dict[str, str] | None = None
    asked_at: datetime | None = None
    turn_id: str | None = None
    """The turn, where another instance's id is not the turn's own."""
    place: int | None = None
    """The call's place in the model's answer, from 0; None from before there was this field."""

    def key(self, turn_id: str) -> str:
        """The idempotency key of what the call does: turn, step and place, never an id that a model's server chose.

        A call that was scheduled before there was a place keeps the key that it may have been executed with.
        """
        return f"{turn_id}/{self.call.id}" if self.place is None else f"{turn_id}/{self.step}.{self.place}"


class AwaitTurnInput(OwnedPayload):
    """One execution of ``await_turn``: wait until the turn is at the head of its session's queue."""

    session_id: str
    turn_id: str
    position: int = 0
    """The turns before this one when it was last looked at; 0: its door has not let it in yet."""


class PauseInput(OwnedPayload):
    """One execution of ``pause``: wait until then. Run again after a crash it waits for what is left."""

    until: datetime


class TurnOutput(_Payload):
    """The workflow's output: the reply as an assistant message."""

    role: str = "assistant"
    content: str
    outcome: str
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    def wire(self) -> dict[str, JsonValue]:
        """All fields, because people read this one."""
        return self.model_dump(mode="json")
