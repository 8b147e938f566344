"""The circuit breaker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.domain.breaker import Breaker

OPEN_FOR = 5.0


class Time:
    """A clock that is told when to go on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _opened() -> tuple[Breaker, Time]:
    time = Time()
    breaker = Breaker(3, OPEN_FOR, time)
    for _ in range(3):
        assert breaker.seconds_to_wait() == 0
        breaker.failed()
    return breaker, time


def test_it_opens_after_so_many_troubles_in_a_row() -> None:
    """Two troubles and a success leave it closed; three in a row open it, and then nobody asks."""
    breaker = Breaker(3, OPEN_FOR, Time())
    assert [breaker.failed(), breaker.failed()] == [False, False]
    breaker.succeeded()
    assert [breaker.failed(), breaker.failed(), breaker.failed()] == [False, False, True]
    assert str(breaker.state) == "open"
    assert 0 < breaker.seconds_to_wait() <= OPEN_FOR


def test_half_open_lets_one_through_who_decides() -> None:
    """After its time one request goes through; its success closes the breaker."""
    breaker, time = _opened()
    time.now = OPEN_FOR
    assert str(breaker.state) == "half-open"
    assert breaker.seconds_to_wait() == 0
    assert breaker.seconds_to_wait() > 0, "only one"
    breaker.succeeded()
    assert str(breaker.state) == "closed"


def test_a_probe_that_takes_long_keeps_nobody_out() -> None:
    """While an earlier one is pending the next may ask after the same time; the first to be answered closes it."""
    breaker, time = _opened()
    time.now = OPEN_FOR
    assert breaker.seconds_to_wait() == 0
    time.now += 2
    assert breaker.seconds_to_wait() == OPEN_FOR - 2
    time.now += OPEN_FOR - 2
    assert breaker.seconds_to_wait() == 0
    assert breaker.seconds_to_wait() == OPEN_FOR
    breaker.succeeded()
    assert breaker.seconds_to_wait() == 0


def test_a_failed_probe_opens_it_again() -> None:
    """The probe's trouble opens the breaker for its whole time again."""
    breaker, time = _opened()
    time.now = OPEN_FOR
    assert breaker.seconds_to_wait() == 0
    assert breaker.failed()
    assert breaker.seconds_to_wait() == OPEN_FOR


def test_a_probe_that_gave_up_lets_the_next_one_try() -> None:
    """A probe that was cancelled decides nothing and blocks nobody."""
    breaker, time = _opened()
    time.now = OPEN_FOR
    breaker.seconds_to_wait()
    breaker.gave_up()
    assert breaker.seconds_to_wait() == 0


@given(st.lists(st.sampled_from(["ask", "ok", "bad", "cancel", "time"]), max_size=60))
def test_it_never_blocks_for_ever(steps: list[str]) -> None:
    """Whatever happened, when all who asked have ended and time has passed, somebody may ask again."""
    time, asked = Time(), 0
    breaker = Breaker(2, OPEN_FOR, time)
    for step in steps:
        if step == "time":
            time.now += 2
        elif step == "ask":
            asked += breaker.seconds_to_wait() == 0
        elif asked:
            asked -= 1
            {"ok": breaker.succeeded, "bad": breaker.failed, "cancel": breaker.gave_up}[step]()
    for _ in range(asked):
        breaker.failed()
    time.now += OPEN_FOR
    assert breaker.seconds_to_wait() == 0
