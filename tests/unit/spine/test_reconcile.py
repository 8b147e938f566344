"""Which sessions a replica looks at: a session with an open turn is never dropped, whoever accepted the turn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from travelbuddy.adapters.ports import EngineStatus, Snapshot
from travelbuddy.domain.conversation import LaneEntry, SessionRecord, enter_lane, new_session
from travelbuddy.reconcile import ENTERED_WITHIN, Reconciler
from travelbuddy.side_by_side import side_by_side

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EMPTY = new_session("s", "ada", NOW)


def _with(turn_id: str) -> SessionRecord:
    return enter_lane(EMPTY, LaneEntry(id=turn_id, message="hi", accepted_at=NOW))


class World:
    """One session's record, an engine that runs whatever is asked for, and what happens during a look."""

    def __init__(self) -> None:
        self.session = EMPTY
        self.now = 1000.0
        self.during_a_look: Callable[[], None] = lambda: None
        self.forgotten: list[str] = []
        nothing = SimpleNamespace(
            on_waiting=lambda look: None, seen=lambda *seen: None, sessions=frozenset(), on=lambda *what: None, name="r"
        )
        index = SimpleNamespace(over=self.forgotten.append)
        self.reconciler = Reconciler(
            *(self, self, SimpleNamespace(), nothing, self, index, nothing),  # type: ignore[arg-type]
            taken_over=lambda trouble: None,
            together=side_by_side,
            clock=lambda: self.now,
        )

    async def read_all(self, session_ids: Sequence[str]) -> list[Snapshot]:
        """The record, and then time passes until it is looked at."""
        read = [Snapshot(self.session, "1") for _ in session_ids]
        self.during_a_look()
        return read

    async def claimed(self, instance_ids: Collection[str]) -> set[str]:
        """All is worked on."""
        return set(instance_ids)

    async def status(self, turn_id: str) -> EngineStatus:
        """All runs."""
        return EngineStatus("running")

    async def probe(self) -> bool:
        """It moves."""
        return True

    async def look(self) -> None:
        """One look at the session."""
        await self.reconciler._look_at(["s"])


@pytest.fixture
def world() -> World:
    """A session without a turn."""
    return World()


async def test_a_turn_that_is_accepted_during_a_look_is_looked_at(world: World) -> None:
    """The look has read an empty queue before; it must not drop the session."""

    def accept() -> None:
        world.reconciler.opened("s", "new")
        world.session = _with("new")

    world.reconciler.opened("s", "old")
    world.reconciler.over("old")
    world.during_a_look = accept
    world.forgotten.clear()
    await world.look()
    assert world.forgotten == []


async def test_a_turn_that_does_not_stand_in_the_queue_yet_is_looked_at(world: World) -> None:
    """Between being accepted and entering the queue a turn is in no record; a minute later it never will be."""
    world.reconciler.opened("s", "new")
    await world.look()
    assert world.forgotten == []
    world.now += ENTERED_WITHIN + 1
    await world.look()
    assert world.forgotten == ["s"]


async def test_the_end_of_a_turn_accepted_here_leaves_what_was_open_before(world: World) -> None:
    """After a restart the session is found by its slot; a new turn in it that ends says nothing of older ones."""
    world.session = _with("older")
    world.reconciler._look_at_all(["s"])
    world.reconciler.opened("s", "new")
    world.reconciler.over("new")
    assert world.forgotten == []
    world.session = EMPTY
    await world.look()
    assert world.forgotten == ["s"]


async def test_a_session_whose_turns_are_over_costs_no_look(world: World) -> None:
    """Where all was accepted here, the end of the last turn is enough."""
    world.reconciler.opened("s", "one")
    world.reconciler.opened("s", "two")
    world.reconciler.over("one")
    assert world.forgotten == []
    world.reconciler.over("two")
    assert world.forgotten == ["s"]
