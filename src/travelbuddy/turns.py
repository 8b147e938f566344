"""The way in: every message from every door becomes one turn, accepted once, and can be looked up afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from travelbuddy.adapters.ports import EngineState, EngineStatus, SessionRecords, TurnEngine
from travelbuddy.domain.conversation import LaneEntry, SessionRecord, Step, TurnRecord
from travelbuddy.domain.turn import Limits
from travelbuddy.errors import KeyReused, NotFound
from travelbuddy.lanes import Lanes, owned
from travelbuddy.workflow.contracts import ReplyTo, TurnInput


@dataclass(frozen=True)
class Incoming:
    """A message at a door. ``key`` is the caller's idempotency key: the same key is the same turn."""

    user_id: str
    session_id: str
    text: str
    key: str | None = None
    context: dict[str, JsonValue] | None = None
    reply_to: ReplyTo | None = None


@dataclass(frozen=True)
class Accepted:
    """The turn will end in exactly one stored outcome."""

    turn_id: str
    session_id: str


@dataclass(frozen=True)
class TurnPolicy:
    """What every turn is started with; it travels in the turn's input, so a later change leaves it alone."""

    model: str
    tools: tuple[str, ...]
    limits: Limits


_ENDED_AS: dict[EngineState, str] = {"completed": "answered", "failed": "failed", "terminated": "cancelled"}


class TurnView(BaseModel):
    """A turn as people see it, whether it waits, runs or is long over."""

    model_config = ConfigDict(frozen=True)

    workflow_instance_id: str
    session_id: str
    user_id: str
    status: str
    progress: str
    queue_position: int | None = None
    response: str | None = None
    error: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    timeline: tuple[Step, ...] = Field(default=())


class Turns:
    """Accepts messages and answers what became of them."""

    def __init__(
        self,
        records: SessionRecords,
        engine: TurnEngine,
        lanes: Lanes,
        policy: TurnPolicy,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._engine = engine
        self._lanes = lanes
        self._policy = policy
        self._clock = clock

    async def accept(self, message: Incoming) -> Accepted:
        """Schedule the turn, put it into its session's lane, and only then return.

        In this order nothing stands in a lane that the engine does not know; a door that dies in between leaves a
        turn that enters the lane by itself. Raises OwnedByAnother, KeyReused, StoreUnavailable (nothing accepted).
        """
        turn_id = turn_id_for(message)
        accepted = Accepted(turn_id, message.session_id)
        snapshot = await self._records.read(message.session_id)
        if snapshot.session is None:
            await self._records.index_session(message.user_id, message.session_id)
        else:
            owned(snapshot.session, message.user_id)
        if message.key is not None and await self._known(turn_id, message, snapshot.session):
            return accepted
        entry = LaneEntry(id=turn_id, message=message.text, accepted_at=self._clock())
        if not await self._engine.schedule(turn_id, self._input(message, entry).wire()):
            await self._check_same_running(turn_id, message)
        await self._lanes.join(message.session_id, message.user_id, entry, snapshot)
        return accepted

    async def view(self, turn_id: str, user_id: str | None = None) -> TurnView:
        """The turn's state now. Raises NotFound for an unknown id, or another user's."""
        record = await self._records.find_turn(turn_id)
        if record is None:
            status = await self._engine.status(turn_id)
            inp = _input_of(status)
            if inp is None:
                raise NotFound(f"no turn {turn_id!r}: it never existed, or its record has expired")
            session = await self._lanes.settle(inp.session_id)
            position = session.position(turn_id) if session is not None else None
            record = (session.turn(turn_id) if session is not None else None) or (
                await self._records.find_turn(turn_id) if position is None else None
            )
            if record is None:
                return _visible(_unrecorded(turn_id, inp, status, position), user_id)
        return _visible(_finished(record), user_id)

    async def _known(self, turn_id: str, message: Incoming, session: SessionRecord | None) -> bool:
        """True when this key was accepted before: its turn waits in the lane or is done.

        The engine must not see it again, for it would start a finished id anew and wipe its history.
        """
        if session is not None and (position := session.position(turn_id)) is not None:
            return _same(session.lane[position].message == message.text)
        inline = session.turn(turn_id) if session is not None else None
        record = inline or await self._records.find_turn(turn_id)
        if record is None:
            return session is not None and session.done(turn_id)
        same_session = record.session_id == message.session_id
        return _same(same_session and record.messages[0].content == message.text)

    async def _check_same_running(self, turn_id: str, message: Incoming) -> None:
        running = _input_of(await self._engine.status(turn_id))
        if running is not None:
            _same(running.session_id == message.session_id and running.message == message.text)

    def _input(self, message: Incoming, entry: LaneEntry) -> TurnInput:
        return TurnInput(
            user_id=message.user_id,
            session_id=message.session_id,
            message=message.text,
            accepted_at=entry.accepted_at,
            model=self._policy.model,
            tools=self._policy.tools,
            limits=self._policy.limits,
            context=message.context or {},
            reply_to=message.reply_to,
        )


def turn_id_for(message: Incoming) -> str:
    """A fresh id, or with a key always the same one for the same user and key. Letters, digits and ``-`` only."""
    prefix = turn_prefix(message.user_id)
    if message.key is None:
        return f"{prefix}{uuid4().hex}"
    digest = hashlib.sha256(f"{len(message.user_id)}:{message.user_id}:{message.key}".encode())
    return f"{prefix}k{digest.hexdigest()[:40]}"


def turn_prefix(user_id: str) -> str:
    """What the ids of all of a user's turns begin with, so that erasing finds them in the engine."""
    return f"u{hashlib.sha256(user_id.encode()).hexdigest()[:16]}-"


def _same(same: bool) -> bool:
    if not same:
        raise KeyReused("this idempotency key was used for another message; use a fresh key for a new message")
    return True


def _input_of(status: EngineStatus) -> TurnInput | None:
    try:
        return TurnInput.model_validate(status.input) if status.input else None
    except ValidationError:  # an instance of another workflow
        return None


def _visible(view: TurnView, user_id: str | None) -> TurnView:
    if user_id is not None and view.user_id != user_id:
        raise NotFound(f"no turn {view.workflow_instance_id!r} of this user")
    return view


def _finished(record: TurnRecord) -> TurnView:
    return TurnView(
        workflow_instance_id=record.workflow_instance_id,
        session_id=record.session_id,
        user_id=record.user_id,
        status=record.outcome,
        progress="done",
        response=record.reply.content,
        error=record.error,
        created_at=record.created_at,
        updated_at=record.completed_at,
        timeline=record.timeline,
    )


def _unrecorded(turn_id: str, inp: TurnInput, status: EngineStatus, position: int | None) -> TurnView:
    """A turn without a record: it waits, runs, or ended before it came to stand in a lane."""
    if status.state in _ENDED_AS:
        state = _ENDED_AS[status.state]
    elif status.state == "suspended":
        state = "paused"
    else:
        state = "queued" if position else "running"
    return TurnView(
        workflow_instance_id=turn_id,
        session_id=inp.session_id,
        user_id=inp.user_id,
        status=state,
        progress=status.progress or "accepted",
        queue_position=position,
        created_at=inp.accepted_at,
        updated_at=datetime.fromisoformat(status.updated_at) if status.updated_at else None,
    )
