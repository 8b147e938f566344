"""Which sessions may have open turns, so that somebody looks at them when the replica that accepted them is gone.

key                  content                                          lifetime after the last write
open:<replica>/<n>   OpenSlot: a session that this replica accepted   7 days
replicas             Replicas: who has such slots, under its ETag     400 days

A slot is written in the same request as the session's record, and only when the session has none yet: a conversation
that goes on costs nothing. It is not cleared when the turn is over, but used again for another session; so there are
about as many slots as sessions were open at once, however many there are in all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from cachetools import LRUCache
from pydantic import BaseModel, ConfigDict, Field

from travelbuddy.adapters.dapr_records import DAY, DaprRecords
from travelbuddy.adapters.dapr_store import Put
from travelbuddy.domain.conversation import SessionRecord

SLOTS = 64
"""Slots that are kept for sessions without an open turn, and slots read in one request."""
SLOT_TTL = 7 * DAY
REPLICAS = "replicas"
AGAIN_AFTER = timedelta(days=1)
"""After which a slot is written again, so that it does not expire."""
FORGOTTEN_AFTER = timedelta(days=7)
"""After which a replica that has not come back is forgotten, with its slots."""


class OpenSlot(BaseModel):
    """One session that may have open turns."""

    model_config = ConfigDict(frozen=True)

    session_id: str


class Replicas(BaseModel):
    """The replicas that accept messages, each with the day when it last began."""

    model_config = ConfigDict(frozen=True)

    begun: dict[str, datetime] = Field(default_factory=dict)


class Note:
    """What is to be written along with a session's record."""

    def __init__(self, puts: tuple[Put, ...], written: Callable[[], None]) -> None:
        self.puts = puts
        self._written = written

    def done(self, written: bool) -> bool:
        """The outcome of the write, which is noted."""
        if written:
            self._written()
        return written


class _Slot:
    def __init__(self, number: int) -> None:
        self.number = number
        self.open = True
        self.written_at: datetime | None = None


class DaprOpenSessions:
    """The OpenSessions port."""

    def __init__(self, records: DaprRecords, replica: str, clock: Callable[[], datetime]) -> None:
        """``replica`` is the name of this one; without a name nothing is noted."""
        self._records = records
        self._replica = replica
        self._clock = clock
        self._open: dict[str, _Slot] = {}
        self._idle: LRUCache[str, _Slot] = LRUCache(float("inf"))
        self._next = 0
        self._known = not replica
        self._reading = asyncio.Lock()

    @asynccontextmanager
    async def noting(self, session: SessionRecord) -> AsyncIterator[Note]:
        """What to write with this session's record, so that it is found while it has open turns.

        Raises StoreUnavailable when the slots of this replica's life before cannot be read.
        """
        await self._know_slots()
        session_id = session.session_id
        if not session.lane:
            self.over(session_id)
        slot = self._slot(session_id) if session.lane and self._replica else None
        if slot is None or (slot.written_at is not None and self._clock() - slot.written_at < AGAIN_AFTER):
            yield Note((), lambda: None)
            return

        def written() -> None:
            slot.written_at = self._clock()

        yield Note((Put(_key(self._replica, slot.number), OpenSlot(session_id=session_id), SLOT_TTL),), written)

    def over(self, session_id: str) -> None:
        """See OpenSessions."""
        if (slot := self._open.pop(session_id, None)) is not None:
            self._idle[session_id] = slot

    async def begin(self) -> list[str]:
        """See OpenSessions."""
        await self._join()
        await self._know_slots()
        return [*self._open, *self._idle]

    async def of_others(self) -> list[str]:
        """See OpenSessions."""
        (stored,) = await self._records.read(REPLICAS)
        replicas = await self._records.parse(Replicas, REPLICAS, stored) or Replicas()
        found = [await self._sessions_of(name) for name in replicas.begun if name != self._replica]
        return [session_id for sessions in found for session_id in sessions if session_id is not None]

    async def forget(self, session_id: str) -> None:
        """Delete what names this session, of whichever replica."""
        self._open.pop(session_id, None)
        self._idle.pop(session_id, None)
        (stored,) = await self._records.read(REPLICAS)
        replicas = await self._records.parse(Replicas, REPLICAS, stored) or Replicas()
        for name in replicas.begun:
            for number, named in enumerate(await self._sessions_of(name)):
                if named == session_id:
                    await self._records.put(Put(_key(name, number), OpenSlot(session_id=""), SLOT_TTL))

    async def _know_slots(self) -> None:
        """Take over the slots of this replica's life before, once: what they name must be looked at before it is gone.

        A message may be accepted before anybody has looked; its slot must not be one of those.
        """
        async with self._reading:
            if self._known:
                return
            found = await self._sessions_of(self._replica)
            for number, session_id in enumerate(found):
                if session_id is not None:
                    self._open[session_id] = slot = _Slot(number)
                    slot.written_at = self._clock() - AGAIN_AFTER
            self._next, self._known = len(found), True

    def _slot(self, session_id: str) -> _Slot:
        """The session's slot: its own, else one that is not used any more, else a new one."""
        slot = self._open.get(session_id) or self._idle.pop(session_id, None)
        if slot is None:
            if len(self._idle) >= SLOTS:
                _, slot = self._idle.popitem()
                slot.written_at = None
            else:
                slot, self._next = _Slot(self._next), self._next + 1
        self._open[session_id] = slot
        return slot

    async def _join(self) -> None:
        """Note that this replica is there, and forget those that have not come back for long."""
        while True:
            (stored,) = await self._records.read(REPLICAS)
            known, now = await self._records.parse(Replicas, REPLICAS, stored) or Replicas(), self._clock()
            begun = {name: at for name, at in known.begun.items() if now - at < FORGOTTEN_AFTER}
            changed = Replicas(begun={**begun, self._replica: now})
            if await self._records.write(Put(REPLICAS, changed, 400 * DAY, stored.etag)):
                return

    async def _sessions_of(self, replica: str) -> list[str | None]:
        """What a replica's slots name, by number; None where one is empty."""
        found: list[str | None] = []
        while True:
            keys = [_key(replica, number) for number in range(len(found), len(found) + SLOTS)]
            slots = [
                await self._records.parse(OpenSlot, key, stored)
                for key, stored in zip(keys, await self._records.read(*keys), strict=True)
            ]
            if not any(slots):
                return found
            found += [slot.session_id or None if slot is not None else None for slot in slots]


def _key(replica: str, number: int) -> str:
    return f"open:{replica}/{number}"
