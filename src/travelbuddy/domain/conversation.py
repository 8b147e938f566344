"""What is stored of a conversation, and the two changes it knows: entering the lane and committing a turn.

A session record is only ever replaced as a whole, under its ETag, by one of the functions of this module; so
each of them is a transition of the protocol that ``tests/property`` checks against a model.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from travelbuddy.domain.messages import Message
from travelbuddy.domain.origin import ForkedFrom
from travelbuddy.domain.steps import Step, tokens_of

WINDOW = 10
"""Turns kept inline in the session record, and so the turns a prompt can see."""
REMEMBERED = 100
"""Turn records kept per session; an older one is deleted by the commit that pushes it out."""

CANCELLED = "This request was cancelled."

Outcome = Literal["answered", "failed", "interrupted", "cancelled"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReplyTo(_Record):
    """Where a reply goes when the message came by pub/sub."""

    recipient: str
    in_reply_to: str


class LaneEntry(_Record):
    """An accepted message whose turn is not yet done, with all that another workflow instance needs to answer it.

    One that is cancelled while it waits keeps its place, so that the order of acceptance stays the conversation's; it
    is closed together with the turn before it.
    """

    id: str
    message: str
    accepted_at: datetime
    cancelled_at: datetime | None = None
    trace: dict[str, str] | None = None
    """Where its door was in a trace, as W3C headers."""
    door: str | None = None
    """Through which door the message came."""
    notice: dict[str, JsonValue] | None = None
    """For a notice, whose ``message`` is the agent's own: what it carries."""
    context: dict[str, JsonValue] = Field(default_factory=dict)
    """The request's own context."""
    reply_to: ReplyTo | None = None
    accepted_by: str | None = None
    """The replica whose door counts this turn as in progress, until it hears of its end."""
    run: int = 0
    """How often another workflow instance had to take this turn over, because Dapr could not run the one before."""

    @property
    def instance_id(self) -> str:
        """The workflow instance that carries the turn out now: the turn's own id, or that of a successor."""
        return self.id if self.run == 0 else f"{self.id}-r{self.run}"

    @property
    def instance_ids(self) -> tuple[str, ...]:
        """All instances that this turn has had."""
        return tuple(self.model_copy(update={"run": run}).instance_id for run in range(self.run + 1))


class TurnRecord(_Record):
    """A finished turn, whole: the user's message, each tool call with its result, the reply; a notice's reply alone."""

    workflow_instance_id: str
    session_id: str
    user_id: str
    outcome: Outcome
    created_at: datetime
    completed_at: datetime
    messages: tuple[Message, ...]
    error: str | None = None
    timeline: tuple[Step, ...] = ()
    trace: dict[str, str] | None = None
    door: str | None = None
    """Through which door the message came."""

    @property
    def reply(self) -> Message:
        """The last message, which the user gets."""
        return self.messages[-1]


class SessionRecord(_Record):
    """A session: who owns it, who waits in its lane, what was said last."""

    session_id: str
    user_id: str
    created_at: datetime
    last_activity: datetime
    message_count: int = 0
    tokens_used: int = 0
    day_tokens: int = 0
    """Tokens used on the day (UTC) of the last commit, which ``tokens_day`` names."""
    tokens_day: date | None = None
    lane: tuple[LaneEntry, ...] = ()
    turns: tuple[TurnRecord, ...] = ()
    turn_ids: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()
    """Workflow instances that took a finished turn over; erasing must find them."""
    forked_from: ForkedFrom | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    def done(self, turn_id: str) -> bool:
        """True when the turn is committed; its content may already have left the window."""
        return turn_id in self.turn_ids

    def position(self, turn_id: str) -> int | None:
        """0 at the head of the lane, None when not in it."""
        return next((i for i, entry in enumerate(self.lane) if entry.id == turn_id), None)

    def entry(self, turn_id: str) -> LaneEntry | None:
        """The turn's place in the lane, None when it has none."""
        return next((entry for entry in self.lane if entry.id == turn_id), None)

    def knows(self, turn_id: str) -> bool:
        """True when the turn is done or waits in the lane."""
        return self.done(turn_id) or self.entry(turn_id) is not None

    def turn(self, turn_id: str) -> TurnRecord | None:
        """The turn's inline copy, None when it is not done or has left the window."""
        return next((turn for turn in self.turns if turn.workflow_instance_id == turn_id), None)

    @property
    def head(self) -> LaneEntry | None:
        """The one turn that may call the model now."""
        return self.lane[0] if self.lane else None


def new_session(session_id: str, user_id: str, now: datetime) -> SessionRecord:
    """An empty session owned by ``user_id``."""
    return SessionRecord(session_id=session_id, user_id=user_id, created_at=now, last_activity=now)


def enter_lane(session: SessionRecord, entry: LaneEntry) -> SessionRecord:
    """Put the turn at the end of the lane; a turn that is done or already waits stays as it is."""
    if session.knows(entry.id):
        return session
    return session.model_copy(update={"lane": (*session.lane, entry), "last_activity": entry.accepted_at})


def succeed(session: SessionRecord, turn_ids: Collection[str]) -> SessionRecord:
    """Name a successor instance for each of these turns that waits; it is to be started after this is stored."""
    lane = (e if e.id not in turn_ids else e.model_copy(update={"run": e.run + 1}) for e in session.lane)
    return session.model_copy(update={"lane": tuple(lane)})


