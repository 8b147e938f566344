"""The session protocol: who is next, and the one commit of a turn.

A session record is changed only under its ETag. Each loop here reads, decides with a pure function of
``domain.conversation``, and writes; whoever loses the guard reads again. ``tests/property`` checks the protocol
against a plain model, with crashes, second executions and outside terminations at every step.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from travelbuddy.adapters.ports import ENDED, SessionRecords, Snapshot, TurnEngine
from travelbuddy.domain.conversation import (
    LaneEntry,
    SessionRecord,
    TurnRecord,
    cancel_waiting,
    cancelled_turn,
    closed_unanswered,
    commit_turns,
    enter_lane,
    interrupt_with,
    new_session,
)
from travelbuddy.domain.standing import Admitted, Done, Queued, Standing, Withdrawn
from travelbuddy.errors import OwnedByAnother, SessionBusy, StoreUnavailable, TurnWithdrawn
from travelbuddy.workflow.contracts import IfBusy

log = structlog.get_logger(__name__)

ENDED_OUTSIDE = "This request was cancelled before it was answered."
BROKE_DOWN = "Something went wrong while answering this request."
INTERRUPTED = "This request was interrupted by a newer one."
DOOR_PATIENCE = timedelta(seconds=30)
"""How long a turn that only its door may let in waits for that door; then the door has died."""


class Lanes:
    """The lanes of all sessions, over the store and the workflow engine."""

    def __init__(
        self,
        records: SessionRecords,
        engine: TurnEngine,
        clock: Callable[[], datetime],
        announce: Callable[[TurnRecord], None] = lambda record: None,
    ) -> None:
        """``announce`` is told of every turn that is closed here without an answer; it must not fail."""
        self._records = records
        self._engine = engine
        self._clock = clock
        self._announce = announce

    async def join(
        self,
        session_id: str,
        user_id: str,
        entry: LaneEntry,
        if_busy: IfBusy = "enqueue",
        seen: Snapshot | None = None,
    ) -> SessionRecord:
        """Put the turn into the lane unless it waits there or is done, and return the session as it then stands.

        When others are in the lane, ``if_busy`` says what becomes of the turn, or of them. ``seen`` is a snapshot to
        try first; its ETag tells whether it still holds. Raises OwnedByAnother, and SessionBusy for a turn that would
        rather not wait.
        """
        while True:
            snapshot = seen or await self._records.read(session_id)
            seen = None
            session = snapshot.session or new_session(session_id, user_id, self._clock())
            owned(session, user_id)
            if session.knows(entry.id):
                return session
            if if_busy == "reject" and self._clock() - entry.accepted_at > DOOR_PATIENCE / 2:
                raise StoreUnavailable("the state store was too slow to accept this message; send it again")
            if not session.lane or if_busy == "enqueue":
                joined = enter_lane(session, entry)
                if await self._records.write(joined, snapshot.etag):
                    return joined
            elif if_busy == "interrupt":
                change = interrupt_with(session, entry, INTERRUPTED, self._clock())
                if await self._records.commit(change, snapshot.etag or ""):
                    await self._after_closing(change.session, *change.closed)
                    return change.session
            else:
                await self.check_free(snapshot, entry.id)

    async def check_free(self, snapshot: Snapshot, turn_id: str) -> None:
        """Raise SessionBusy when another turn is under way; a head that was ended from outside is recorded first."""
        session = snapshot.session
        if session is None or not session.lane or session.knows(turn_id) or await self._evict_ended_head(snapshot):
            return
        raise SessionBusy(
            f"session {session.session_id!r} has a turn in progress; wait for it, or send if_busy=enqueue or interrupt"
        )

    async def stand(self, session_id: str, user_id: str, entry: LaneEntry, if_busy: IfBusy = "enqueue") -> Standing:
        """Where the turn stands. One that nobody put into the lane (its door died) enters by itself.

        But not one that its door may still refuse: that one waits for the door, and withdraws when none comes.
        """
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
                    if if_busy == "reject":
                        late = self._clock() - entry.accepted_at > DOOR_PATIENCE
                        return Withdrawn() if late else Queued(0)
                    await self.join(session_id, user_id, entry, if_busy)
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
                case Withdrawn():
                    raise TurnWithdrawn("the turn was withdrawn while it was being answered")

    async def cancel(self, session_id: str, user_id: str, entry: LaneEntry) -> TurnRecord:
        """Cancel the turn, wherever it stands, and return its record: its answer, when that was faster.

        Its workflow is ended too, but nothing rests on that: an execution that goes on finds the turn done.
        """
        while True:
            snapshot, now = await self._records.read(session_id), self._clock()
            session, etag = snapshot.session, snapshot.etag
            if session is None or etag is None or not session.knows(entry.id):
                await self.join(session_id, user_id, entry)
                continue
            if (place := session.entry(entry.id)) is None:
                return await self._settled_record(session, entry)
            if place.cancelled_at is not None:
                return cancelled_turn(session, place, place.cancelled_at)
            turn = cancelled_turn(session, place, now)
            if session.head == place:
                change = commit_turns(session, turn)
                if await self._records.commit(change, etag):
                    await self._after_closing(change.session, *change.closed)
                    return turn
            elif await self._records.write(cancel_waiting(session, entry.id, now), etag):
                await self._after_closing(session, turn)
                return turn

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

    async def _after_closing(self, session: SessionRecord, *closed: TurnRecord) -> None:
        """Let the next turn begin, and stop what still works on the closed ones."""
        for turn in closed:
            self._announce(turn)
        await self.wake_head(session)
        for turn in closed:
            try:
                await self._engine.terminate(turn.workflow_instance_id)
            except StoreUnavailable as down:  # it will find its turn done and end by itself
                log.warning("turn.not_terminated", turn=turn.workflow_instance_id, reason=str(down))

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
            self._announce(turn)
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
