"""Turns that wait on a replica: woken at once, by whoever knows; and none of it is needed for them to go on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.spine.test_live_timeline import Link, Wire

from travelbuddy import queue_waits
from travelbuddy.domain.conversation import LaneEntry, SessionRecord, enter_lane, new_session
from travelbuddy.liveness import Liveness
from travelbuddy.queue_waits import QueueWaits
from travelbuddy.workflow.contracts import AwaitTurnInput, PauseInput

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROMPT = 2.0


def _waits(wire: Wire, name: str = "here") -> QueueWaits:
    return QueueWaits(Link(wire, name), lambda: NOW)


def _wait(turn: str, position: int = 1) -> AwaitTurnInput:
    return AwaitTurnInput(user_id="ada", session_id="s", turn_id=turn, position=position)


def _session(*turns: str) -> SessionRecord:
    session = new_session("s", "ada", NOW)
    for turn in turns:
        session = enter_lane(session, LaneEntry(id=turn, message="hi", accepted_at=NOW))
    return session


async def _begun(waits: QueueWaits, *turns: str) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(waits.await_turn(turn, _wait(turn))) for turn in turns]
    await asyncio.sleep(0)
    return tasks


async def test_a_turn_that_waits_here_is_woken() -> None:
    """Of all that wait only the one that is called goes on."""
    waits = _waits(Wire())
    first, second = await _begun(waits, "a", "b")
    waits.wake("s", "a")
    await asyncio.wait_for(first, PROMPT)
    assert not second.done()
    second.cancel()


async def test_a_turn_that_waits_elsewhere_is_woken_there() -> None:
    """The wake-up goes to all replicas, and the one on which the turn waits lets it go on."""
    wire = Wire()
    here, there = _waits(wire, "here"), _waits(wire, "there")
    (waiting,) = await _begun(there, "a")
    here.wake("s", "a")
    await asyncio.wait_for(waiting, PROMPT)


async def test_both_executions_of_one_wait_are_woken() -> None:
    """An old one may be alive beside a new one, and the end of either leaves the other waiting."""
    waits = _waits(Wire())
    old, new = await _begun(waits, "a", "a")
    old.cancel()
    await asyncio.gather(old, return_exceptions=True)
    assert waits.sessions == {"s"}
    waits.wake("s", "a")
    await asyncio.wait_for(new, PROMPT)
    assert not waits.sessions


async def test_a_look_at_the_record_wakes_who_is_at_the_head_or_done() -> None:
    """A wake-up that was lost is made up for; who stands behind others, or is not let in yet, waits on."""
    waits = _waits(Wire())
    head, behind, outside = await _begun(waits, "a", "b", "c")
    waits.seen("s", _session("a", "b"))
    await asyncio.wait_for(head, PROMPT)
    await asyncio.sleep(0)
    assert not behind.done()
    assert not outside.done()
    waits.seen("s", None)
    await asyncio.wait_for(asyncio.gather(behind, outside), PROMPT)


async def test_a_turn_that_waits_on_is_told_each_place_it_comes_to() -> None:
    """Whoever waits elsewhere too: a turn that goes on has the record looked at wherever others of its session wait."""
    wire = Wire()
    here, there = _waits(wire, "here"), _waits(wire, "there")
    moved, asked = list[tuple[str, int]](), list[str]()
    there.on_moved(lambda turn, place: moved.append((turn, place)))
    waiting = asyncio.create_task(there.await_turn("c", _wait("c", 2)))
    await asyncio.sleep(0)
    there.on_waiting(asked.append)
    there.seen("s", _session("a", "b", "c"))
    assert moved == [], "nothing has changed"
    here.wake("s", "b")
    assert asked == ["s"]
    there.seen("s", _session("b", "c"))
    there.seen("s", _session("b", "c"))
    assert moved == [("c", 1)]
    waiting.cancel()


async def test_whoever_begins_to_wait_has_the_record_looked_at() -> None:
    """The turn before it may have ended in the moment before."""
    waits, asked = _waits(Wire()), list[str]()
    waits.on_waiting(asked.append)
    (waiting,) = await _begun(waits, "a")
    assert asked == ["s"]
    waiting.cancel()


async def test_a_wait_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing rests on being woken."""
    monkeypatch.setattr(queue_waits, "LONGEST", 0.05)
    await asyncio.wait_for(_waits(Wire()).await_turn("a", _wait("a")), PROMPT)


async def test_a_pause_that_is_run_again_waits_for_what_is_left() -> None:
    """Its moment is in its input, so one that is over is no wait."""
    waits = _waits(Wire())
    await asyncio.wait_for(waits.pause("a", PauseInput(user_id="ada", until=NOW - timedelta(hours=1))), PROMPT)
    waiting = asyncio.create_task(waits.pause("a", PauseInput(user_id="ada", until=NOW + timedelta(hours=1))))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    waiting.cancel()


async def test_replicas_say_what_they_work_on() -> None:
    """What another replica executes is claimed; what nobody does is not, and one without an answer claims nothing."""
    wire = Wire()
    here = Liveness(Link(wire, "here"), lambda: {"mine"})
    Liveness(Link(wire, "there"), lambda: {"theirs"})
    assert await here.claimed(["mine"]) == {"mine"}
    assert await here.claimed(["mine", "theirs", "nobodys"]) == {"mine", "theirs"}
