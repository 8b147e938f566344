"""The generator of a booking, replayed from its history after every step."""

from __future__ import annotations

from typing import Any

import dapr.ext.workflow._durabletask.internal.helpers as make
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.workflow.replay import Replay

from travelbuddy.workflow.booking import ATTEMPTS, SAFETY, booking, pause
from travelbuddy.workflow.booking_payloads import BOOKING, DECIDED, BookingInput

PAYLOAD = BookingInput(user_id="u").wire()
HOLD, TELL, OVER, RETRY = ({"kind": kind} for kind in ("hold", "tell", "over", "retry"))


class Life(Replay):
    """One life of a booking's instance."""

    def __init__(self) -> None:
        super().__init__(PAYLOAD, name=BOOKING, workflow=booking)

    def decision_told(self) -> None:
        """The event comes that says that there is a decision."""
        self._advance(make.new_event_raised_event(DECIDED, "null"))


def _wait(seconds: float) -> dict[str, Any]:
    return {"kind": "wait", "seconds": seconds}


def _over(life: Life) -> bool:
    return life.output is not None and life.continued is None and not life.failed


def test_a_life_is_one_look_and_one_timer() -> None:
    """It looks at the record, and waits as long as the record says; then it goes on as new with what it began with."""
    life = Life()
    assert life.next == ["look_at_booking"]
    life.complete(_wait(60))
    assert (life.next, life.status) == (["timer"], "waiting for a decision")
    assert life.time_passes() == pytest.approx(60, abs=0.1)
    assert life.continued == PAYLOAD


def test_a_long_wait_is_cut_into_safe_ones() -> None:
    """A lost event costs no more than the safety net, however long the traveller may take."""
    life = Life()
    life.complete(_wait(72 * 3600))
    assert life.time_passes() == pytest.approx(SAFETY, abs=0.1)
    assert life.continued == PAYLOAD


def test_a_time_that_is_up_already_is_no_trouble() -> None:
    """An expiry between look and wait waits for nothing."""
    life = Life()
    life.complete(_wait(-3))
    assert life.continued == PAYLOAD


@pytest.mark.parametrize("early", [True, False])
def test_a_decision_wakes_it(early: bool) -> None:
    """Told while it waits or while it still looks, it looks again at once."""
    life = Life()
    if early:
        life.decision_told()
    life.complete(_wait(3600))
    if not early:
        life.decision_told()
    assert life.continued == PAYLOAD


def test_an_approved_offer_is_held_and_told() -> None:
    """Look, hold, tell, over: three activities."""
    life = Life()
    life.complete(HOLD)
    assert life.next == ["hold_offer"]
    life.complete(TELL)
    assert life.next == ["tell_booking"]
    life.complete(OVER)
    assert _over(life)


def test_what_has_ended_otherwise_is_only_told() -> None:
    """Rejected or expired: nothing is asked of the supplier."""
    life = Life()
    life.complete(TELL)
    assert life.next == ["tell_booking"]
    life.complete(OVER)
    assert _over(life)


def test_a_booking_that_was_erased_ends_in_silence() -> None:
    """Before it is held, or while it is."""
    for results in ([OVER], [HOLD, OVER]):
        life = Life()
        for result in results:
            life.complete(result)
        assert _over(life)


def test_a_supplier_in_trouble_is_asked_later_and_then_no_more() -> None:
    """Each pause is twice the last, or as long as the supplier asked; the tenth attempt knows that it is the last."""
    life = Life()
    life.complete(HOLD)
    life.complete({"kind": "retry", "seconds": 30})
    assert life.time_passes() == pytest.approx(30, abs=0.1)
    for attempt in range(2, ATTEMPTS):
        assert "last_attempt" not in life.asked[0][1] or not life.asked[0][1]["last_attempt"]
        life.complete(RETRY)
        assert life.time_passes() == pytest.approx(pause(attempt), abs=0.1)
    assert life.asked[0][0] == "hold_offer"
    assert life.asked[0][1]["last_attempt"] is True
    life.complete(TELL)
    assert life.next == ["tell_booking"]


def test_pauses_are_bounded() -> None:
    """Ten attempts take less than an hour, and no supplier can make it wait for longer than ten minutes at a time."""
    assert sum(pause(attempt) for attempt in range(1, ATTEMPTS)) < 3600
    assert pause(500, asked=10**9) == 600


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["retry", "broken"]), max_size=12), st.sampled_from(["look", "hold", "tell"]))
def test_any_history_replays_to_the_same_decisions(troubles: list[str], place: str) -> None:
    """Whatever goes wrong at whichever step, replaying never diverges, and the booking comes to its end."""
    life = Life()
    for step, result in (("look", HOLD), ("hold", TELL), ("tell", OVER)):
        for trouble in troubles if step == place else ():
            life.complete(RETRY) if trouble == "retry" else life.break_down()
            life.time_passes()
        life.complete(result)
    assert _over(life)
