"""The cache of users' records is never older than what was asked for, nor than a write here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from travelbuddy.adapters.caching import CachedUsers
from travelbuddy.domain.users import UserRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Store:
    """Users' records that change with each merge; ``gate`` holds reads back."""

    def __init__(self) -> None:
        self.record = UserRecord(user_id="u", context={}, updated_at=NOW)
        self.reads = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def user(self, user_id: str, at_least: datetime | None = None) -> UserRecord | None:
        self.reads += 1
        seen = self.record
        await self.gate.wait()
        return seen

    async def merge_user(self, user_id: str, changes: Mapping[str, JsonValue]) -> UserRecord:
        self.record = self.record.merged(changes, self.record.updated_at + timedelta(seconds=1))
        return self.record


async def test_the_second_read_is_a_hit() -> None:
    """A record is read once, and every read is counted as hit or miss."""
    store, asked = Store(), list[bool]()
    users = CachedUsers(store, lambda user: None, asked.append)
    assert await users.user("u") == await users.user("u") == store.record
    assert (store.reads, asked) == (1, [False, True])


async def test_a_write_is_seen_at_once_and_told() -> None:
    """After a change here the next read has it, and the others are told whose record it was."""
    store, told = Store(), list[str]()
    users = CachedUsers(store, told.append)
    await users.user("u")
    merged = await users.merge_user("u", {"name": "Ada"})
    assert await users.user("u") == merged
    assert told == ["u"]


async def test_a_copy_older_than_asked_for_does_not_count() -> None:
    """Who has seen a newer record than the copy gets the newer one, though no message came."""
    store = Store()
    users = CachedUsers(store, lambda user: None)
    await users.user("u")
    newer = await store.merge_user("u", {"home_airport": "OSL"})
    assert await users.user("u", newer.updated_at) == newer


async def test_a_message_from_another_replica_makes_it_read_anew() -> None:
    """Forgotten, the record is read again."""
    store = Store()
    users = CachedUsers(store, lambda user: None)
    await users.user("u")
    newer = await store.merge_user("u", {"name": "Ada"})
    users.forget("u")
    assert await users.user("u") == newer


async def test_a_slow_read_does_not_bring_an_old_record_back() -> None:
    """A read that began before a write and ends after it is not kept."""
    store = Store()
    users = CachedUsers(store, lambda user: None)
    store.gate.clear()
    slow = asyncio.create_task(users.user("u"))
    await asyncio.sleep(0)
    merged = await users.merge_user("u", {"name": "Ada"})
    store.gate.set()
    await slow
    assert await users.user("u") == merged
