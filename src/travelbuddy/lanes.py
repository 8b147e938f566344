"""The session protocol: who is next, and the one commit of a turn.

A session record is changed only under its ETag. Each loop here reads, decides with a pure function of
``domain.conversation``, and writes; whoever loses the guard reads again. ``tests/property`` checks the protocol
against a plain model, with crashes, second executions and outside terminations at every step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from travelbuddy.adapters.ports import ENDED, SessionRecords, Snapshot, TurnEngine
from travelbuddy.domain.conversation import (
    LaneEntry,
    SessionRecord,
    TurnRecord,
    closed_unanswered,
    commit_turns,
    enter_lane,
    new_session,
)
from travelbuddy.domain.users import UserRecord
from travelbuddy.errors import OwnedByAnother, StoreUnavailable

log = structlog.get_logger(__name__)

ENDED_OUTSIDE = "This request was cancelled before it was answered."
BROKE_DOWN = "Something went wrong while answering this request."


@dataclass(frozen=True)
class Done:
    """The turn is committed; ``record`` is what counts, whatever this execution may have in hand."""

    record: TurnRecord


@dataclass(frozen=True)
class Queued:
    """``position`` turns of the session come first."""

    position: int


@dataclass(frozen=True)
class Admitted:
    """The turn is at the head: it may call the model with this session and user, and commit under this ETag."""

    session: SessionRecord
    etag: str
    user: UserRecord | None


Standing = Done | Queued | Admitted


class Lanes:
    """The lanes of all sessions, over the store and the workflow engine."""

    def __init__(self, records: SessionRecords, engine: TurnEngine, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._engine = engine
        self._clock = clock

    async def join(
        self, session_id: str, user_id: str, entry: LaneEntry, seen: Snapshot | None = None
    ) -> SessionRecord:
        """Put the turn into the lane unless it waits there or is done, and return the session as it then stands.

        ``seen`` is a snapshot to try first; its ETag tells whether it still holds. Raises OwnedByAnother when the
        session is somebody else's.
        """
        while True:
            snapshot = seen or await self._records.read(session_id)
            seen = None
            session = snapshot.session or new_session(session_id, user_id, self._clock())
            owned(session, user_id)
            joined = enter_lane(session, entry)
            if joined is session or await self._records.write(joined, snapshot.etag):
                return joined

    async def stand(self, session_id: str, user_id: str, entry: LaneEntry) -> Standing:
        """Where the turn stands. One that nobody put into the lane (its door died) enters by itself."""
        while True:
            snapshot = await self._records.read(session_id, user_id=user_id)
            session = snapshot.session
            if session is not None and session.done(entry.id):
                record = await self._settled_record(session, entry)
                await self.wake_head(session)
                return Done(record)
            position = session.position(entry.id) if session is not None else None
            if session is None or position is None:
                if (old := await self._records.find_turn(entry.id)) is None:
                    await self.join(session_id, user_id, entry)
                elif not await self._knows(session_id, entry.id):
                    return Done(old)  # so long ago that the session forgot
            elif position == 0:
                return Admitted(session, snapshot.etag or "", snapshot.user)
            elif not await self._evict_ended_head(snapshot):
                return Queued(position)

    async def commit(self, turn: TurnRecord, admitted: Admitted) -> TurnRecord:
        """Commit the turn and wake the next; returns the record that counts, another execution's if it was faster."""
        session, etag = admitted.session, admitted.etag
        while True:
            change = commit_turns(session, turn)
            if await self._records.commit(change, etag):
                await self.wake_head(change.session)
                return turn
            log.info("commit.lost_guard", turn=turn.workflow_instance_id, session=turn.session_id)
            entry = LaneEntry(
                id=turn.workflow_instance_id, message=turn.messages[0].content, accepted_at=turn.created_at
            )
            match await self.stand(turn.session_id, turn.user_id, entry):
                case Done(record):
                    return record
                case Admitted(session, etag, _):
                    continue
                case Queued():
                    raise StoreUnavailable("the session's record was lost while this turn was answering")

    async def settle(self, session_id: str) -> SessionRecord | None:
        """The session, after any head whose workflow was ended from outside has been recorded as such."""
        while True:
            snapshot = await self._records.read(session_id)
            if snapshot.session is None or snapshot.session.head is None:
                return snapshot.session
            if not await self._evict_ended_head(snapshot):
                return snapshot.session

    async def wake_head(self, session: SessionRecord) -> None:
        """Tell the turn at the head that it is its turn."""
        if session.head is not None:
            await self._engine.wake(session.head.id)

    async def _knows(self, session_id: str, turn_id: str) -> bool:
        """Whether the turn has come to the session meanwhile; then its own record may be a lost execution's."""
        session = (await self._records.read(session_id)).session
        return session is not None and session.knows(turn_id)

    async def _evict_ended_head(self, snapshot: Snapshot) -> bool:
        """Record a head whose workflow is over although nobody committed it. True: read the session again."""
        session = snapshot.session
        if session is None or session.head is None or snapshot.etag is None:
            return False
        head = session.head
        status = await self._engine.status(head.id)
        if status.state not in ENDED:
            return False
        failed = status.state == "failed"
        turn = closed_unanswered(
            session,
            head,
            "failed" if failed else "cancelled",
            BROKE_DOWN if failed else ENDED_OUTSIDE,
            self._clock(),
        )
        change = commit_turns(session, turn)
        if await self._records.commit(change, snapshot.etag):
            log.warning("lane.evicted", turn=head.id, session=session.session_id, engine=status.state)
            await self.wake_head(change.session)
            return True
        now = await self._records.read(session.session_id)
        if now.session is not None and now.session.done(head.id):
            await self._settled_record(now.session, head)
        return True

    async def _settled_record(self, session: SessionRecord, entry: LaneEntry) -> TurnRecord:
        """The record of a turn that is done, put right where a lost write may have replaced it.

        Redis applies the other writes of a transaction that it refuses, so an execution that lost the guard may have
        left its own version of the turn's record; the session's inline copy, which the guard protects, is what counts.
        """
        inline, stored = session.turn(entry.id), await self._records.find_turn(entry.id)
        if inline is not None and inline != stored:
            await self._records.restore_turn(inline)
        if record := inline or stored:
            return record
        return closed_unanswered(session, entry, "answered", "The reply is no longer stored.", self._clock())


def owned(session: SessionRecord, user_id: str) -> SessionRecord:
    """The session, when it is this user's; raises OwnedByAnother otherwise."""
    if session.user_id != user_id:
        raise OwnedByAnother(f"session {session.session_id!r} is not yours; choose another session_id")
    return session
