"""Errands in the store: listed with their user, guarded, and gone when they are erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from tests.property.simulation import MemoryRecords

from travelbuddy.adapters.dapr_errands import DaprErrandIndexes, DaprErrands
from travelbuddy.domain.errands import LISTED, LISTED_FOR, Errand, ErrandIndex
from travelbuddy.incoming import errand_id_for, turn_prefix

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Wait(Errand):
    """An errand that only waits."""

    kind: Literal["booking"] = "booking"
    state: str = "open"


class Look(Errand):
    """One of the other kind."""

    kind: Literal["fare_watch"] = "fare_watch"


def _wait(number: int, user: str = "ada", at: datetime = NOW) -> Wait:
    return Wait(id=f"w{number}", user_id=user, session_id="s", created_at=at)


def _store() -> MemoryRecords:
    return MemoryRecords(applies_refused=False)


async def test_an_errand_is_created_once_and_changed_under_its_guard() -> None:
    """A second creation changes nothing; a change with an old ETag is refused."""
    errands = DaprErrands(_store(), Wait)
    assert await errands.create(_wait(1))
    assert not await errands.create(_wait(1).model_copy(update={"state": "other"}))
    found = await errands.find("w1")
    assert found is not None
    assert found[0] == _wait(1)
    assert await errands.replace(_wait(1).model_copy(update={"state": "over"}), found[1])
    assert not await errands.replace(_wait(1), found[1])


async def test_a_user_has_the_errands_of_each_kind_newest_first() -> None:
    """Only the user's own, only those of the kind, and no record is read as one of another kind."""
    store = _store()
    waits, looks = DaprErrands(store, Wait), DaprErrands(store, Look)
    for number in (1, 2):
        await waits.create(_wait(number))
    await waits.create(_wait(3, "bob"))
    await looks.create(Look(id="l1", user_id="ada", session_id="s", created_at=NOW))
    assert [errand.id for errand in await waits.of("ada")] == ["w2", "w1"]
    assert [errand.id for errand in await looks.of("ada")] == ["l1"]
    assert await waits.of("nobody") == []
    assert await waits.find("l1") is None


async def test_what_is_erased_leaves_no_key() -> None:
    """After dropping a user's errands nothing of them is stored, and a late write is refused."""
    store = _store()
    errands, indexes = DaprErrands(store, Wait), DaprErrandIndexes(store)
    await errands.create(_wait(1))
    found = await errands.find("w1")
    assert found is not None
    marks = await indexes.marks("ada")
    await indexes.delete(marks)
    await indexes.unlist("ada", marks)
    assert not store.rows
    assert not await errands.replace(_wait(1), found[1])


def test_an_index_does_not_grow_for_ever() -> None:
    """It holds so many errands at most, and none that is too old."""
    index = ErrandIndex(user_id="ada")
    for number in range(LISTED + 5):
        index = index.noted(_wait(number))
    assert len(index.errands) == LISTED
    assert "w4" not in index.errands
    later = index.noted(_wait(999, at=NOW + LISTED_FOR))
    assert [*later.errands] == ["w999"]


def test_the_id_of_an_errand_is_the_same_for_the_same_wish() -> None:
    """Same user, kind and key: same id, with the user's prefix; any other: another."""
    ids = {
        errand_id_for(user, kind, key)
        for user in ("ada", "bob")
        for kind in ("booking", "fare_watch")
        for key in ("1", "2")
    }
    assert len(ids) == 8
    assert errand_id_for("ada", "booking", "1") in ids
    assert all(each.startswith((turn_prefix("ada"), turn_prefix("bob"))) for each in ids)
    assert all(each.replace("-", "").isalnum() for each in ids)


def test_an_open_errand_outlives_any_flight_on_sale() -> None:
    """An open record is kept for longer than a year."""
    assert timedelta(days=366) < LISTED_FOR
