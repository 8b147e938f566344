"""Removing a user's keys from the state store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime

from pydantic import BaseModel

from travelbuddy.adapters.dapr_open_sessions import DaprOpenSessions
from travelbuddy.adapters.dapr_records import DAY, DaprRecords, corrupt_key
from travelbuddy.adapters.dapr_store import Put
from travelbuddy.domain.conversation import SessionRecord
from travelbuddy.domain.users import SessionIndex

TOMBSTONE_TTL = DAY + 3_600
"""Longer than an engine with the shipped retention keeps an instance that could come back."""
USER_TTL = 30 * DAY


class Tombstone(BaseModel):
    """All that is left of an erased session, under a key from which nobody can tell its name."""

    at: datetime


class DaprErasableRecords:
    """The ErasableRecords port."""

    def __init__(
        self, records: DaprRecords, clock: Callable[[], datetime], open_sessions: DaprOpenSessions | None = None
    ) -> None:
        self._records = records
        self._clock = clock
        self._open = open_sessions or DaprOpenSessions(records, "", clock)

    async def mark_erased(self, session_id: str) -> None:
        """See ErasableRecords."""
        await self._records.put(Put(_tombstone(session_id), Tombstone(at=self._clock()), TOMBSTONE_TTL))

    async def erased_at(self, session_id: str) -> datetime | None:
        """See ErasableRecords."""
        key = _tombstone(session_id)
        (stored,) = await self._records.read(key)
        tombstone = await self._records.parse(Tombstone, key, stored)
        return tombstone.at if tombstone is not None else None

    async def turns_of(self, session_id: str) -> tuple[list[str], str] | None:
        """See ErasableRecords."""
        key = f"session:{session_id}"
        (stored,) = await self._records.read(key)
        if stored.etag is None:
            return None
        session = await self._records.parse(SessionRecord, key, stored)
        if session is None:
            return [], stored.etag
        waiting = (instance_id for entry in session.lane for instance_id in entry.instance_ids)
        return [*session.turn_ids, *session.successors, *waiting], stored.etag

    async def drop_session(self, session_id: str, user_id: str, etag: str) -> bool:
        """See ErasableRecords."""
        return await self._records.delete(f"session:{session_id}", etag)

    async def drop_turns(self, turn_ids: Iterable[str]) -> None:
        """See ErasableRecords."""
        for turn_id in turn_ids:
            await self._drop(f"turn:{turn_id}")

    async def unlist_session(self, user_id: str, session_id: str) -> None:
        """See ErasableRecords."""
        await self._open.forget(session_id)
        await self._drop(f"tally:{user_id}/{session_id}")
        await self._records.delete(corrupt_key(f"session:{session_id}"))
        key = f"sessions:{user_id}"
        while True:
            (stored,) = await self._records.read(key)
            index = await self._records.parse(SessionIndex, key, stored)
            if index is None or session_id not in index.sessions:
                return
            left = index.without(session_id)
            smaller = Put(key, left, USER_TTL, stored.etag)
            if await (self._records.write(smaller) if left.sessions else self._records.delete(key, stored.etag)):
                return

    async def session_ids(self, user_id: str) -> list[str]:
        """See ErasableRecords."""
        key = f"sessions:{user_id}"
        (stored,) = await self._records.read(key)
        index = await self._records.parse(SessionIndex, key, stored)
        return [*index.sessions] if index is not None else []

    async def drop_user(self, user_id: str) -> None:
        """See ErasableRecords."""
        await self._drop(f"user:{user_id}")
        await self._records.delete(corrupt_key(f"sessions:{user_id}"))

    async def _drop(self, key: str) -> None:
        """Delete a value, and what was set aside of it."""
        await self._records.delete(key)
        await self._records.delete(corrupt_key(key))


def _tombstone(session_id: str) -> str:
    return f"erased:{hashlib.sha256(session_id.encode()).hexdigest()[:32]}"