class Commit(NamedTuple):
    """The new session record, the turns it closes, those that left the window, and the ids that are forgotten."""

    session: SessionRecord
    closed: tuple[TurnRecord, ...]
    sealed: tuple[TurnRecord, ...]
    dropped: tuple[str, ...]


def commit_turns(session: SessionRecord, *finished: TurnRecord) -> Commit:
    """Append finished turns and take them out of the lane, with the cancelled ones that come next there.

    None of them may be done yet.
    """
    lane, successors = session.lane, session.successors
    for turn in finished:
        if session.done(turn.workflow_instance_id):
            raise ValueError(f"turn {turn.workflow_instance_id} is committed already")
        if (entry := session.entry(turn.workflow_instance_id)) is not None:
            successors = (*successors, *entry.instance_ids[1:])
        lane = tuple(entry for entry in lane if entry.id != turn.workflow_instance_id)
    closed = finished
    while lane and lane[0].cancelled_at is not None:
        closed = (*closed, cancelled_turn(session, lane[0], lane[0].cancelled_at))
        lane = lane[1:]
    tokens, day = sum(tokens_of(turn.timeline) for turn in closed), closed[-1].completed_at.astimezone(UTC).date()
    turns = (*session.turns, *closed)
    ids = (*session.turn_ids, *(turn.workflow_instance_id for turn in closed))
    return Commit(
        session.model_copy(
            update={
                "lane": lane,
                "turns": turns[-WINDOW:],
                "turn_ids": ids[-REMEMBERED:],
                "successors": successors[-REMEMBERED:],
                "message_count": session.message_count + len(closed),
                "tokens_used": session.tokens_used + tokens,
                "day_tokens": tokens + (session.day_tokens if session.tokens_day == day else 0),
                "tokens_day": day,
                "last_activity": closed[-1].completed_at,
            }
        ),
        closed=closed,
        sealed=turns[:-WINDOW],
        dropped=ids[:-REMEMBERED],
    )


def interrupt_with(session: SessionRecord, entry: LaneEntry, note: str, now: datetime) -> Commit:
    """Close every turn that is under way or waits, and put ``entry`` at the head. There must be such a turn.

    One that was cancelled while it waited stays cancelled: its user was told so. A notice is told.
    """
    cut = commit_turns(
        session,
        *(
            closed_unanswered(session, old, "interrupted", note, now)
            if old.cancelled_at is None
            else cancelled_turn(session, old, old.cancelled_at)
            for old in session.lane
        ),
    )
    return cut._replace(session=enter_lane(cut.session, entry))


def cancel_waiting(session: SessionRecord, turn_id: str, now: datetime) -> SessionRecord:
    """Mark a turn that waits behind others as cancelled; it keeps its place until they are done."""
    lane = (e if e.id != turn_id else e.model_copy(update={"cancelled_at": now}) for e in session.lane)
    return session.model_copy(update={"lane": tuple(lane)})


def cancelled_turn(session: SessionRecord, entry: LaneEntry, when: datetime) -> TurnRecord:
    """The record of a turn that its user cancelled."""
    return closed_unanswered(session, entry, "cancelled", CANCELLED, when)


def closed_unanswered(
    session: SessionRecord, entry: LaneEntry, outcome: Outcome, note: str, now: datetime
) -> TurnRecord:
    """The record of a turn that ended without the model's answer; ``note`` stands where the reply would.

    A notice needs no answer, so it cannot end without one: whoever closes it tells it.
    """
    if entry.notice is not None:
        return notice_turn(session, entry, now)
    return TurnRecord(
        workflow_instance_id=entry.id,
        session_id=session.session_id,
        user_id=session.user_id,
        outcome=outcome,
        created_at=entry.accepted_at,
        completed_at=now,
        messages=(
            Message(role="user", content=entry.message, timestamp=entry.accepted_at),
            Message(role="assistant", content=note, timestamp=now, metadata={"outcome": outcome}),
        ),
        error=note,
        trace=entry.trace,
        door=entry.door,
    )


def notice_turn(session: SessionRecord, entry: LaneEntry, now: datetime) -> TurnRecord:
    """The record of a notice: the agent's message alone."""
    return TurnRecord(
        workflow_instance_id=entry.id,
        session_id=session.session_id,
        user_id=session.user_id,
        outcome="answered",
        created_at=entry.accepted_at,
        completed_at=now,
        messages=(Message(role="assistant", content=entry.message, timestamp=now, metadata=entry.notice or {}),),
        trace=entry.trace,
        door=entry.door,
    )


def earlier_turns(session: SessionRecord) -> list[tuple[Message, ...]]:
    """What later prompts hold of each of the last turns, oldest first: the one rule of what enters a prompt (V7).

    An answered turn enters whole, of an interrupted one the user's message alone: what they said still counts, the note
    that stands for the reply is ours. A failed or cancelled turn does not enter.
    """
    kept = (_kept(turn) for turn in session.turns[-WINDOW:])
    return [messages for messages in kept if messages]


def window(session: SessionRecord) -> list[Message]:
    """The messages of ``earlier_turns``. Turns are whole, so no tool call loses its result."""
    return [message for messages in earlier_turns(session) for message in messages]


def _kept(turn: TurnRecord) -> tuple[Message, ...]:
    if turn.outcome == "answered":
        return turn.messages
    return turn.messages[:1] if turn.outcome == "interrupted" else ()
