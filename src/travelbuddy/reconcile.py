"""Somebody always looks: what is accepted and not over is looked at until it is, with no client's help.

Each replica looks after the turns that it accepted, which it has in memory, and after those that wait on it. When it
starts it also looks at the sessions that it and others left open, as the store notes them; and at those of a replica
that has not been heard of for a while. Finished turns and idle sessions cost nothing.

A look at a session wakes a turn that waits here and is at the head, and finds out whether Dapr still carries the open
turns out. An instance that failed, is lost, cannot be read, or has nobody working on it gets a successor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol

from cachetools import TTLCache
from pydantic import ValidationError

from travelbuddy.adapters.ports import OpenSessions, ReplicaLink, SessionRecords, Snapshot, TurnEngine
from travelbuddy.domain.conversation import LaneEntry, SessionRecord
from travelbuddy.errors import CannotOpen
from travelbuddy.keeping import MAX_RUNS, Keeper
from travelbuddy.queue_waits import QueueWaits
from travelbuddy.rounds import troubles_logged
from travelbuddy.side_by_side import Together
from travelbuddy.suspicions import Suspicions
from travelbuddy.workflow.contracts import TURN_WORKFLOW, TurnInput

FIRST_LOOK = 3.0
"""Seconds after which a turn that is not over yet is looked at for the first time; most are over by then."""
LOOK_EVERY = 5.0
"""Seconds between two looks at the same session, later twice as long."""
LATER = 30.0
SUSPECT_EVERY = 1.0
"""Seconds until a session is looked at again in which something seems to be wrong."""
ENTERED_WITHIN = 60.0
"""Seconds in which a turn that was accepted stands in its session's queue, or never will."""
AT_ONCE = 20
"""Sessions read in one request."""
LOOKS_A_SECOND = 40
"""Sessions looked at: when so many are open that this is not enough, looks must not be what slows them."""
LOOKS_AT_ONCE = 200
TRUSTED = 10.0
"""Seconds for which a head that somebody works on is well without the engine's being asked."""
HEARTBEAT = 10.0
SILENT_AFTER = 35.0
"""Seconds between two signs of life of a replica, and without one after which others look at what it left open."""
SEARCH_EVERY = 2.0
"""Seconds between two searches through all queues for a turn of which the engine says nothing."""
_PAUSE = 1.0


class Claims(Protocol):
    """Who works on what, as Liveness knows it."""

    async def claimed(self, instance_ids: Collection[str]) -> set[str]:
        """Those of the instances that some replica works on now."""
        ...


@dataclass
class _Watched:
    """A session with open turns: which of them were accepted here, and when it is looked at next.

    ``left``: it may have other open turns, so its record alone tells when all are over.
    """

    turns: set[str] = field(default_factory=set)
    since: float = 0.0
    next_look: float = 0.0
    accepted_at: float = float("-inf")
    left: bool = False


