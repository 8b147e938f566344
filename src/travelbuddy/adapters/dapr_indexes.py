"""Which sessions a user has and what they are called, in the Dapr state store: one record a user, under its ETag."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from travelbuddy.adapters.dapr_records import DAY, DaprRecords
from travelbuddy.adapters.dapr_store import Put
from travelbuddy.domain.accounts import SESSION_LIFETIME
from travelbuddy.domain.users import SessionIndex

USER_TTL = 30 * DAY


class DaprSessionIndexes:
    """The part of SessionRecords that lists a user's sessions, and the port Titles."""

    def __init__(self, records: DaprRecords, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._clock = clock

    async def index_session(self, user_id: str, session_id: str, beginning: str | None = None) -> None:
        """See SessionRecords."""
        while True:
            index, etag = await self._index(user_id)
            now, since = self._clock(), index.sessions.get(session_id)
            if beginning is not None and since is not None and now - since <= SESSION_LIFETIME:
                return
            known = beginning is None and since is not None
            if await self._records.write(_put(index if known else index.begun(session_id, now, beginning), etag)):
                return

    async def sessions_of(self, user_id: str) -> SessionIndex:
        """See SessionRecords."""
        return (await self._index(user_id))[0]

    async def retitle(self, user_id: str, session_id: str, title: str | None) -> SessionIndex | None:
        """See Titles."""
        while True:
            index, etag = await self._index(user_id)
            if session_id not in index.sessions:
                return None
            titled = index.titled(session_id, title)
            if titled == index or await self._records.write(_put(titled, etag)):
                return titled

    async def _index(self, user_id: str) -> tuple[SessionIndex, str | None]:
        key = _key(user_id)
        (stored,) = await self._records.read(key)
        index = await self._records.parse(SessionIndex, key, stored)
        return index or SessionIndex(user_id=user_id), stored.etag


def _key(user_id: str) -> str:
    return f"sessions:{user_id}"


def _put(index: SessionIndex, etag: str | None) -> Put:
    return Put(_key(index.user_id), index, USER_TTL, etag)
