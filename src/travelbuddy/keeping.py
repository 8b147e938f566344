"""Keeping lanes in order: waking the next, ending what was closed, recording what ended by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from travelbuddy.adapters.ports import ENDED, SessionRecords, Snapshot, TurnEngine
from travelbuddy.domain.conversation import LaneEntry, SessionRecord, TurnRecord, closed_unanswered, commit_turns
from travelbuddy.errors import StoreUnavailable

log = structlog.get_logger(__name__)

ENDED_OUTSIDE = "This request was cancelled before it was answered."
BROKE_DOWN = "Something went wrong while answering this request."


class Keeper:
    """What every part of the session protocol does after, or before, its own change."""

    def __init__(
        self,
        records: SessionRecords,
        engine: TurnEngine,
        clock: Callable[[], datetime],
        announce: Callable[[TurnRecord], None],
    ) -> None:
        self._records = records
        self._engine = engine
        self._clock = clock
        self._announce = announce

    async def settle(self, session_id: str) -> SessionRecord | None:
        """The session, after any head whose workflow was ended from outside has been recorded as such."""
        while True:
            snapshot = await self._records.read(session_id)
            if snapshot.session is None or snapshot.session.head is None:
                return snapshot.session
            if not await self.evict_ended_head(snapshot):
                return snapshot.session

    async def wake_head(self, session: SessionRecord) -> None:
        """Tell the turn at the head that it is its turn."""
        if session.head is not None:
            await self._engine.wake(session.head.id)

    async def after_closing(self, session: SessionRecord, *closed: TurnRecord) -> None:
        """Let the next turn begin, and stop what still works on the closed ones; a notice's workflow sends it out."""
        for turn in closed:
            self._announce(turn)
        await self.wake_head(session)
        for turn in closed:
            end = self._engine.wake if turn.outcome == "answered" else self._engine.terminate
            try:
                await end(turn.workflow_instance_id)
            except StoreUnavailable as down:  # it will find its turn done and end by itself
                log.warning("turn.not_terminated", turn=turn.workflow_instance_id, reason=str(down))

    async def evict_ended_head(self, snapshot: Snapshot) -> bool:
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
            await self.settled_record(now.session, head)
        return True

    async def repair(self, session_id: str, refused: Iterable[TurnRecord]) -> None:
        """After a refused change that would have closed these turns: put right the records of those that are done.

        One that is not done writes its record itself, later.
        """
        session = (await self._records.read(session_id)).session
        for turn in refused:
            inline = session.turn(turn.workflow_instance_id) if session is not None else None
            if inline is not None and inline != await self._records.find_turn(turn.workflow_instance_id):
                await self._records.restore_turn(inline)

    async def settled_record(self, session: SessionRecord, entry: LaneEntry) -> TurnRecord:
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
