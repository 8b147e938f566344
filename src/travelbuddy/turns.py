"""The way in: every message from every door becomes one turn, accepted once, and can be looked up afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from travelbuddy.adapters.ports import ENDED, EngineStatus, SessionRecords, Snapshot, TurnEngine
from travelbuddy.domain.conversation import LaneEntry, SessionRecord, TurnRecord, cancelled_turn
from travelbuddy.domain.titles import beginning
from travelbuddy.doors import OpenDoors
from travelbuddy.errors import KeyReused, NotFound, SessionBusy, TurnOver
from travelbuddy.incoming import Incoming, turn_id_for
from travelbuddy.lanes import Lanes, owned
from travelbuddy.telemetry import audit, spans, tracing
from travelbuddy.turn_policy import TurnPolicy
from travelbuddy.views import OpenTurn, TurnView, begun, finished, input_of, once_begun, unfinished


@dataclass(frozen=True)
class Accepted:
    """The turn will end in exactly one stored outcome. ``repeated``: it was accepted before, and may be long over."""

    turn_id: str
    session_id: str
    repeated: bool = False


class OpenTurns(Protocol):
    """Who looks after turns that are accepted and not over, as the Reconciler does."""

    def opened(self, session_id: str, turn_id: str) -> None:
        """The turn is accepted here: look after it until it is over."""
        ...

    async def session_of(self, turn_id: str) -> str | None:
        """The session of an open turn, from what is known here and what is stored; None when there is none."""
        ...


class NoOpenTurns:
    """Nobody looks after anything."""

    def opened(self, session_id: str, turn_id: str) -> None:
        """See OpenTurns."""

    async def session_of(self, turn_id: str) -> str | None:
        """See OpenTurns."""
        return None


class Turns:
    """Accepts messages and answers what became of them."""

    def __init__(
        self,
        records: SessionRecords,
        engine: TurnEngine,
        lanes: Lanes,
        policy: TurnPolicy,
        clock: Callable[[], datetime],
        doors: OpenDoors | None = None,
        accepted: Callable[[str], None] = lambda door: None,
        open_turns: OpenTurns | None = None,
        replica: str | None = None,
    ) -> None:
        """``accepted`` is told the door of every message that became a turn. ``replica`` is the name of this one."""
        self._accepted = accepted
        self._open_turns = open_turns or NoOpenTurns()
        self._replica = replica
        self._doors = doors or OpenDoors()
        self._records = records
        self._engine = engine
        self._lanes = lanes
        self._policy = policy
        self._clock = clock

    async def accept(self, message: Incoming) -> Accepted:
        """Schedule the turn, put it into its session's lane, and only then return.

        In this order nothing stands in a lane that the engine does not know; a door that dies in between leaves a
        turn that enters the lane by itself. Raises OwnedByAnother, KeyReused, SessionBusy for a turn that would rather
        not wait, and StoreUnavailable; then nothing is accepted.
        """
        audit.identify(message.user_id)
        turn_id = turn_id_for(message)
        spans.about(turn_id, message.session_id)
        snapshot = await self._records.read(message.session_id)
        if snapshot.session is None:
            if message.since is not None:
                await self._lanes.check_not_erased(message.session_id, message.since)
            title = beginning(message.text) if message.notice is None else None
            await self._records.index_session(message.user_id, message.session_id, title or "")
        else:
            owned(snapshot.session, message.user_id)
            if self._first_today(snapshot.session):
                await self._records.index_session(message.user_id, message.session_id)
        if message.key is not None and await self._known(turn_id, message, snapshot.session):
            return Accepted(turn_id, message.session_id, repeated=True)
        entry = self._entry(turn_id, message)
        if message.if_busy == "reject":
            await self._lanes.check_free(snapshot, turn_id)
        with self._doors.letting_in(turn_id):
            scheduled = await self._let_in(message, entry, snapshot)
        self._open_turns.opened(message.session_id, turn_id)
        if scheduled:
            self._accepted(message.door)
        return Accepted(turn_id, message.session_id, repeated=not scheduled)

    async def _let_in(self, message: Incoming, entry: LaneEntry, snapshot: Snapshot) -> bool:
        """Schedule the turn and put it into the lane; False when it was scheduled before."""
        user_id, session_id = message.user_id, message.session_id
        turn = self._policy.input_of(entry, user_id, session_id, if_busy=message.if_busy, follower=message.follower)
        scheduled = await self._engine.schedule(entry.id, turn.wire())
        if not scheduled:
            await self._check_same_running(entry.id, message)
        try:
            await self._lanes.join(session_id, user_id, entry, message.if_busy, snapshot)
        except SessionBusy:
            if scheduled:
                await self._engine.terminate(entry.id)
            raise
        if message.if_busy == "reject":
            self._lanes.wake(session_id, entry.id)  # it may have looked before its door let it in
        return scheduled

    async def view(self, turn_id: str, user_id: str | None = None) -> TurnView:
        """The turn's state now. Raises NotFound for an unknown id, or another user's."""
        turn = await self.find(turn_id, user_id)
        return finished(turn) if isinstance(turn, TurnRecord) else unfinished(turn)

    async def pause(self, turn_id: str, user_id: str | None = None) -> TurnView:
        """Hold the turn before its next step. Raises NotFound and TurnOver.

        A step under way is finished; when it was the last one, the turn is answered.
        """
        turn = await self._find_open(turn_id, user_id)
        await self._engine.suspend(turn.entry.instance_id)
        return unfinished(replace(turn, status=replace(turn.status, state="suspended")))

    async def resume(self, turn_id: str, user_id: str | None = None) -> TurnView:
        """Let a paused turn go on; one that is not paused stays as it is. Raises NotFound and TurnOver."""
        turn = await self._find_open(turn_id, user_id)
        await self._engine.resume(turn.entry.instance_id)
        return unfinished(replace(turn, status=replace(turn.status, state="running")))

    async def cancel(self, turn_id: str, user_id: str | None = None) -> TurnView:
        """End the turn, wherever it is, and let the next one begin at once. Raises NotFound and TurnOver."""
        turn = await self.find(turn_id, user_id)
        if isinstance(turn, OpenTurn):
            turn = await self._lanes.cancel(turn.session_id, turn.user_id, turn.entry)
        if turn.outcome != "cancelled":
            raise TurnOver(f"turn {turn_id!r} is {turn.outcome} already; it cannot be cancelled")
        return finished(turn)

    async def find(self, turn_id: str, user_id: str | None = None) -> TurnRecord | OpenTurn:
        """As `look`, with patience. Raises NotFound when the turn is not there for this user."""
        turn = await once_begun(partial(self.look, turn_id))
        if user_id is not None and turn.user_id != user_id:
            raise NotFound(f"no turn {turn_id!r} of this user")
        return turn

    async def look(self, turn_id: str) -> TurnRecord | OpenTurn:
        """The turn's record, or what is known of it without one. Raises NotFound and NotBegun."""
        record = await self._records.find_turn(turn_id)
        return await self._confirmed(record) if record is not None else await self._find_unrecorded(turn_id)

    async def _confirmed(self, record: TurnRecord) -> TurnRecord | OpenTurn:
        """What counts of a turn with a record: some stores keep one of a change that was refused (ARC-005)."""
        session = (await self._records.read(record.session_id)).session
        if session is not None and session.entry(record.workflow_instance_id) is not None:
            return await self._find_unrecorded(record.workflow_instance_id)
        inline = session.turn(record.workflow_instance_id) if session is not None else None
        return inline or record

    async def _find_unrecorded(self, turn_id: str) -> TurnRecord | OpenTurn:
        """The turn by what the engine says of it; where that is nothing, by the queues of the open sessions."""
        status = await self._engine.status(turn_id)
        inp = input_of(status) if status.closed or status.input else None
        if inp is None:
            return await self._find_in_queues(turn_id, status)
        if status.progress == "withdrawn":
            raise _no_turn(turn_id)
        if (found := await self._find_in_session(turn_id, inp.session_id, status)) is not None:
            return found
        record = await self._records.find_turn(turn_id)
        if record is None and inp.if_busy == "reject":
            raise NotFound(f"no turn {turn_id!r}: it was not accepted")
        return record or OpenTurn(inp.session_id, inp.user_id, inp.entry(turn_id), status, None)

    async def _find_in_queues(self, turn_id: str, status: EngineStatus) -> TurnRecord | OpenTurn:
        """A turn of whose instance the engine cannot say whose it is: not begun, lost, or not readable."""
        session_id = await self._open_turns.session_of(turn_id)
        if session_id is not None and (found := await self._find_in_session(turn_id, session_id, status)) is not None:
            return found
        begun(status, turn_id)
        raise _no_turn(turn_id)

    async def _find_in_session(
        self, turn_id: str, session_id: str, status: EngineStatus
    ) -> TurnRecord | OpenTurn | None:
        """The turn in its session's record: in its queue, or among the last that are done.

        ``status`` is that of its first instance; a successor is asked for.
        """
        session = await self._lanes.settle(session_id)
        if session is None:
            return None
        if (place := session.entry(turn_id)) is None:
            return session.turn(turn_id)
        if place.cancelled_at is not None:
            return cancelled_turn(session, place, place.cancelled_at)
        if place.run:
            status = await self._engine.status(place.instance_id)
        return OpenTurn(session_id, session.user_id, place, status, session.position(turn_id))

    async def _find_open(self, turn_id: str, user_id: str | None) -> OpenTurn:
        turn = await self.find(turn_id, user_id)
        if isinstance(turn, TurnRecord):
            raise TurnOver(f"turn {turn_id!r} is {turn.outcome} already")
        if turn.position is None and turn.status.state in ENDED:
            raise TurnOver(f"turn {turn_id!r} has ended")
        return turn

    def _first_today(self, session: SessionRecord) -> bool:
        """Whether nothing happened in the session on this day (UTC) yet."""
        return session.last_activity.astimezone(UTC).date() != self._clock().astimezone(UTC).date()

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
        return _same((record.session_id, record.messages[0].content) == (message.session_id, message.text))

    async def _check_same_running(self, turn_id: str, message: Incoming) -> None:
        running = input_of(await self._engine.status(turn_id))
        if running is not None:
            _same(running.session_id == message.session_id and running.message == message.text)

    def _entry(self, turn_id: str, message: Incoming) -> LaneEntry:
        return LaneEntry(
            id=turn_id,
            message=message.text,
            accepted_at=message.since or self._clock(),
            trace=tracing.headers() or None,
            door=message.door,
            notice=message.notice,
            context=message.context or {},
            reply_to=message.reply_to,
            accepted_by=message.accepted_by or self._replica,
        )


def _no_turn(turn_id: str) -> NotFound:
    return NotFound(f"no turn {turn_id!r}: it never existed, or its record has expired")


def _same(same: bool) -> bool:
    if not same:
        raise KeyReused("this idempotency key was used for another message; use a fresh key for a new message")
    return True