class Reconciler:
    """Over the session protocol, the engine, who waits here, and which sessions are noted as open."""

    def __init__(
        self,
        records: SessionRecords,
        engine: TurnEngine,
        keeper: Keeper,
        waits: QueueWaits,
        claims: Claims,
        open_sessions: OpenSessions,
        link: ReplicaLink,
        taken_over: Callable[[str], None],
        together: Together,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``taken_over`` is told what was wrong with the instance of each turn that got another one."""
        self._taken_over = taken_over
        self._together = together
        self._records = records
        self._engine = engine
        self._keeper = keeper
        self._waits = waits
        self._claims = claims
        self._index = open_sessions
        self._link = link
        self._clock = clock
        self._sessions: dict[str, _Watched] = {}
        self._session_of: dict[str, str] = {}
        self._suspicions = Suspicions("turn", engine.probe, clock)
        self._soon: set[str] = set()
        self._terminated: TTLCache[str, bool] = TTLCache(10_000, 600)
        self._asked = asyncio.Event()
        self._replaced: asyncio.Queue[str] = asyncio.Queue()
        self._heard: dict[str, float] = {}
        self._searched_at = float("-inf")
        self._queued: dict[str, str] = {}
        self._searching = asyncio.Lock()
        waits.on_waiting(self.look_soon)
        link.on("alive", lambda notice: self._on_alive(str(notice["replica"])))

    # what it is told

    def opened(self, session_id: str, turn_id: str) -> None:
        """A turn of this session was accepted here."""
        watched = self._watched(session_id, FIRST_LOOK)
        watched.turns.add(turn_id)
        watched.accepted_at = self._clock()
        self._session_of[turn_id] = session_id

    def over(self, turn_id: str) -> None:
        """The turn has its outcome."""
        session_id = self._session_of.pop(turn_id, None)
        watched = self._sessions.get(session_id or "")
        if session_id is None or watched is None:
            return
        watched.turns.discard(turn_id)
        if not watched.turns and not watched.left and session_id not in self._waits.sessions:
            self._forget(session_id)

    def look_soon(self, session_id: str) -> None:
        """A turn of this session begins to wait here, or somebody has seen that something is wrong with it."""
        self._watched(session_id, FIRST_LOOK)
        self._soon.add(session_id)
        self._asked.set()

    def broken(self, workflow: str, instance_id: str, payload: Any, terminated: bool) -> None:
        """An instance was ended from outside; or it failed, as one does that another version began.

        One that was ended may be purged before anybody looks, and is remembered for that.
        """
        if workflow == TURN_WORKFLOW:
            with suppress(ValidationError):
                watched = self._watched(TurnInput.model_validate(payload).session_id, 0.0)
                watched.next_look, watched.left = 0.0, True
                if terminated:
                    self._terminated[instance_id] = True

    async def session_of(self, turn_id: str) -> str | None:
        """The session of an open turn: as it was accepted here, else by the queues of all sessions noted as open."""
        if (known := self._session_of.get(turn_id)) is not None:
            return known
        async with self._searching:  # whoever asks for made-up ids costs one search now and then
            if turn_id not in self._queued and self._clock() - self._searched_at >= SEARCH_EVERY:
                noted = await self._read({*self._sessions, *await self._index.of_others()})
                found = (snapshot.session for snapshot in noted.values() if snapshot.session is not None)
                self._queued = {entry.id: session.session_id for session in found for entry in session.lane}
                self._searched_at = self._clock()
        return self._queued.get(turn_id)

    # what it does

    async def run(self) -> None:
        """Look until cancelled, for one life of the sidecar: what seemed wrong before counts anew."""
        self._suspicions.clear()
        tasks = {
            asyncio.create_task(part())
            for part in (self._admit, self._look, self._end_replaced, self._sweep, self._say_alive)
        }
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _admit(self) -> None:
        """Wake whoever waits here and is at the head by now: one read of a session, however many wait in it."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            asked, self._soon = self._soon, set()
            with troubles_logged("reconciler", "queues"):
                for session_id, snapshot in (await self._read(asked)).items():
                    self._waits.seen(session_id, snapshot.session)

    async def _look(self) -> None:
        before = self._clock() - _PAUSE
        while True:
            now = self._clock()
            looks = min(round(LOOKS_A_SECOND * (now - before)), LOOKS_AT_ONCE)
            due = sorted((s for s, w in self._sessions.items() if w.next_look <= now), key=self._due)[:looks]
            before = now
            for session_id in due:
                self._plan(session_id, now)
            if due:
                with troubles_logged("reconciler", "looks"):
                    await self._look_at(due)
            await asyncio.sleep(_PAUSE)

    async def _end_replaced(self) -> None:
        """End the instances that were replaced, one by one: when many are lost at once, their successors come first."""
        while True:
            replaced = await self._replaced.get()
            with troubles_logged("reconciler", "replaced"):
                await self._keeper.terminate(replaced)

    async def _sweep(self) -> None:
        """Look at what was left open: at the start by all, later by replicas that are not heard of any more."""
        found: set[str] | None = None
        while found is None:
            with troubles_logged("reconciler", "sweep"):
                found = {*await self._index.begin(), *await self._index.of_others()}
                self._look_at_all(found)
            await asyncio.sleep(_PAUSE)
        while True:
            await asyncio.sleep(HEARTBEAT)
            now = self._clock()
            if silent := [name for name, heard in self._heard.items() if now - heard > SILENT_AFTER]:
                with troubles_logged("reconciler", "sweep"):
                    self._look_at_all(await self._index.of_others())
                    for name in silent:
                        del self._heard[name]

    async def _say_alive(self) -> None:
        while True:
            self._link.broadcast({"kind": "alive", "replica": self._link.name})
            await asyncio.sleep(HEARTBEAT)

    def _on_alive(self, replica: str) -> None:
        self._heard[replica] = self._clock()

    def _look_at_all(self, session_ids: Collection[str]) -> None:
        for session_id in session_ids:
            self._watched(session_id, 0.0).left = True

    async def _look_at(self, session_ids: list[str]) -> None:
        """One look at each of these sessions."""
        snapshots = await self._read(session_ids)
        instances = [
            entry.instance_id
            for snapshot in snapshots.values()
            if snapshot.session is not None
            for entry in snapshot.session.lane
            if entry.cancelled_at is None
        ]
        claimed = await self._claims.claimed(instances) if instances else set()
        await self._together([partial(self._put_right, each, snapshots[each], claimed) for each in snapshots])

    async def _put_right(self, session_id: str, snapshot: Snapshot, claimed: set[str]) -> None:
        """Close the heads of a session that are over, one after the other, and replace what is lost."""
        self._waits.seen(session_id, snapshot.session)
        with troubles_logged("reconciler", "look"):
            while (session := snapshot.session) is not None and session.head is not None:
                verdict = await self._check(snapshot, session, claimed)
                if verdict == "suspicious":
                    self._watched(session_id, 0.0).next_look = self._clock() + SUSPECT_EVERY
                if verdict != "closed":
                    return
                snapshot = await self._records.read(session_id)
            if session_id not in self._waits.sessions and self._is_over(session_id, snapshot.session):
                self._forget(session_id)

    async def _check(
        self, snapshot: Snapshot, session: SessionRecord, claimed: set[str]
    ) -> Literal["closed", "suspicious", "well"]:
        """Put right what is wrong with the session's open turns; ``closed``: its head was over, so read it again."""
        lost: dict[str, str] = {}
        suspicious = False
        for position, entry, trouble in await self._troubles(session, claimed):
            if trouble == "terminated":
                if position == 0:
                    await self._keeper.cancel_head(snapshot)
                    return "closed"
                continue
            if trouble is None:
                self._suspicions.drop(entry.instance_id)
                continue
            suspicious = True
            if await self._certain(entry, trouble):
                lost[entry.id] = trouble
        if lost and session.lane[0].id in lost and session.lane[0].run >= MAX_RUNS and await self._broke_down(session):
            await self._keeper.give_up_head(snapshot)
            return "closed"
        if lost and (replaced := await self._keeper.replace(snapshot, lost)):
            for instance_id in replaced:
                self._replaced.put_nowait(instance_id)
            for trouble in lost.values():
                self._taken_over(trouble)
        return "suspicious" if suspicious else "well"

    async def _troubles(self, session: SessionRecord, claimed: set[str]) -> list[tuple[int, LaneEntry, str | None]]:
        """What seems to be wrong with the instance of each open turn, with its place in the queue; None for nothing.

        The engine is not asked of a turn that somebody works on, unless it is the head and has been for long.
        """
        trusted = self._clock() - self._watched(session.session_id, 0.0).since < TRUSTED
        open_turns = [(place, entry) for place, entry in enumerate(session.lane) if entry.cancelled_at is None]

        async def trouble(place: int, entry: LaneEntry) -> str | None:
            busy = entry.instance_id in claimed
            if busy and (place > 0 or trusted) and entry.instance_id not in self._terminated:
                return None
            if not busy and self._suspicions.trouble_of(entry.instance_id) == "idle":
                return "idle"  # as the engine has said: asked at each look, it would be slowed when many are lost
            return await self._trouble(entry, busy=busy)

        found = await self._together([partial(trouble, place, entry) for place, entry in open_turns])
        return [(place, entry, each) for (place, entry), each in zip(open_turns, found, strict=True)]

    async def _trouble(self, entry: LaneEntry, *, busy: bool) -> str | None:
        """What seems to be wrong with the turn's instance, by the engine's word."""
        state = (await self._engine.status(entry.instance_id)).state
        if state == "missing" and entry.instance_id in self._terminated:
            state = "terminated"
        match state:
            case "terminated" | "missing" | "unreadable":
                return state
            case "completed" | "failed":
                return "ended"
            case "running" if not busy:
                return "idle"
        return None

    async def _certain(self, entry: LaneEntry, trouble: str) -> bool:
        """Whether the trouble has lasted at every look, and is there by the engine's word of now."""
        if not await self._suspicions.certain(entry.instance_id, trouble):
            return False
        if trouble != "idle" or await self._trouble(entry, busy=False) == "idle":
            return True
        self._suspicions.drop(entry.instance_id)
        return False

    async def _broke_down(self, session: SessionRecord) -> bool:
        return (await self._engine.status(session.lane[0].instance_id)).state == "failed"

    # its sessions

    async def _read(self, session_ids: Collection[str]) -> dict[str, Snapshot]:
        """The sessions, without those of which this replica has no key."""
        found: dict[str, Snapshot] = {}
        for start in range(0, len(ids := sorted(session_ids)), AT_ONCE):
            part = ids[start : start + AT_ONCE]
            try:
                found.update(zip(part, await self._records.read_all(part), strict=True))
            except CannotOpen:
                found.update(await self._read_each(part))
        return found

    async def _read_each(self, session_ids: list[str]) -> dict[str, Snapshot]:
        found: dict[str, Snapshot] = {}
        for session_id in session_ids:
            with suppress(CannotOpen):
                found[session_id] = await self._records.read(session_id)
        return found

    def _watched(self, session_id: str, within: float) -> _Watched:
        """The session among those that are looked at, for the first time within so many seconds."""
        if (watched := self._sessions.get(session_id)) is None:
            now = self._clock()
            watched = self._sessions[session_id] = _Watched(since=now, next_look=now + within)
        return watched

    def _due(self, session_id: str) -> float:
        return self._sessions[session_id].next_look

    def _plan(self, session_id: str, now: float) -> None:
        watched = self._sessions[session_id]
        watched.next_look = now + (LOOK_EVERY if now - watched.since < LATER else 2 * LOOK_EVERY)

    def _is_over(self, session_id: str, session: SessionRecord | None) -> bool:
        """Whether a session with an empty queue has no open turn; one just accepted may not stand there yet."""
        watched = self._sessions.get(session_id)
        if watched is None or self._clock() - watched.accepted_at > ENTERED_WITHIN:
            return True
        return all(session is not None and session.done(turn_id) for turn_id in watched.turns)

    def _forget(self, session_id: str) -> None:
        watched = self._sessions.pop(session_id, None)
        for turn_id in watched.turns if watched is not None else ():
            self._session_of.pop(turn_id, None)
        self._index.over(session_id)
