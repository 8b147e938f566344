"""Keeping session queues in order: waking the next turn, ending what was closed, replacing what Dapr cannot run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial
from typing import Protocol

import structlog

from travelbuddy.adapters.ports import SessionRecords, Snapshot, TurnEngine
from travelbuddy.domain.conversation import (
    LaneEntry,
    Outcome,
    SessionRecord,
    TurnRecord,
    closed_unanswered,
    commit_turns,
    succeed,
)
from travelbuddy.errors import StoreUnavailable
from travelbuddy.side_by_side import Together
from travelbuddy.turn_policy import TurnPolicy

log = structlog.get_logger(__name__)

ENDED_OUTSIDE = "This request was cancelled before it was answered."
BROKE_DOWN = "Something went wrong while answering this request."
MAX_RUNS = 5
"""Instances of a turn that may end in failure one after the other; the next one is the turn's outcome."""


class Waits(Protocol):
    """Who waits at which replica, as QueueWaits knows it."""

    def wake(self, session_id: str, turn_id: str) -> None:
        """Let the turn look where it stands. Never waits and never fails."""
        ...


class Keeper:
    """What every part of the session protocol does after, or before, its own change."""

    def __init__(
        self,
        records: SessionRecords,
        engine: TurnEngine,
        clock: Callable[[], datetime],
        announce: Callable[[TurnRecord], None],
        waits: Waits,
        policy: TurnPolicy,
        together: Together,
    ) -> None:
        self._together = together
        self._records = records
        self._engine = engine
        self._clock = clock
        self._announce = announce
        self._waits = waits
        self._policy = policy

    async def settle(self, session_id: str) -> SessionRecord | None:
        """The session, after any head whose workflow was ended from outside has been recorded as such.

        Whoever reads is not kept from it by an engine that does not answer.
        """
        while True:
            snapshot = await self._records.read(session_id)
            try:
                if not await self.evict_ended_head(snapshot):
                    return snapshot.session
            except StoreUnavailable as down:
                log.warning("lane.not_looked_at", session=session_id, reason=str(down))
                return snapshot.session

    def wake_head(self, session: SessionRecord) -> None:
        """Tell the turn at the head that it is its turn."""
        if session.head is not None:
            self._waits.wake(session.session_id, session.head.id)

    async def after_closing(self, before: SessionRecord, after: SessionRecord, *closed: TurnRecord) -> None:
        """Let the next turn begin, and stop what still works on the closed ones; a notice's workflow sends it out."""
        for turn in closed:
            self._announce(turn)
        self.wake_head(after)
        for turn in closed:
            if turn.outcome == "answered":
                self._waits.wake(after.session_id, turn.workflow_instance_id)
            elif (entry := before.entry(turn.workflow_instance_id)) is not None:
                await self.terminate(entry.instance_id)

    async def evict_ended_head(self, snapshot: Snapshot) -> bool:
        """Record a head as cancelled whose workflow somebody terminated from outside. True: read the session again.

        What Dapr has lost or cannot read is no cancellation: the reconciler replaces it.
        """
        session = snapshot.session
        if session is None or session.head is None or snapshot.etag is None:
            return False
        if (await self._engine.status(session.head.instance_id)).state != "terminated":
            return False
        return await self.cancel_head(snapshot)

    async def cancel_head(self, snapshot: Snapshot) -> bool:
        """Record a head as cancelled that was ended from outside. True: read the session again."""
        session = snapshot.session
        if session is None or session.head is None:
            return False
        return await self._close_head(snapshot, session.head, "cancelled", ENDED_OUTSIDE)

    async def replace(self, snapshot: Snapshot, turn_ids: Collection[str]) -> list[str]:
        """Carry these waiting turns on by successor instances; returns those replaced, which are to be ended.

        None are when somebody changed the session meanwhile. The record names the successors first. Whoever dies before
        they are started leaves instances that Dapr does not know, which the next look replaces in turn. An instance
        that is not quite as lost as it seems does no harm: the guard of the session's record makes one commit of all.
        """
        session, etag = snapshot.session, snapshot.etag
        if session is None or etag is None:
            return []
        changed = succeed(session, turn_ids)
        if not await self._records.write(changed, etag):
            return []
        replaced = [(old, new) for old, new in zip(session.lane, changed.lane, strict=True) if new.run > old.run]
        await self._together([partial(self._begin_successor, session, new) for _, new in replaced])
        return [old.instance_id for old, _ in replaced]

    async def _begin_successor(self, session: SessionRecord, entry: LaneEntry) -> None:
        payload = self._policy.input_of(entry, session.user_id, session.session_id).wire()
        await self._engine.schedule(entry.instance_id, payload)
        log.warning("turn.taken_over", turn=entry.id, session=session.session_id, instance=entry.instance_id)

    async def give_up_head(self, snapshot: Snapshot) -> bool:
        """Record a head as failed whose instances break down again and again. True: read the session again."""
        session = snapshot.session
        if session is None or session.head is None:
            return False
        return await self._close_head(snapshot, session.head, "failed", BROKE_DOWN)

    async def _close_head(self, snapshot: Snapshot, head: LaneEntry, outcome: Outcome, note: str) -> bool:
        session = snapshot.session
        if session is None or snapshot.etag is None:
            return False
        turn = closed_unanswered(session, head, outcome, note, self._clock())
        change = commit_turns(session, turn)
        if await self._records.commit(change, snapshot.etag):
            log.warning("lane.evicted", turn=head.id, session=session.session_id, outcome=outcome)
            self._announce(turn)
            self.wake_head(change.session)
            return True
        now = await self._records.read(session.session_id)
        if now.session is not None and now.session.done(head.id):
            await self.settled_record(now.session, head)
        return True

    async def terminate(self, instance_id: str) -> None:
        """End an instance that is not needed any more; one that goes on all the same finds its turn done."""
        try:
            await self._engine.terminate(instance_id)
        except StoreUnavailable as down:
            log.warning("turn.not_terminated", turn=instance_id, reason=str(down))

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
