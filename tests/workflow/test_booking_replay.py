"""The generator of a booking, replayed from its history after every step."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sizes import examples
from tests.workflow.replay import Replay

from travelbuddy.domain.booking import ATTEMPTS, pause
from travelbuddy.workflow.booking import booking
from travelbuddy.workflow.booking_payloads import BOOKING, BookingInput

PAYLOAD = BookingInput(user_id="u").wire()
HOLD, TELL, OVER, RETRY, WAIT = ({"kind": kind} for kind in ("hold", "tell", "over", "retry", "wait"))


class Life(Replay):
    """An instance for a booking."""

    def __init__(self) -> None:
        super().__init__(PAYLOAD, name=BOOKING, workflow=booking)


def _over(life: Life) -> bool:
    return life.output is not None and life.continued is None and not life.failed


def test_an_instance_for_which_nothing_is_due_ends() -> None:
    """It looks at the record, and waits for nothing: when to come back is in the record."""
    life = Life()
    assert life.next == ["look_at_booking"]
    life.complete(WAIT)
    assert _over(life)
    assert life.status == "not due yet"


def test_a_decision_of_an_earlier_version_is_not_waited_for() -> None:
    """A result that an earlier version has left in the history, with its seconds, is an end as well."""
    life = Life()
    life.complete({"kind": "wait", "seconds": 3600})
    assert _over(life)


def test_an_approved_offer_is_held_and_told() -> None:
    """Look, hold, tell, over: three activities."""
    life = Life()
    life.complete(HOLD)
    assert life.next == ["hold_offer"]
    life.complete(TELL)
    assert life.next == ["tell_booking"]
    life.complete(OVER)
    assert _over(life)
    assert life.status == "over"


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


@pytest.mark.parametrize("result", [WAIT, RETRY])
def test_a_supplier_in_trouble_is_left_to_a_later_instance(result: dict[str, str]) -> None:
    """The record has noted when to ask again; a store that is away is no reason to wait here either."""
    life = Life()
    life.complete(HOLD)
    life.complete(result)
    assert _over(life)


def test_pauses_are_bounded() -> None:
    """Ten attempts take less than an hour, and no supplier can make it wait for longer than ten minutes at a time."""
    assert sum(pause(attempt) for attempt in range(1, ATTEMPTS)) < 3600
    assert pause(500, asked=10**9) == 600


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.sampled_from(["hold", "tell", "over", "retry", "wait", "broken"]), min_size=3, max_size=3))
def test_any_history_replays_to_the_same_decisions(results: list[str]) -> None:
    """Whatever comes of whichever step, replaying never diverges, and the instance comes to its end in three steps."""
    life = Life()
    for result in results:
        if life.output is None:
            life.break_down() if result == "broken" else life.complete({"kind": result})
    assert _over(life)
