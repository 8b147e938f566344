"""The ways in which people name days, each read on Friday 1 March 2019."""

from __future__ import annotations

from datetime import date

import pytest

from travelbuddy.offline.language import understand
from travelbuddy.offline.trip import Trip, advance

TODAY = date(2019, 3, 1)


def read(words: str) -> str:
    """The day out and the day back of one message about a journey between two places, as far as they are known."""
    message = f"Lyon to Turin {words}"
    frame = advance(Trip(), understand(message, TODAY), message).frame
    return " ".join(day for day in (frame.departure_date, frame.return_date) if day)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("the first Tuesday in June", "2019-06-04"),
        ("on the second Sunday of July", "2019-07-14"),
        ("for the last Friday in May", "2019-05-31"),
        ("on the 3rd wednesday of april", "2019-04-17"),
        ("the fourth monday of may 2020", "2020-05-25"),
        ("the first weekend of June, back the 9th", "2019-06-01 2019-06-09"),
        ("on the last day of April", "2019-04-30"),
        ("the first Monday of next month", "2019-04-01"),
        ("from the first Saturday in May to the last Sunday in May", "2019-05-04 2019-05-26"),
    ],
)
def test_a_weekday_counted_within_a_month(words: str, expected: str) -> None:
    """The nth weekday of a month is its day, and not the weekday from today."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mid June", "in June 2019"),
        ("early in October", "in October 2019"),
        ("at the end of August", "in August 2019"),
        ("sometime in May", "in May 2019"),
        ("the first week of January", "in January 2020"),
        ("in the second half of April", "in April 2019"),
    ],
)
def test_a_part_of_a_month_is_no_day(words: str, expected: str) -> None:
    """What names no day in particular gives its month, of which a day is to be asked."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("on Good Friday", "2019-04-19"),
        ("on Easter Monday 2020", "2020-04-13"),
        ("on Maundy Thursday, home Easter Monday", "2019-04-18 2019-04-22"),
        ("leaving Easter Saturday and back on Easter Sunday", "2019-04-20 2019-04-21"),
        ("the day before Thanksgiving", "2019-11-27"),
        ("on Memorial Day", "2019-05-27"),
        ("for Labor Day weekend", "2019-08-31"),
        ("the Friday before Labour Day", "2019-08-30"),
        ("on Independence Day, returning July 7", "2019-07-04 2019-07-07"),
        ("on Anzac Day", "2019-04-25"),
        ("for Saint Patrick's day", "2019-03-17"),
        ("on st paddys day 2020", "2020-03-17"),
        ("for Valentine's", "2020-02-14"),
        ("at Halloween", "2019-10-31"),
        ("on xmas eve, back on New Years Day", "2019-12-24 2020-01-01"),
        ("on Boxing Day until New Year's Eve", "2019-12-26 2019-12-31"),
        ("three days after Christmas", "2019-12-28"),
        ("the weekend after Easter", "2019-04-27"),
        ("on Whit Monday", "2019-06-10"),
        ("a week before Christmas Eve", "2019-12-17"),
    ],
)
def test_holidays(words: str, expected: str) -> None:
    """A holiday is the day on which it falls, and days are counted from it."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("for Halloween, leaving October 29", "2019-10-29"),
        ("for our Christmas dinner, from the 23rd of December until the 27th of December", "2019-12-23 2019-12-27"),
        ("over Easter, 17 April to 24 April", "2019-04-17 2019-04-24"),
        ("home for Thanksgiving on November 26", "2019-11-26"),
        ("on 21 December and home for New Year's Eve", "2019-12-21 2019-12-31"),
        ("home for Easter, on Maundy Thursday", "2019-04-18"),
        ("on Good Friday, the 19th of April", "2019-04-19"),
        ("on 5 May, and have a nice Easter!", "2019-05-05"),
        ("and then Easter Island", ""),
        ("to see the Christmas markets", ""),
    ],
)
def test_a_holiday_beside_a_day_is_the_occasion(words: str, expected: str) -> None:
    """Where a day is named for the journey, the holiday only says what it is for."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("a week on Thursday", "2019-03-14"),
        ("two weeks on Sunday", "2019-03-17"),
        ("a fortnight on Tuesday", "2019-03-19"),
        ("Wednesday week", "2019-03-13"),
        ("a week today", "2019-03-08"),
        ("two weeks tomorrow", "2019-03-16"),
        ("Wednesday fortnight", "2019-03-20"),
        ("for a week on Thursday", "2019-03-07 2019-03-14"),
    ],
)
def test_weeks_from_a_weekday(words: str, expected: str) -> None:
    """Counted on a weekday they lead to a later one; "for a week" is a stay."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("out on the 4th, back on the 11th, both in June", "2019-06-04 2019-06-11"),
        ("in August: leave on the 6th, home on the 9th", "2019-08-06 2019-08-09"),
        ("my sister marries on the 7th of September so I'm leaving on the 5th", "2019-09-05"),
        ("the fair opens on 2 June, flying on the 30th", "2019-05-30"),
        ("departing Monday the 3rd of June, home on Thursday the 6th", "2019-06-03 2019-06-06"),
        ("departing on the 9th and coming back 16 May", "2019-05-09 2019-05-16"),
        ("leaving the 29th, returning 4 June", "2019-05-29 2019-06-04"),
        ("April 29 to the 2nd", "2019-04-29 2019-05-02"),
        ("29th to 2nd of May", "2019-04-29 2019-05-02"),
        ("leave 27 September, back on the 2nd", "2019-09-27 2019-10-02"),
        ("in July, leaving on the Friday", "2019-03-08"),
        ("her birthday is Saturday 15 June, flying in on the Friday", "2019-06-14"),
        ("on the 9th, back on the 12th", "2019-03-09 2019-03-12"),
    ],
)
def test_a_bare_day_takes_its_month_from_another(words: str, expected: str) -> None:
    """A day of the month alone lies near another date of the message that names its month."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("on Sunday then, the tenth", "2019-03-10"),
        ("on the Wednesday, the third", "2019-04-03"),
        ("on Tuesday, that's the 12th", "2019-03-12"),
        ("on 17 May (Friday), back 20 May (Monday)", "2019-05-17 2019-05-20"),
        ("on the 14th of April, a Sunday", "2019-04-14"),
        ("on Thu May 9", "2019-05-09"),
        ("sun 2 june to wed 5 june", "2019-06-02 2019-06-05"),
        ("Tues. 9 Apr", "2019-04-09"),
        ("Thu 5/12", "2019-12-05"),
        ("Friday - 15 March", "2019-03-08 2019-03-15"),
        ("on Saturday, Sunday back", "2019-03-02 2019-03-03"),
    ],
)
def test_a_weekday_and_a_day_of_the_month_are_one_day(words: str, expected: str) -> None:
    """A weekday beside the date that falls on it is no second day; it decides what the date leaves open."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("on 10 May, back the Tuesday after that", "2019-05-10 2019-05-14"),
        ("on 10 May, returning the Monday right after", "2019-05-10 2019-05-13"),
        ("on Friday 10 May and home the following Friday", "2019-05-10 2019-05-17"),
        ("the exam is on 6 June, leaving the Friday after, back the Sunday after that", "2019-06-07 2019-06-09"),
        ("the wedding is on 6 July, flying the Thursday before", "2019-07-04"),
        ("on 10 May, home the weekend after", "2019-05-10 2019-05-11"),
        ("on Friday after the kids finish school", "2019-03-08"),
    ],
)
def test_a_weekday_after_another_day(words: str, expected: str) -> None:
    """A weekday after "that" is counted from the date said before it."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("on the 03.06. and on the 07.06. back", "2019-06-03 2019-06-07"),
        ("Oct. 2nd through Oct. 8th", "2019-10-02 2019-10-08"),
        ("on 8 May, back the same evening", "2019-05-08 2019-05-08"),
        ("on 8 May and returning that same day", "2019-05-08 2019-05-08"),
        ("on 8 May, returning the 15 please", "2019-05-08 2019-05-15"),
        ("Tuesday and I have to be home the Thursday", "2019-03-05 2019-03-07"),
        ("on 27 may, the way back is the third of june", "2019-05-27 2019-06-03"),
        ("on 8 May, away for about ten days", "2019-05-08 2019-05-18"),
        ("on 8 May, only three nights", "2019-05-08 2019-05-11"),
        ("on 8 May, gone for exactly five days", "2019-05-08 2019-05-13"),
        ("on 8 May, one week, so back May 15th", "2019-05-08 2019-05-15"),
        ("for a week, back on 15 May", "2019-05-08 2019-05-15"),
        ("on 8 May and looking for a return on Wednesday, 15 May", "2019-05-08 2019-05-15"),
        ("4/16 ret 4/19", "2019-04-16 2019-04-19"),
        ("4/16-4/19", "2019-04-16 2019-04-19"),
        ("12/18 back 12/28", "2019-12-18 2019-12-28"),
        ("on 8 May, the 15th for the way back", "2019-05-08 2019-05-15"),
        ("18-apr to 25-apr", "2019-04-18 2019-04-25"),
    ],
)
def test_ways_to_name_the_way_back(words: str, expected: str) -> None:
    """The day back is known by the words before it, after it, or by the length of the stay."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("leaving the 4th of June, no, wait, there's a strike, so the 6th", "2019-06-06"),
        ("on Monday, hmm, no, I have the dentist on Monday, make it Tuesday", "2019-03-05"),
        ("on 9 May. Oh wait, that is my mother's birthday. Let's say 11 May", "2019-05-11"),
        ("if we go on Saturday, no, the car is in the garage. Sunday then, the third", "2019-03-03"),
        ("on 2 May. Actually the camp only opens on the 4th, so 4 May", "2019-05-04"),
        ("on 2 May, sorry but the boss needs me that day, rather 3 May, back 9 May", "2019-05-03 2019-05-09"),
        ("on 2 May, no wait, that one is a holiday, well, back on 9 May", "2019-05-02 2019-05-09"),
        ("on 2 May with no stops, so back on 9 May", "2019-05-02 2019-05-09"),
    ],
)
def test_second_thoughts(words: str, expected: str) -> None:
    """A day said after one that was taken back stands in its place, whatever reason is told between."""
    assert read(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("on eleven of June", "2019-06-11"),
        ("the day fifteen of may", "2019-05-15"),
        ("on twenty two of june", "2019-06-22"),
        ("the third of october", "2019-10-03"),
        ("the seventeenth of july", "2019-07-17"),
        ("may twenty ninth", "2019-05-29"),
        ("2019/06/22", "2019-06-22"),
        ("22JUN", "2019-06-22"),
        ("12 marh", "2019-03-12"),
        ("on the 7 juli", "2019-07-07"),
        ("9 ocotber", "2019-10-09"),
        ("leave on the 18", "2019-03-18"),
        ("on the 18 and back the 21", "2019-03-18 2019-03-21"),
        ("with the 12 hour stop", ""),
    ],
)
def test_numbers_and_months_however_written(words: str, expected: str) -> None:
    """Cardinals, compounds, run-together dates and misspelled months are read."""
    assert read(words) == expected


@pytest.mark.parametrize("words", ["on 31 June", "on Monday 24 July", "on 5/6", "on Thu 5/9"])
def test_days_that_are_in_doubt_are_passed_on_as_written(words: str) -> None:
    """What does not exist, contradicts itself or means two days is left for the search to ask about."""
    assert "2019" not in read(words)
    assert read(words)


@pytest.mark.parametrize(
    ("text", "out", "back"),
    [
        ("LAX to Cancun 6/10 - 6/17", "2019-06-10", "2019-06-17"),
        ("Oslo to Rome 10/6 until 17/6", "2019-06-10", "2019-06-17"),
        ("30/4 back 3/5 from Oslo to Rome", "2019-04-30", "2019-05-03"),
        ("Oslo to Rome 6/10, back 7/2", "6/10", "7/2"),
    ],
)
def test_one_date_shows_how_the_others_are_written(text: str, out: str, back: str) -> None:
    """Where one of two dates can only be month before day, or day before month, the other is read alike."""
    said = understand(text, date(2019, 3, 1)).frame
    assert (said.departure_date, said.return_date) == (out, back)
