"""How many turns may be in progress."""

from __future__ import annotations

import pytest

from travelbuddy.admission import FORGET, LONGEST_WAIT, Admission
from travelbuddy.errors import Overloaded


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _let_in(admission: Admission, *turn_ids: str) -> None:
    for turn_id in turn_ids:
        with admission.entering() as accepted_as:
            accepted_as(turn_id)


def test_at_the_limit_nobody_is_let_in() -> None:
    """The limit counts turns in progress and messages that are just being accepted."""
    admission = Admission(2, Clock())
    with admission.entering():
        _let_in(admission, "a")
        with pytest.raises(Overloaded), admission.entering():
            pass
    assert (admission.in_progress, admission.refused) == (1, 1)
    _let_in(admission, "b")
    with pytest.raises(Overloaded), admission.entering():
        pass


def test_the_end_of_a_turn_makes_room_once() -> None:
    """A turn that is over, however often that is told, frees one place; an unknown one frees none."""
    admission = Admission(2, Clock())
    _let_in(admission, "a", "b")
    for _ in range(3):
        admission.over("a")
        admission.over("never seen")
    assert admission.in_progress == 1


def test_a_message_that_is_refused_further_in_gives_its_place_back() -> None:
    """When accepting fails, the place is free again."""
    admission = Admission(1, Clock())
    with pytest.raises(ValueError, match="no"), admission.entering():
        raise ValueError("no")
    assert admission.in_progress == 0


def test_who_is_sent_away_is_told_how_long_turns_take_now() -> None:
    """Retry-After follows the time that turns took lately, from one second to half a minute."""
    clock = Clock()
    admission = Admission(1, clock)

    def told() -> float:
        with pytest.raises(Overloaded) as refused, admission.entering():
            pass
        assert refused.value.retry_after is not None
        return refused.value.retry_after

    _let_in(admission, "first")
    assert told() == 1
    for number in range(100):
        admission.over("first" if number == 0 else f"{number - 1}")
        _let_in(admission, f"{number}")
        clock.now += 8
    assert 6 <= told() <= 9
    for number in range(100, 200):
        admission.over(f"{number - 1}")
        _let_in(admission, f"{number}")
        clock.now += 500
    assert told() == LONGEST_WAIT


def test_a_turn_whose_end_is_never_told_is_forgotten() -> None:
    """A lost notice takes a place for ten minutes, not for ever."""
    clock = Clock()
    admission = Admission(1, clock)
    _let_in(admission, "lost")
    clock.now += FORGET + 1
    _let_in(admission, "next")
    assert admission.in_progress == 1
