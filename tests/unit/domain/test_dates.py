from __future__ import annotations

import time
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from travelbuddy.domain.dates import parse_date

WEDNESDAY = date(2026, 7, 1)
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))
WORDS = st.sampled_from(
    [
        *("next", "this", "friday", "fri", "in", "3", "31", "feb", "weeks", "of", "the", "29", "2027", "-", "/", "."),
        *(
            ",",
            "a",
            "month",
            "end",
            "christmas",
            "12",
            "easter",
            "last",
            "weekend",
            "before",
            "monday",
            "0",
            "9999",
            "tomorrow",
            "after",
            "day",
            "later",
            "th",
            "'",
        ),
    ]
)


@given(text=st.one_of(st.text(max_size=120), st.lists(WORDS, max_size=8).map(" ".join)), today=st.dates())
@example(text="9999-12-31", today=date.max)
@example(text="in 9999 months", today=date.max)
@example(text="next friday", today=date.max)
@example(text="29 february", today=date.max)
@example(text="01/01", today=date.max)
@example(text="²", today=date.min)
@example(text="\ud800", today=date.min)
def test_any_text_is_a_day_or_a_value_error(text: str, today: date) -> None:
    """Whatever is written, on whatever day, gives a date or a ValueError with a text for people."""
    try:
        answer = parse_date(text, today).isoformat()
    except ValueError as error:
        answer = str(error)
    assert answer


@pytest.mark.parametrize(
    "text", ["1" * 10**6, "next " * 10**5, "-" * 320, "1 " * 160, "a" * 319, " " * 10**6, "ﷺ" * 300]
)
def test_hostile_text_is_refused_quickly(text: str) -> None:
    """Long and repetitive texts cost next to nothing."""
    start = time.process_time()
    with pytest.raises(ValueError, match="YYYY-MM-DD"):
        parse_date(text, WEDNESDAY)
    assert time.process_time() - start < 0.5


@given(day=DAYS, today=DAYS)
def test_iso_dates_mean_themselves(day: date, today: date) -> None:
    """An ISO date is that day, whatever today is."""
    assert parse_date(day.isoformat(), today) == day


@given(today=DAYS, ahead=st.integers(1, 7))
def test_a_plain_weekday_is_the_first_after_today(today: date, ahead: int) -> None:
    """A weekday alone is one to seven days away and falls on that weekday."""
    target = today + timedelta(days=ahead)
    assert parse_date(target.strftime("%A"), today) == target


@given(today=DAYS)
def test_a_date_without_year_is_never_past(today: date) -> None:
    """Day and month alone are their next occurrence, today included."""
    assert parse_date(f"{today.day} {today.strftime('%B')}", today) == today
    before = today - timedelta(days=1)
    assert parse_date(before.strftime("%d.%m."), today) > today


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2026-07-01"),
        ("Tomorrow morning", "2026-07-02"),
        ("yesterday", "2026-06-30"),
        ("the day after tomorrow", "2026-07-03"),
        ("in three weeks", "2026-07-22"),
        ("in a fortnight", "2026-07-15"),
        ("a week from tomorrow", "2026-07-09"),
        ("Wednesday", "2026-07-08"),
        ("this Wednesday", "2026-07-01"),
        ("next Friday", "2026-07-10"),
        ("Friday of next week", "2026-07-10"),
        ("next weekend", "2026-07-11"),
        ("next month", "2026-08-01"),
        ("end of the month", "2026-07-31"),
        ("on the 24th of December", "2026-12-24"),
        ("Dec 24, 2026", "2026-12-24"),
        ("24.12.", "2026-12-24"),
        ("12/24", "2026-12-24"),
        ("29 February", "2028-02-29"),
        ("Friday, 24 July", "2026-07-24"),
        ("Christmas Eve", "2026-12-24"),
        ("2026-07-14T10:00:00Z", "2026-07-14"),
        ("a week on Friday", "2026-07-10"),
        ("a fortnight tomorrow", "2026-07-16"),
        ("Monday fortnight", "2026-07-20"),
        ("the second Tuesday in September", "2026-09-08"),
        ("last Sunday of this month", "2026-07-26"),
        ("the first weekend of May", "2027-05-01"),
        ("last day of February 2028", "2028-02-29"),
        ("Easter Monday", "2027-03-29"),
        ("Labor Day weekend", "2026-09-05"),
        ("the day before Thanksgiving", "2026-11-25"),
        ("the weekend before Christmas", "2026-12-19"),
        ("two weeks after the 10th of August", "2026-08-24"),
        ("the Monday after Halloween", "2026-11-02"),
        ("Fri 7/8", "2026-08-07"),
        ("Tuesday the 1st", "2026-09-01"),
    ],
)
def test_travellers_phrases(text: str, expected: str) -> None:
    """Each phrase means the day that the module's rules say, on Wednesday 1 July 2026."""
    assert parse_date(text, WEDNESDAY).isoformat() == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("05/06", "two days"),
        ("Monday the 5th", "Sunday"),
        ("the fifth Monday in July", "no such Monday"),
        ("Monday 24 July", "Friday"),
        ("2026-02-30", "calendar"),
        ("August", "which day"),
        ("soon", "YYYY-MM-DD"),
        ("", "empty"),
        ("🛫", "YYYY-MM-DD"),
        ("Friday Saturday 3", "two weekdays"),
    ],
)
def test_doubtful_dates_are_refused_with_help(text: str, told: str) -> None:
    """What cannot be decided is refused with a text that says what to write."""
    with pytest.raises(ValueError, match=told):
        parse_date(text, WEDNESDAY)
