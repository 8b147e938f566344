"""Which day a traveller means.

Readings that people disagree on, as they are decided here:

- "Friday" is the first Friday after today, so on a Friday it is a week away.
- "this Friday" is the coming Friday, today included.
- "next Friday" is the Friday of next week; weeks start on Monday (ISO).
- "a week from Friday", "a week on Friday" and "Friday week" are the Friday after the first one after today.
- "next week" is seven days from today, "next month" the same day of next month (or its last day).
- A date without a year is its next occurrence, today included.
- 24.12. is day before month. 12/24 and 24-12 are read by whichever number exceeds 12; 05/06 is refused.
- A weekday named beside a date must be the right one. It decides between two readings ("Wed 12/6"), and between this
  month and the two after it ("Monday the 6th").
- A weekend, also that of a holiday or "the weekend after", is its Saturday.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta

from travelbuddy.domain.calendar_days import (
    HELP,
    LAST,
    MONTHS,
    WEEKDAYS,
    add_months,
    day_month,
    days_of_month,
    in_year,
    make,
    month_number,
    nth_weekday,
    weekday_after,
    weekday_before,
    weekday_number,
)
from travelbuddy.domain.holidays import HOLIDAY, holiday

MAX_CHARS = 80

_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_RANKS, _SATURDAY = ("first", "second", "third", "fourth", "fifth"), 5

_N = "[0-9]"
_DAY = rf"(?P<weekday>{'|'.join(f'{d}|{d[:3]}' for d in WEEKDAYS)}|tues|thur|thurs)"
_MONTH = rf"(?P<month>{'|'.join(f'{m}|{m[:3]}' for m in MONTHS)}|sept)\.?"
_D = rf"(?P<day>{_N}{{1,2}})(?:st|nd|rd|th|\.)?"
_Y = rf"(?:[ ,-]+'?(?P<year>{_N}{{4}}|{_N}{{2}}))?"
_NUMERIC_YEAR = rf"(?:\.|(?P=separator)(?P<year>{_N}{{4}}|{_N}{{2}}))?"
_CLOCK = r"(?:[t ][0-9:.]+(?:z|[+-][0-9:]+)?)?"
_COUNT = rf"(?P<count>{_N}{{1,4}}|an?|{'|'.join(_NUMBERS)})"
_NUMBERS_ONLY = rf"(?P<first>{_N}{{1,2}})(?P<separator>[./-])(?P<second>{_N}{{1,2}}){_NUMERIC_YEAR}"
_TWO_NUMBERS = re.compile(_NUMBERS_ONLY)
_ORDINAL = re.compile(rf"(?P<day>{_N}{{1,2}})(?:st|nd|rd|th)")
_UNIT = r"(?P<unit>day|week|fortnight|month)s?'?"
_STEP = rf"(?:(?:{_COUNT} )?{_UNIT}|weekend|{_DAY})"
_WAY = r"(?P<way>before|after|earlier than|later than)"
_RANK = (
    rf"(?P<rank>{'|'.join(_RANKS)}|[1-5](?:st|nd|rd|th)|last) (?P<what>day|weekend|{_DAY}) (?:in|of) "
    rf"(?:(?:the|(?P<which>this|next)) month|{_MONTH}{_Y})"
)


def parse_date(text: str, today: date) -> date:
    """The day ``text`` means to someone for whom it is ``today`` (in the past when the text says so).

    Raises ValueError, whose text says how to write the date, for anything else; never another exception.
    """
    if len(text) > MAX_CHARS * 4:
        raise ValueError(f"that is too long for a date; {HELP}")
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().replace("’", "'").split())
    words = re.sub(r"^(?:(?:on|for|by|at) )?(?:the )?", "", words).rstrip("!?, ")
    if not words:
        raise ValueError(f"the date is empty; {HELP}")
    if len(words) > MAX_CHARS:
        raise ValueError(f"that is too long for a date; {HELP}")
    try:
        return _read(words, today)
    except OverflowError:
        raise ValueError(f"'{words}' is too far away; {HELP}") from None


def _read(words: str, today: date) -> date:
    for pattern, reader in _FORMS:
        if match := pattern.fullmatch(words):
            return reader({key: value or "" for key, value in match.groupdict().items()}, today)
    weekday = re.match(rf"{_DAY}\.?,? (?:the )?(?=.*[0-9])", words)
    if weekday is None:
        raise ValueError(f"'{words}' is not a date I can read; {HELP}")
    rest = words[weekday.end() :]
    readings = _readings(rest, today)
    fitting = [day for day in readings if day.weekday() == weekday_number(weekday["weekday"])]
    if len(fitting) > 1 and _TWO_NUMBERS.fullmatch(rest):
        return _read(rest, today)  # which says that it could be two days
    if fitting:
        return fitting[0]
    told = readings[0]
    raise ValueError(f"{told.isoformat()} is a {WEEKDAYS[told.weekday()].title()}, not as written; check the date")


def _readings(words: str, today: date) -> list[date]:
    """What the words after a weekday may mean, where a second weekday makes no sense."""
    if re.match(_DAY, words):
        raise ValueError(f"'{words}' names two weekdays; {HELP}")
    if found := _TWO_NUMBERS.fullmatch(words):
        return _either(found.groupdict(""), today)
    ordinal = _ORDINAL.fullmatch(words)
    return (ordinal and days_of_month(int(ordinal["day"]), today, 3)) or [_read(words, today)]


def _iso(found: dict[str, str], today: date) -> date:
    return make(int(found["year"]), int(found["month"]), int(found["day"]))


def _either(found: dict[str, str], today: date) -> list[date]:
    """The one or two days that two numbers may mean."""
    first, second, year = int(found["first"]), int(found["second"]), found["year"]
    if found["separator"] == "." or first > 12 or first == second:
        return [day_month(first, second, year, today)]
    if second > 12:
        return [day_month(second, first, year, today)]
    return [day_month(first, second, year, today), day_month(second, first, year, today)]


def _numeric(found: dict[str, str], today: date) -> date:
    either = _either(found, today)
    if len(either) == 1:
        return either[0]
    raise ValueError(
        f"{found['first']}{found['separator']}{found['second']} could be two days: write "
        + " or ".join(day.isoformat() for day in either)
    )


def _moved(start: date, count: str, unit: str, sign: int = 1) -> date:
    number = sign * (int(count) if count.isdigit() else 1 if count in {"a", "an", ""} else _NUMBERS.index(count))
    if unit == "month":
        return add_months(start, number)
    return start + timedelta(days=number * {"day": 1, "week": 7, "fortnight": 14}[unit])


def _shift(found: dict[str, str], today: date) -> date:
    return _moved(today + timedelta(days=found.get("base") == "tomorrow"), found["count"], found["unit"])


def _tied(found: dict[str, str], today: date) -> date:
    """A day told by how it lies to another: "the day before Thanksgiving", "the weekend after Easter"."""
    anchor, after = _read(found["anchor"], today), found["way"] in {"after", "later than"}
    if found["unit"]:
        return _moved(anchor, found["count"], found["unit"], 1 if after else -1)
    if not found["weekday"]:  # all of a weekend is before or after
        return weekday_after(anchor, _SATURDAY) if after else weekday_before(anchor - timedelta(days=1), _SATURDAY)
    return (weekday_after if after else weekday_before)(anchor, weekday_number(found["weekday"]))


def _weekday_of(found: dict[str, str], today: date) -> date:
    target, which = weekday_number(found["weekday"]), found.get("which", "")
    if which == "next":
        return today + timedelta(days=7 - today.weekday() + target)
    ahead = (target - today.weekday()) % 7
    return today + timedelta(days=ahead if ahead or which else 7)


def _from_weekday(found: dict[str, str], today: date) -> date:
    return _shift(found, _weekday_of(found, today))


def _day_of_month(found: dict[str, str], today: date) -> date:
    day = int(found["day"])
    if found["which"]:
        month = add_months(today.replace(day=1), found["which"] == "next")
        return make(month.year, month.month, day)
    if days := days_of_month(day, today, 4):
        return days[0]
    raise ValueError(f"no month has a day {day}; {HELP}")


def _weekend(found: dict[str, str], today: date) -> date:
    if found["which"] == "next":
        return today + timedelta(days=12 - today.weekday())
    return today + timedelta(days=max(0, 5 - today.weekday()))


def _month_end(found: dict[str, str], today: date) -> date:
    return add_months(today.replace(day=1), 1 + (found["which"] == "next")) - timedelta(days=1)


def _month_only(found: dict[str, str], today: date) -> date:
    raise ValueError("which day of {0}? For example '15 {0}' or YYYY-MM-DD".format(found["month"].title()))


def _named_month(found: dict[str, str], today: date) -> date:
    return day_month(int(found["day"]), month_number(found["month"]), found["year"], today)


def _feast(found: dict[str, str], today: date) -> date:
    day = in_year(found["year"], today, lambda year: holiday(found["feast"], year))
    return day + timedelta(days=(8 - day.weekday()) % 7 - 3) if found["weekend"] else day  # the nearest Saturday


def _ranked(found: dict[str, str], today: date) -> date:
    """The nth weekday, weekend or day of a month."""
    rank, name = found["rank"], found["weekday"]
    nth = LAST if rank == "last" else _RANKS.index(rank) + 1 if rank in _RANKS else int(rank[0])

    def of(year: int, month: int) -> date:
        if found["what"] != "day":
            return nth_weekday(year, month, weekday_number(name) if name else _SATURDAY, nth)
        return add_months(make(year, month, 1), 1) - timedelta(days=1) if nth == LAST else make(year, month, nth)

    if found["month"]:
        return in_year(found["year"], today, lambda year: of(year, month_number(found["month"])))
    month = add_months(today.replace(day=1), found["which"] == "next")
    return of(month.year, month.month)


_Reader = Callable[[dict[str, str], date], date]
_READERS: tuple[tuple[str, _Reader], ...] = (
    (rf"(?P<year>{_N}{{4}})[-/.](?P<month>{_N}{{1,2}})[-/.](?P<day>{_N}{{1,2}}){_CLOCK}", _iso),
    (rf"(?P<year>{_N}{{4}})(?P<month>{_N}{{2}})(?P<day>{_N}{{2}})", _iso),
    (r"today|tonight|now", lambda _, today: today),
    (r"tomorrow(?: (?:morning|afternoon|evening|night))?", lambda _, today: today + timedelta(days=1)),
    (r"yesterday", lambda _, today: today - timedelta(days=1)),
    (r"next week", lambda _, today: today + timedelta(days=7)),
    (r"next month", lambda _, today: add_months(today, 1)),
    (rf"(?:in|after) {_COUNT} {_UNIT}(?: time)?", _shift),
    (rf"{_COUNT} {_UNIT} (?:(?:from )?(?:now|today|(?P<base>tomorrow))|ahead|later)", _shift),
    (rf"(?P<which>this|next)?(?: ?coming)? ?{_DAY}", _weekday_of),
    (rf"{_DAY} (?:of )?(?P<which>next) week", _weekday_of),
    (rf"{_COUNT} {_UNIT} (?:from|on) (?P<which>this|next)? ?{_DAY}", _from_weekday),
    (rf"{_DAY} (?P<unit>week|fortnight)", lambda found, today: _from_weekday({**found, "count": "1"}, today)),
    (_RANK, _ranked),
    (rf"(?P<which>next) week (?:on )?{_DAY}", _weekday_of),
    (r"(?P<which>this|next) weekend", _weekend),
    (r"end of (?:the |(?P<which>this|next) )?month", _month_end),
    (rf"(?P<day>{_N}{{1,2}})(?:(?:st|nd|rd|th)?,? of (?P<which>this|next) month|st|nd|rd|th)", _day_of_month),
    (rf"{_D}[ -]?(?:of )?{_MONTH}{_Y}", _named_month),
    (rf"{_MONTH} (?:the )?{_D}{_Y}", _named_month),
    (rf"(?P<feast>{HOLIDAY})(?P<weekend> weekend)?{_Y}", _feast),
    (rf"{_STEP} (?:right |straight |just )?{_WAY} (?:the )?(?P<anchor>.+)", _tied),
    (_NUMBERS_ONLY, _numeric),
    (rf"(?:this |next |in )?{_MONTH}(?: {_N}{{4}})?", _month_only),
)
_FORMS = [(re.compile(pattern), reader) for pattern, reader in _READERS]
