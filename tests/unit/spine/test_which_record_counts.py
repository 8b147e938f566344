"""Of a turn's two copies the one under the session's guard counts, whoever asks (ARC-005)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.property.simulation import SESSION, USER, World

from travelbuddy.domain.conversation import CANCELLED, LaneEntry, closed_unanswered, commit_turns
from travelbuddy.incoming import Incoming

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def _accepted(world: World) -> str:
    return (await world.turns.accept(Incoming(USER, SESSION, "hello"))).turn_id


async def _leave_a_false_record(world: World, turn_id: str) -> None:
    """What a store that applies the rest of a refused transaction keeps of an interruption that came too late."""
    entry = LaneEntry(id=turn_id, message="hello", accepted_at=NOW)
    await world.memory.restore_turn(closed_unanswered(world.session, entry, "interrupted", "interrupted", NOW))


async def test_a_turn_in_the_lane_is_not_over_whatever_its_record_says() -> None:
    """Nobody is told an outcome that may yet become another one."""
    world = World([], applies_refused=True)
    turn_id = await _accepted(world)
    await _leave_a_false_record(world, turn_id)
    assert (await world.turns.view(turn_id)).status == "running"


@pytest.mark.parametrize("kept", [True, False])
async def test_the_sessions_copy_goes_before_the_turns_own_record(kept: bool) -> None:
    """A turn whose session has its outcome is shown with that one; its own record counts when there is no copy."""
    world = World([], applies_refused=True)
    turn_id = await _accepted(world)
    session, etag = await world.memory._existing(SESSION)
    entry = LaneEntry(id=turn_id, message="hello", accepted_at=NOW)
    done = commit_turns(session, closed_unanswered(session, entry, "cancelled", CANCELLED, NOW))
    if not kept:
        done = done._replace(session=done.session.model_copy(update={"turns": ()}))
    assert await world.memory.commit(done, etag)
    await _leave_a_false_record(world, turn_id)
    assert (await world.turns.view(turn_id)).status == ("cancelled" if kept else "interrupted")
