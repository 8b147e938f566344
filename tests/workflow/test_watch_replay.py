"""The generator of a fare watch, replayed from its history after every step."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sizes import examples
from tests.workflow.replay import START, Replay

from travelbuddy.domain.watch import ATTEMPTS, pause
from travelbuddy.workflow.fare_watch import fare_watch
from travelbuddy.workflow.watch_payloads import FARE_WATCH, WatchInput

HOUR = 3600.0
DONE, TELL, WEBHOOK, END, OVER, RETRY = ({"kind": kind} for kind in ("done", "tell", "webhook", "end", "over", "retry"))


def _begin(number: int = 0) -> Replay:
    """An instance that is to take the look of this number."""
    inp = WatchInput(user_id="ada", grid=START, every=HOUR, ends_at=START + timedelta(days=1), number=number)
    return Replay(inp.wire(), name=FARE_WATCH, workflow=fare_watch)


def _over(replay: Replay, number: int = 0) -> bool:
    return replay.output == {"looks": number} and replay.continued is None and not replay.failed


def test_an_instance_is_one_look() -> None:
    """It looks at once and ends: when the next look is due is in the record."""
    replay = _begin(number=3)
    assert replay.asked == [("check_fare", {"user_id": "ada", "number": 3})]
    assert replay.status == "looking (number 3)"
    replay.complete(DONE)
    assert _over(replay, 3)


def test_a_fall_is_told() -> None:
    """The notice first, then the webhook where there is one."""
    replay = _begin()
    replay.complete(TELL)
    assert replay.next == ["tell_fare"]
    replay.complete(WEBHOOK)
    assert replay.next == ["send_webhook"]
    replay.complete(DONE)
    assert _over(replay)
    replay = _begin()
    replay.complete(TELL)
    replay.complete(DONE)
    assert _over(replay)


@pytest.mark.parametrize("before", [[], [TELL], [TELL, WEBHOOK]])
def test_what_could_not_be_done_is_left_to_a_later_instance(before: list[dict[str, str]]) -> None:
    """Nothing is waited for here: the record says that something is due, and when."""
    for trouble in ("retry", "broken"):
        replay = _begin()
        for result in before:
            replay.complete(result)
        replay.break_down() if trouble == "broken" else replay.complete(RETRY)
        assert _over(replay)


def test_a_watch_whose_last_day_is_over_ends() -> None:
    """No look is taken any more; what is left is to say so."""
    replay = _begin(number=2)
    replay.complete(END)
    assert replay.next == ["end_watch"]
    replay.complete(OVER)
    assert _over(replay, 2)


def test_a_watch_that_is_over_looks_no_more() -> None:
    """Cancelled or erased meanwhile: the look finds that out, and the workflow ends."""
    replay = _begin()
    replay.complete(OVER)
    assert _over(replay)
    assert replay.status == "over"


def test_an_end_from_outside_is_not_lost() -> None:
    """A look that is done while somebody ends the workflow does not let it go on."""
    replay = _begin()
    replay.complete_and_end(TELL)
    assert replay.ended
    assert replay.next == []


@pytest.mark.parametrize("every", [0.05, 1, 900, 21_600, 604_800])
def test_all_attempts_fit_into_a_period(every: float) -> None:
    """Also where the receiver asks to be left alone for a day."""
    assert sum(pause(attempt, every, 86_400) for attempt in range(1, ATTEMPTS + 1)) < every


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.sampled_from(["done", "tell", "webhook", "end", "over", "retry", "broken"]), max_size=4))
def test_any_history_replays_to_the_same_decisions(results: list[str]) -> None:
    """Whatever comes of whichever step, replaying never diverges."""
    replay = _begin()
    for result in [*results, "done"]:
        if replay.output is None:
            replay.break_down() if result == "broken" else replay.complete({"kind": result})
    assert _over(replay)
