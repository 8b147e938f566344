"""Readiness asks the store by writing, seldom and within a bound, and says in our words what is wrong."""

from __future__ import annotations

import asyncio
import time

import pytest

from travelbuddy.errors import StoreNotAsked, StoreUnavailable
from travelbuddy.readiness import Readiness


class Store:
    """Counts what it is asked; ``trouble`` is raised by writes, ``closed`` by reads."""

    def __init__(self) -> None:
        self.now = 100.0
        self.writes = 0
        self.trouble: Exception | None = None
        self.closed: Exception | None = None
        self.going = asyncio.Event()
        self.going.set()

    async def write(self) -> None:
        self.writes += 1
        await self.going.wait()
        if self.trouble is not None:
            raise self.trouble

    async def read(self) -> None:
        if self.closed is not None:
            raise self.closed

    def readiness(self, within: float = 5) -> Readiness:
        return Readiness(self.write, self.read, within=within, clock=lambda: self.now)


async def test_probes_share_one_write_a_second() -> None:
    """A hundred at once, and all within the second, cost one write and hear its outcome; the next second asks anew."""
    store = Store()
    store.going.clear()
    readiness = store.readiness()
    probes = [asyncio.create_task(readiness.lacking()) for _ in range(100)]
    await asyncio.sleep(0)
    probes[0].cancel()
    store.trouble = StoreUnavailable("the state store is not available: READONLY You can't write against a replica")
    store.going.set()
    heard = await asyncio.gather(*probes, return_exceptions=True)
    assert isinstance(heard[0], asyncio.CancelledError), "one that hung up takes nothing from the others"
    assert set(heard[1:]) == {"state store: cannot be written: it is read-only"}
    store.now, store.trouble = 100.9, None
    assert await readiness.lacking() == heard[1]
    assert store.writes == 1
    store.now = 101.0
    assert await readiness.lacking() is None
    assert store.writes == 2


@pytest.mark.alone
async def test_a_store_that_hangs_is_told_within_the_bound() -> None:
    """Nobody waits for longer than the bound, and nothing goes on waiting afterwards."""
    store = Store()
    store.going.clear()
    began = time.monotonic()
    assert await store.readiness(within=0.05).lacking() == "state store: no answer within 0.05 s"
    assert time.monotonic() - began < 2
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "failed to set: OOM command not allowed when used memory > 'maxmemory'.",
            ": cannot be written: its memory is full",
        ),
        ("MISCONF Redis is configured to save RDB snapshots", ": cannot be written: it fails to save to its disk"),
        ("cannot execute INSERT in a read-only transaction", ": cannot be written: it is read-only"),
        ("could not extend file: No space left on device", ": cannot be written: its disk is full"),
        ("attempt to write a readonly database", ": cannot be written: it is read-only"),
        ("NOPERM this user has no permissions on 'session:ada'", ": cannot be written: it does not permit it"),
        ("dial tcp redis.example:6379: connection refused", ""),
    ],
)
async def test_a_refusal_is_told_without_names(words: str, said: str) -> None:
    """The probe hears why, and no key and no address of what the store said."""
    store = Store()
    store.trouble = StoreUnavailable(f"the state store is not available: {words}")
    assert await store.readiness().lacking() == f"state store{said}"


async def test_a_store_that_the_service_does_not_ask_is_not_ready() -> None:
    """While the breaker is open messages are turned away, though the write of the probe goes past it."""
    store = Store()
    store.closed = StoreNotAsked("the state store is failing; it was not asked again yet", retry_after=1)
    assert await store.readiness().lacking() == "state store"
