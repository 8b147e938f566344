"""Days that are named without a month once a trip has its dates; today is Friday 1 March 2019."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import JsonValue

from travelbuddy.offline.frame import Frame
from travelbuddy.offline.language import understand
from travelbuddy.offline.trip import Trip, advance
from travelbuddy.offline.trip_results import after_search

TODAY = date(2019, 3, 1)


def after(*messages: str, trip: Trip | None = None) -> Frame:
    """What the messages, one after the other, make of a trip."""
    trip = trip or Trip()
    for message in messages:
        trip = advance(trip, understand(message, TODAY), message)
    return trip.frame


def days(*messages: str) -> str:
    """The day out and the day back after the messages, as far as they are known."""
    frame = after(*messages)
    return " ".join(day for day in (frame.departure_date, frame.return_date) if day)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ("on 7 June", "and home on the Tuesday, the eleventh", "2019-06-07 2019-06-11"),
        ("on 5 August, back 12 August", "a week later: out on the 12th and back on the 19th", "2019-08-12 2019-08-19"),
        ("on 5 August, back 12 August", "a day later, so on the 6th", "2019-08-06 2019-08-13"),
        ("on 5 August, back 12 August", "one week later please", "2019-08-12 2019-08-19"),
        ("on 14 October", "too early, try the 16th", "2019-10-16"),
        ("on 14 October", "what about 16?", "2019-10-16"),
        ("on 29 May", "or the 2nd?", "2019-06-02"),
        ("on Saturday 9 March", "is there anything on the Friday", "2019-03-08"),
        ("on Saturday 6 July", "Monday instead", "2019-07-08"),
        ("on Saturday 6 July", "back the following Saturday", "2019-07-06 2019-07-13"),
        ("on Saturday 6 July", "and back the same day", "2019-07-06 2019-07-06"),
        ("on 6 July, back on 18 July", "could we come back on the Friday", "2019-07-06 2019-07-19"),
        ("on 6 July", "next Friday", "2019-03-08"),
        ("on 6 July", "on the 2nd of April rather", "2019-04-02"),
        ("on 6 July", "flights to Rome on the 12th", "2019-03-12"),
        ("on the 4th", "rather the 2nd", "2019-03-02"),
        ("on 30 July", "home on the 2nd", "2019-07-30 2019-08-02"),
    ],
)
def test_a_bare_day_in_a_conversation_is_near_the_trip(first: str, then: str, expected: str) -> None:
    """A weekday or a day of the month alone is counted from the dates that stand, if it names no other month."""
    assert days(f"Lyon to Turin {first}", then) == expected


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (("in April", "the 10th"), "2019-04-10"),
        (("in April", "10"), "2019-04-10"),
        (("in April", "from Lyon", "the 10th"), "2019-04-10"),
        (("round trip in April", "the 10th", "the 20th"), "2019-04-10 2019-04-20"),
        (("and back, first week of May", "2nd to the 8th"), "2019-05-02 2019-05-08"),
        (("in early April", "the first Friday"), "2019-04-05"),
        (("in April", "May 3rd"), "2019-05-03"),
        (("in January", "the 5th, for a week"), "2020-01-05 2020-01-12"),
        (("on 2 May, back on 8 May", "make that early June", "the 5th, for a week"), "2019-06-05 2019-06-12"),
    ],
)
def test_where_a_month_stands_a_bare_day_is_one_of_it(messages: tuple[str, ...], expected: str) -> None:
    """Someone asked which day of April says "the 10th", whatever day it is today and whatever is said between."""
    first, *others = messages
    assert days(f"Lyon to Turin {first}", *others) == expected


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("sat not sun", "2019-03-09"),
        ("sunday instead of saturday", "2019-03-10"),
        ("no, sunday not saturday", "2019-03-10"),
        ("what if we leave on the 12th?", "2019-03-12"),
    ],
)
def test_another_day_is_taken_for_the_one_that_stood(then: str, expected: str) -> None:
    """However it is put."""
    assert days("Lyon to Turin on Saturday 9 March", then) == expected


def test_days_are_not_counted_from_a_date_that_nobody_named() -> None:
    """Where the search itself took a departure, a weekday is the next one from today."""
    asked = advance(Trip(), understand("Lyon to Turin", TODAY), "Lyon to Turin")
    query: dict[str, JsonValue] = {"origin": "LYS", "destination": "TRN", "departure_date": "2019-05-15"}
    found = after_search(asked, {"origin": "Lyon", "destination": "Turin"}, {"query": query})
    assert after("on Monday", trip=found).departure_date == "2019-03-04"


def test_a_day_trip_is_complete_once_the_day_is_told() -> None:
    """A way back on "the same day" waits for the day of departure."""
    assert days("Lyon to Turin and back the same day", "on 8 May") == "2019-05-08 2019-05-08"
