"""Users' records kept for a while: what is read is never older than what a turn's prompt has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from cachetools import TTLCache
from pydantic import JsonValue

from travelbuddy.adapters.ports import UserRecords
from travelbuddy.domain.users import UserRecord
from travelbuddy.telemetry import audit

SECONDS = 300.0
KEPT = 10_000


class CachedUsers:
    """UserRecords over another one, with a copy of each record for five minutes.

    ``changed`` is told of every user whose record was written here, so that other replicas forget theirs; ``asked``
    of every read, whether the copy answered it.
    """

    def __init__(
        self, users: UserRecords, changed: Callable[[str], None], asked: Callable[[bool], None] = lambda hit: None
    ) -> None:
        self._users = users
        self._changed = changed
        self._asked = asked
        self._copies: TTLCache[str, UserRecord | None] = TTLCache(KEPT, SECONDS)
        self._epoch = 0

    async def user(self, user_id: str, at_least: datetime | None = None) -> UserRecord | None:
        """See UserRecords. A copy older than ``at_least`` does not count."""
        if user_id in self._copies:
            copy: UserRecord | None = self._copies[user_id]
            if at_least is None or (copy is not None and copy.updated_at >= at_least):
                self._asked(True)
                audit.record("read", [f"user:{user_id}"], "cached")
                return copy
        self._asked(False)
        epoch = self._epoch
        record = await self._users.user(user_id)
        if epoch == self._epoch:  # else somebody wrote while this was being read, and it may be old already
            self._copies[user_id] = record
        return record

    async def merge_user(self, user_id: str, changes: Mapping[str, JsonValue]) -> UserRecord:
        """See UserRecords."""
        try:
            return await self._users.merge_user(user_id, changes)
        finally:
            self.forgotten(user_id)

    def forgotten(self, user_id: str) -> None:
        """The record was changed or erased here: forget the copy, also on the other replicas."""
        self.forget(user_id)
        self._changed(user_id)

    def forget(self, user_id: str) -> None:
        """Read the user anew the next time: the record was changed, here or on another replica."""
        self._epoch += 1
        self._copies.pop(user_id, None)
