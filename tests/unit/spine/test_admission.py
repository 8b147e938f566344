"""How many turns may be in progress."""

from __future__ import annotations

import asyncio

import pytest

from travelbuddy.admission import AT_ONCE, FORGET, LONGEST_WAIT, Admission
from travelbuddy.errors import Overloaded


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def _let_in(admission: Admission, *turn_ids: str) -> None:
    for turn_id in turn_ids:
        async with admission.entering() as accepted_as:
            accepted_as(turn_id)


async def test_at_the_limit_nobody_is_let_in() -> None:
    """The limit counts turns in progress and messages that are just being accepted."""
    admission = Admission(2, Clock())
    async with admission.entering():
        await _let_in(admission, "a")
        with pytest.raises(Overloaded):
            await _let_in(admission, "b")
    assert (admission.in_progress, admission.refused) == (1, 1)
    await _let_in(admission, "b")
    with pytest.raises(Overloaded):
        await _let_in(admission, "c")


async def test_the_end_of_a_turn_makes_room_once() -> None:
    """A turn that is over, however often that is told, frees one place; an unknown one frees none."""
    admission = Admission(2, Clock())
    await _let_in(admission, "a", "b")
    for _ in range(3):
        admission.over("a")
        admission.over("never seen")
    assert admission.in_progress == 1


async def test_a_message_that_is_refused_further_in_gives_its_place_back() -> None:
    """When accepting fails, the place is free again."""
    admission = Admission(1, Clock())
    with pytest.raises(ValueError, match="no"):
        async with admission.entering():
            raise ValueError("no")
    assert admission.in_progress == 0


async def test_who_is_sent_away_is_told_how_long_turns_take_now() -> None:
    """Retry-After follows the time that turns took lately, from one second to half a minute."""
    clock = Clock()
    admission = Admission(1, clock)

    async def told() -> float:
        with pytest.raises(Overloaded) as refused:
            await _let_in(admission, "refused")
        assert refused.value.retry_after is not None
        return refused.value.retry_after

    await _let_in(admission, "first")
    assert await told() == 1
    for number in range(100):
        admission.over("first" if number == 0 else f"{number - 1}")
        await _let_in(admission, f"{number}")
        clock.now += 8
    assert 6 <= await told() <= 9
    for number in range(100, 200):
        admission.over(f"{number - 1}")
        await _let_in(admission, f"{number}")
        clock.now += 500
    assert await told() == LONGEST_WAIT


async def test_a_turn_whose_end_is_never_told_is_forgotten() -> None:
    """A lost notice takes a place for ten minutes, not for ever."""
    clock = Clock()
    admission = Admission(1, clock)
    await _let_in(admission, "lost")
    clock.now += FORGET + 1
    await _let_in(admission, "next")
    assert admission.in_progress == 1


async def test_a_few_are_accepted_side_by_side_and_the_others_wait_outside() -> None:
    """Of many that come at once eight are at work; all of them count as in progress, and all get in."""
    admission, at_work, most = Admission(100, Clock()), 0, 0

    async def come() -> None:
        nonlocal at_work, most
        async with admission.entering():
            at_work += 1
            most = max(most, at_work)
            await asyncio.sleep(0.001)
            at_work -= 1

    coming = [asyncio.create_task(come()) for _ in range(40)]
    await asyncio.sleep(0)
    assert admission.in_progress == 40
    await asyncio.gather(*coming)
    assert most == AT_ONCE
    assert admission.in_progress == 0
