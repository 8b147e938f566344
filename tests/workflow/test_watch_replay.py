"""The generator of the fare watch, replayed from its history after every step."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.workflow.replay import START, Replay

from travelbuddy.workflow.fare_watch import ATTEMPTS, fare_watch, pause
from travelbuddy.workflow.watch_payloads import FARE_WATCH, WatchInput

HOUR = 3600.0
DONE: dict[str, Any] = {}
TELL, WEBHOOK, OVER, RETRY = ({"kind": kind} for kind in ("tell", "webhook", "over", "retry"))


def _begin(number: int = 0, ends: timedelta = timedelta(days=30)) -> Replay:
    begun = START if number else START + timedelta(minutes=5)  # whoever begins it does not wait for its grid
    inp = WatchInput(user_id="ada", grid=begun, every=HOUR, ends_at=START + ends, number=number)
    return Replay(inp.wire(), name=FARE_WATCH, workflow=fare_watch)


def _next(replay: Replay) -> WatchInput:
    assert replay.continued is not None
    return WatchInput.model_validate(replay.continued)


def test_a_period_is_a_timer_and_one_look() -> None:
    """A life of the instance waits until its look is due, looks, and goes on as new with the next number."""
    replay = _begin(number=3)
    assert replay.next == ["timer"]
    assert replay.time_passes() == pytest.approx(3 * HOUR, abs=1)
    assert replay.asked == [("check_fare", {"user_id": "ada", "number": 3})]
    replay.complete(DONE)
    assert _next(replay).number == 4


def test_the_first_look_is_at_once() -> None:
    """Whoever begins a watch does not wait for its first look."""
    assert _begin().next == ["check_fare"]


def test_the_payload_does_not_grow() -> None:
    """What goes into the next life is what came into this one, but for the number."""
    replay = _begin(number=3)
    replay.time_passes()
    replay.complete(TELL)
    replay.complete(WEBHOOK)
    replay.complete(DONE)
    assert _next(replay).model_copy(update={"number": 3}) == _next(_life(3)).model_copy(update={"number": 3})


def _life(number: int) -> Replay:
    replay = _begin(number)
    replay.time_passes()
    replay.complete(DONE)
    return replay


def test_missed_looks_are_made_up_for_by_one() -> None:
    """After an outage of five periods the look is taken once, and the next is due on the grid again."""
    replay = Replay(
        WatchInput(
            user_id="ada",
            grid=START - 5.5 * timedelta(hours=1),
            every=HOUR,
            ends_at=START + timedelta(days=1),
            number=1,
        ).wire(),
        name=FARE_WATCH,
        workflow=fare_watch,
    )
    assert replay.next == ["check_fare"]
    replay.complete(DONE)
    assert _next(replay).number == 6
    assert _next(replay).due == START + timedelta(minutes=30)


def test_a_fall_is_told_before_the_next_period() -> None:
    """The notice first, then the webhook where there is one, then the next life."""
    replay = _begin()
    replay.complete(TELL)
    assert replay.next == ["tell_fare"]
    replay.complete(WEBHOOK)
    assert replay.next == ["send_webhook"]
    replay.complete(DONE)
    assert _next(replay).number == 1
    replay = _begin()
    replay.complete(TELL)
    replay.complete(DONE)
    assert _next(replay).number == 1


def test_a_webhook_is_tried_again_with_durable_timers() -> None:
    """Each pause is longer than the one before; the last attempt knows that it is; the grid is kept."""
    replay, pauses = _begin(), []
    replay.complete(TELL)
    replay.complete(WEBHOOK)
    for attempt in range(1, ATTEMPTS + 1):
        assert replay.asked[-1][1].get("last_attempt", False) == (attempt == ATTEMPTS)
        replay.complete(RETRY)
        pauses.append(replay.time_passes())
    assert pauses == sorted(pauses)
    assert sum(pauses) < HOUR
    assert _next(replay).due == START + timedelta(hours=1, minutes=5)


def test_a_fall_that_cannot_be_told_is_told_in_the_next_life() -> None:
    """While the store is away the same look goes on as new, as often as need be; nothing is left out."""
    replay = _begin()
    replay.complete(TELL)
    for _ in range(ATTEMPTS):
        replay.complete(RETRY)
        replay.time_passes()
    assert _next(replay).number == 0


def test_a_look_that_cannot_be_noted_is_left_out() -> None:
    """After all attempts the next period tries again; so does one whose activity breaks down."""
    replay = _begin()
    for _ in range(ATTEMPTS):
        replay.break_down()
        replay.time_passes()
    assert _next(replay).number == 1


def test_the_watch_ends_when_its_last_day_is_over() -> None:
    """No look comes after the end; what is left is to say so, which is tried again like a notice."""
    replay = _begin(number=2, ends=timedelta(minutes=90))
    assert replay.time_passes() == pytest.approx(1.5 * HOUR, abs=1)
    assert replay.next == ["end_watch"]
    replay.complete(OVER)
    assert replay.output == {"looks": 2}
    replay = _begin(number=2, ends=timedelta(minutes=90))
    replay.time_passes()
    for _ in range(ATTEMPTS):
        replay.complete(RETRY)
        replay.time_passes()
    assert _next(replay).number == 2


def test_a_watch_that_is_over_looks_no_more() -> None:
    """Cancelled or erased while it waited: the look finds that out, and the workflow ends."""
    replay = _begin()
    replay.complete(OVER)
    assert replay.continued is None
    assert replay.output is not None


def test_an_end_from_outside_is_not_lost_in_the_step_to_the_next_life() -> None:
    """A look that is done while somebody ends the workflow does not let it begin anew."""
    replay = _begin()
    replay.complete_and_end(DONE)
    assert replay.ended
    assert replay.continued is None


@pytest.mark.parametrize("every", [0.05, 1, 900, 21_600, 604_800])
def test_all_attempts_fit_into_a_period(every: float) -> None:
    """Also where the receiver asks to be left alone for a day."""
    assert sum(pause(attempt, every, 86_400) for attempt in range(1, ATTEMPTS + 1)) < every


def test_due_never_after_the_end() -> None:
    """The last wait ends with the watch."""
    inp = WatchInput(user_id="a", grid=START, every=HOUR, ends_at=START + timedelta(minutes=5), number=9)
    assert (inp.due, inp.ending) == (START + timedelta(minutes=5), True)
    assert isinstance(inp.due, datetime)
