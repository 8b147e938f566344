"""The session protocol: who is next, and the one commit of a turn.

A session record is changed only under its ETag. Each loop here reads, decides with a pure function of
``domain.conversation``, and writes; whoever loses the guard reads again. ``tests/property`` checks the protocol
against a plain model, with crashes, second executions and outside terminations at every step.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from travelbuddy.adapters.ports import ErasableRecords, SessionRecords, Snapshot, TurnEngine
from travelbuddy.domain.conversation import (
    Commit,
    LaneEntry,
    SessionRecord,
    TurnRecord,
    cancel_waiting,
    cancelled_turn,
    commit_turns,
    enter_lane,
    interrupt_with,
    new_session,
)
from travelbuddy.domain.standing import Admitted, Done, Queued, Standing, Withdrawn
from travelbuddy.errors import OwnedByAnother, SessionBusy, StoreUnavailable, TurnWithdrawn
from travelbuddy.keeping import Keeper, Waits
from travelbuddy.side_by_side import Together
from travelbuddy.turn_policy import TurnPolicy
from travelbuddy.workflow.contracts import IfBusy

log = structlog.get_logger(__name__)

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
        waits: Waits,
        policy: TurnPolicy,
        together: Together,
        announce: Callable[[TurnRecord], None] = lambda record: None,
        erasable: ErasableRecords | None = None,
    ) -> None:
        """``announce`` is told of every turn that is closed here without an answer; it must not fail."""
        self._records = records
        self._erasable = erasable
        self.keeper = Keeper(records, engine, clock, announce, waits, policy, together)
        self._waits = waits
        self._clock = clock

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
            if snapshot.session is None:
                await self.check_not_erased(session_id, entry.accepted_at)
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
                    await self.keeper.after_closing(session, change.session, *change.closed)
                    return change.session
                await self.keeper.repair(session_id, change.closed)
            else:
                await self.check_free(snapshot, entry.id)

    async def check_free(self, snapshot: Snapshot, turn_id: str) -> None:
        """Raise SessionBusy when another turn is under way; a head that was ended from outside is recorded first."""
        session = snapshot.session
        if (
            session is None
            or not session.lane
            or session.knows(turn_id)
            or await self.keeper.evict_ended_head(snapshot)
        ):
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
                record = await self.keeper.settled_record(session, entry)
                self.keeper.wake_head(session)
                return Done(record)
            position = session.position(entry.id) if session is not None else None
            if session is None or position is None:
                if (old := await self._records.find_turn(entry.id)) is None:
                    if if_busy == "reject":
                        late = self._clock() - entry.accepted_at > DOOR_PATIENCE
                        return Withdrawn() if late else Queued(0)
                    await self.check_not_erased(session_id, entry.accepted_at)
                    await self.join(session_id, user_id, entry, if_busy)
                elif not await self._knows(session_id, entry.id):
                    return Done(old)  # so long ago that the session forgot
            elif position == 0:
                return Admitted(session, snapshot.etag or "", snapshot.user)
            elif not await self.keeper.evict_ended_head(snapshot):
                return Queued(position)

    async def commit(self, turn: TurnRecord, admitted: Admitted) -> TurnRecord:
        """Commit the turn and wake the next; returns the record that counts, another execution's if it was faster."""
        session, etag = admitted.session, admitted.etag
        while True:
            change = commit_turns(session, turn)
            if await self._records.commit(change, etag):
                self.keeper.wake_head(change.session)
                return turn
            log.info("commit.lost_guard", turn=turn.workflow_instance_id, session=turn.session_id)
            match await self._stand_again(turn, change):
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
                return await self.keeper.settled_record(session, entry)
            if place.cancelled_at is not None:
                return cancelled_turn(session, place, place.cancelled_at)
            turn = cancelled_turn(session, place, now)
            if session.head == place:
                change = commit_turns(session, turn)
                if await self._records.commit(change, etag):
                    await self.keeper.after_closing(session, change.session, *change.closed)
                    return turn
            elif await self._records.write(cancel_waiting(session, entry.id, now), etag):
                await self.keeper.after_closing(session, session, turn)
                return turn

    def wake(self, session_id: str, turn_id: str) -> None:
        """Let a turn that waits look where it stands."""
        self._waits.wake(session_id, turn_id)

    async def settle(self, session_id: str) -> SessionRecord | None:
        """The session, after any head whose workflow was ended from outside has been recorded as such."""
        return await self.keeper.settle(session_id)

    async def _stand_again(self, turn: TurnRecord, lost: Commit) -> Standing:
        """After a lost commit. Some stores have applied a part of it, which must not outlive an erased session."""
        try:
            return await self.stand(turn.session_id, turn.user_id, _entry_of(turn))
        except TurnWithdrawn:
            if self._erasable is not None:
                applied = (*lost.closed, *lost.sealed)
                await self._erasable.drop_turns(record.workflow_instance_id for record in applied)
                await self._erasable.unlist_session(turn.user_id, turn.session_id)
            raise

    async def check_not_erased(self, session_id: str, since: datetime) -> None:
        """Raise TurnWithdrawn for what is from before its session was erased."""
        erased = await self._erasable.erased_at(session_id) if self._erasable is not None else None
        if erased is not None and since <= erased:
            raise TurnWithdrawn("this session was erased while the message was being accepted; send it again")

    async def _knows(self, session_id: str, turn_id: str) -> bool:
        """Whether the turn has come to the session meanwhile; then its own record may be a lost execution's."""
        session = (await self._records.read(session_id)).session
        return session is not None and session.knows(turn_id)


def _entry_of(turn: TurnRecord) -> LaneEntry:
    """The place in the lane that the turn had."""
    first = turn.messages[0]
    return LaneEntry(
        id=turn.workflow_instance_id,
        message=first.content,
        accepted_at=turn.created_at,
        trace=turn.trace,
        door=turn.door,
        notice=first.metadata if first.role == "assistant" else None,
    )


def owned(session: SessionRecord, user_id: str) -> SessionRecord:
    """The session, when it is this user's; raises OwnedByAnother otherwise."""
    if session.user_id != user_id:
        raise OwnedByAnother(f"session {session.session_id!r} is not yours; choose another session_id")
    return session
