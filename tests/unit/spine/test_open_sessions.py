"""Which sessions may have open turns: found after a crash by whoever is left, at no cost for those that are idle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.property.simulation import MemoryRecords

from travelbuddy.adapters.dapr_open_sessions import SLOTS, DaprOpenSessions
from travelbuddy.domain.conversation import LaneEntry, SessionRecord, enter_lane, new_session

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time, as the test sets it."""
    return Clock()


@pytest.fixture
def records() -> MemoryRecords:
    """An empty store."""
    return MemoryRecords(applies_refused=False)


def _open(session_id: str) -> SessionRecord:
    entry = LaneEntry(id=f"turn-{session_id}", message="hi", accepted_at=NOW)
    return enter_lane(new_session(session_id, "ada", NOW), entry)


async def _accepted(
    index: DaprOpenSessions, records: MemoryRecords, session: SessionRecord, *, written: bool = True
) -> int:
    """Write a session as the storage does; returns how many keys went along."""
    async with index.noting(session) as note:
        for put in note.puts:
            await records.put(put)
        note.done(written)
        return len(note.puts)


async def test_what_a_replica_left_open_is_found_when_it_is_back_and_by_the_others(
    records: MemoryRecords, clock: Clock
) -> None:
    """The sessions with an open turn stand in the store before anybody is told that a message is accepted."""
    here = DaprOpenSessions(records, "here", clock)
    await here.begin()
    for name in ("a", "b", "c"):
        assert await _accepted(here, records, _open(name)) == 1
    assert await DaprOpenSessions(records, "here", clock).begin() == ["a", "b", "c"]
    there = DaprOpenSessions(records, "there", clock)
    assert await there.begin() == []
    assert sorted(await there.of_others()) == ["a", "b", "c"]


async def test_a_message_that_comes_before_anybody_looked_overwrites_nothing(
    records: MemoryRecords, clock: Clock
) -> None:
    """A replica that was killed accepts messages again at once; what it left open is still found then."""
    await _accepted(DaprOpenSessions(records, "here", clock), records, _open("before"))
    again = DaprOpenSessions(records, "here", clock)
    await _accepted(again, records, _open("after"))
    assert sorted(await again.begin()) == ["after", "before"]


async def test_a_conversation_that_goes_on_costs_nothing_more(records: MemoryRecords, clock: Clock) -> None:
    """Only the first open turn of a session is written along, and again after a day, before it expires."""
    index = DaprOpenSessions(records, "here", clock)
    assert await _accepted(index, records, _open("a")) == 1
    for _ in range(5):
        index.over("a")
        assert await _accepted(index, records, _open("a")) == 0
    clock.now += timedelta(days=1, minutes=1)
    assert await _accepted(index, records, _open("a")) == 1


async def test_a_refused_write_is_written_along_again(records: MemoryRecords, clock: Clock) -> None:
    """Whoever lost the guard has perhaps not stored what went along."""
    index = DaprOpenSessions(records, "here", clock)
    assert await _accepted(index, records, _open("a"), written=False) == 1
    assert await _accepted(index, records, _open("a")) == 1


async def test_ten_thousand_idle_sessions_are_a_few_dozen_slots(records: MemoryRecords, clock: Clock) -> None:
    """What is stored follows from how many were open at once, not from how many there ever were."""
    index = DaprOpenSessions(records, "here", clock)
    for number in range(10_000):
        session = _open(f"s{number}")
        await _accepted(index, records, session)
        index.over(session.session_id)
    assert len([key for key in records.rows if key.startswith("open:")]) == SLOTS
    again = DaprOpenSessions(records, "here", clock)
    assert len(await again.begin()) == SLOTS


async def test_open_sessions_never_share_a_slot(records: MemoryRecords, clock: Clock) -> None:
    """However many are open at once, each is found."""
    index = DaprOpenSessions(records, "here", clock)
    names = [f"s{number}" for number in range(3 * SLOTS)]
    for name in names:
        await _accepted(index, records, _open(name))
    assert sorted(await DaprOpenSessions(records, "here", clock).begin()) == sorted(names)


async def test_an_erased_session_is_named_nowhere(records: MemoryRecords, clock: Clock) -> None:
    """Neither by the replica that erases it nor by another."""
    for replica in ("here", "there"):
        index = DaprOpenSessions(records, replica, clock)
        await index.begin()
        await _accepted(index, records, _open("secret"))
        await _accepted(index, records, _open("other"))
    await index.forget("secret")
    assert not [key for key, (data, _) in records.rows.items() if b"secret" in data]
    assert await index.of_others() == ["other"]


async def test_a_replica_that_has_not_come_back_for_a_week_is_forgotten(records: MemoryRecords, clock: Clock) -> None:
    """Names of replicas change with every deployment of some platforms; the list of them does not grow."""
    await DaprOpenSessions(records, "old", clock).begin()
    clock.now += timedelta(days=8)
    index = DaprOpenSessions(records, "new", clock)
    await index.begin()
    (data, _) = records.rows["replicas"]
    assert b"old" not in data
