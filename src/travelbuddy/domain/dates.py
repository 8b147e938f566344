"""Which day a traveller means.

Readings that people disagree on, as they are decided here:

- "Friday" is the first Friday after today, so on a Friday it is a week away.
- "this Friday" is the coming Friday, today included.
- "next Friday" is the Friday of next week; weeks start on Monday (ISO).
- "next week" is seven days from today, "next month" the same day of next month
  (or its last day).
- A date without a year is its next occurrence, today included.
- 24.12. is day before month. 12/24 and 24-12 are read by whichever number exceeds 12; 05/06 is refused.
- A weekday named beside a date must be the right one.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta

MAX_CHARS = 80
HELP = "write it as YYYY-MM-DD, or as 'tomorrow', 'next Friday', 'in 3 weeks', '24 December'"

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_FEASTS = {
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "christmas day": (12, 25),
    "boxing day": (12, 26),
    "new year's eve": (12, 31),
    "new year's day": (1, 1),
    "new year": (1, 1),
    "valentine's day": (2, 14),
    "halloween": (10, 31),
}

_N = "[0-9]"
_DAY = rf"(?P<weekday>{'|'.join(f'{d}|{d[:3]}' for d in _DAYS)}|tues|thur|thurs)"
_MONTH = rf"(?P<month>{'|'.join(f'{m}|{m[:3]}' for m in _MONTHS)}|sept)\.?"
_D = rf"(?P<day>{_N}{{1,2}})(?:st|nd|rd|th|\.)?"
_Y = rf"(?:[ ,-]+'?(?P<year>{_N}{{4}}|{_N}{{2}}))?"
_NUMERIC_YEAR = rf"(?:\.|(?P=separator)(?P<year>{_N}{{4}}|{_N}{{2}}))?"
_CLOCK = r"(?:[t ][0-9:.]+(?:z|[+-][0-9:]+)?)?"
_COUNT = rf"(?P<count>{_N}{{1,4}}|an?|{'|'.join(_NUMBERS)})"
_UNIT = r"(?P<unit>day|week|fortnight|month)s?'?"


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
    day = _read_plain(words[weekday.end() :], today)
    if day.weekday() != _weekday(weekday["weekday"]):
        raise ValueError(f"{day.isoformat()} is a {_DAYS[day.weekday()].title()}, not as written; check the date")
    return day


def _read_plain(words: str, today: date) -> date:
    """As ``_read`` for what follows a weekday, where a second weekday makes no sense."""
    if re.match(_DAY, words):
        raise ValueError(f"'{words}' names two weekdays; {HELP}")
    return _read(words, today)


def _weekday(name: str) -> int:
    return next(i for i, day in enumerate(_DAYS) if day.startswith(name[:3]))


def _month_number(name: str) -> int:
    return next(i for i, month in enumerate(_MONTHS, start=1) if month.startswith(name[:3]))


def _make(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{year:04d}-{month:02d}-{day:02d} is not in the calendar; {HELP}") from None


def _year(digits: str) -> int:
    return int(digits) + (2000 if len(digits) == 2 else 0)


def _day_month(day: int, month: int, year: str, today: date) -> date:
    if year:
        return _make(_year(year), month, day)
    for candidate in range(today.year, today.year + 9):  # 29 February may be eight years off
        if month == 2 and day == 29 and not calendar.isleap(candidate):
            continue
        when = _make(candidate, month, day)
        if when >= today:
            return when
    raise ValueError(f"that day does not come again; {HELP}")


def _add_months(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _iso(found: dict[str, str], today: date) -> date:
    return _make(int(found["year"]), int(found["month"]), int(found["day"]))


def _numeric(found: dict[str, str], today: date) -> date:
    first, second, year = int(found["first"]), int(found["second"]), found["year"]
    if found["separator"] == "." or first > 12 or first == second:
        return _day_month(first, second, year, today)
    if second > 12:
        return _day_month(second, first, year, today)
    either = [_day_month(first, second, year, today), _day_month(second, first, year, today)]
    raise ValueError(
        f"{found['first']}{found['separator']}{found['second']} could be two days: write "
        + " or ".join(day.isoformat() for day in either)
    )


def _shift(found: dict[str, str], today: date) -> date:
    count = found["count"]
    number = int(count) if count.isdigit() else 1 if count in {"a", "an"} else _NUMBERS.index(count)
    start = today + timedelta(days=found.get("base") == "tomorrow")
    if found["unit"] == "month":
        return _add_months(start, number)
    return start + timedelta(days=number * {"day": 1, "week": 7, "fortnight": 14}[found["unit"]])


def _weekday_of(found: dict[str, str], today: date) -> date:
    target, which = _weekday(found["weekday"]), found.get("which", "")
    if which == "next":
        return today + timedelta(days=7 - today.weekday() + target)
    ahead = (target - today.weekday()) % 7
    return today + timedelta(days=ahead if ahead or which else 7)


def _day_of_month(found: dict[str, str], today: date) -> date:
    start, day = today.replace(day=1), int(found["day"])
    if found["which"]:
        start = _add_months(start, found["which"] == "next")
        return _make(start.year, start.month, day)
    for ahead in range(13):  # the next month that has such a day, this one included
        first = _add_months(start, ahead)
        if 1 <= day <= calendar.monthrange(first.year, first.month)[1] and first.replace(day=day) >= today:
            return first.replace(day=day)
    raise ValueError(f"no month has a day {day}; {HELP}")


def _weekend(found: dict[str, str], today: date) -> date:
    if found["which"] == "next":
        return today + timedelta(days=12 - today.weekday())
    return today + timedelta(days=max(0, 5 - today.weekday()))


def _month_end(found: dict[str, str], today: date) -> date:
    month = _add_months(today.replace(day=1), found["which"] == "next")
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def _month_only(found: dict[str, str], today: date) -> date:
    month = found["month"].title()
    raise ValueError(f"which day of {month}? For example '15 {month}' or YYYY-MM-DD")


def _named_month(found: dict[str, str], today: date) -> date:
    return _day_month(int(found["day"]), _month_number(found["month"]), found["year"], today)


def _feast(found: dict[str, str], today: date) -> date:
    month, day = _FEASTS[found["feast"]]
    return _day_month(day, month, found["year"], today)


_Reader = Callable[[dict[str, str], date], date]
_READERS: tuple[tuple[str, _Reader], ...] = (
    (rf"(?P<year>{_N}{{4}})[-/.](?P<month>{_N}{{1,2}})[-/.](?P<day>{_N}{{1,2}}){_CLOCK}", _iso),
    (rf"(?P<year>{_N}{{4}})(?P<month>{_N}{{2}})(?P<day>{_N}{{2}})", _iso),
    (r"today|tonight|now", lambda _, today: today),
    (r"tomorrow(?: (?:morning|afternoon|evening|night))?", lambda _, today: today + timedelta(days=1)),
    (r"day after tomorrow", lambda _, today: today + timedelta(days=2)),
    (r"yesterday", lambda _, today: today - timedelta(days=1)),
    (r"next week", lambda _, today: today + timedelta(days=7)),
    (r"next month", lambda _, today: _add_months(today, 1)),
    (rf"(?:in|after) {_COUNT} {_UNIT}(?: time)?", _shift),
    (rf"{_COUNT} {_UNIT} (?:from (?:now|today|(?P<base>tomorrow))|ahead|later)", _shift),
    (rf"(?P<which>this|next)?(?: ?coming)? ?{_DAY}", _weekday_of),
    (rf"{_DAY} (?:of )?(?P<which>next) week", _weekday_of),
    (rf"(?P<which>next) week (?:on )?{_DAY}", _weekday_of),
    (r"(?P<which>this|next) weekend", _weekend),
    (r"end of (?:the |(?P<which>this|next) )?month", _month_end),
    (rf"(?P<day>{_N}{{1,2}})(?:(?:st|nd|rd|th)?,? of (?P<which>this|next) month|st|nd|rd|th)", _day_of_month),
    (rf"{_D}[ -]?(?:of )?{_MONTH}{_Y}", _named_month),
    (rf"{_MONTH} (?:the )?{_D}{_Y}", _named_month),
    (rf"(?P<feast>{'|'.join(_FEASTS)}){_Y}", _feast),
    (rf"(?P<first>{_N}{{1,2}})(?P<separator>[./-])(?P<second>{_N}{{1,2}}){_NUMERIC_YEAR}", _numeric),
    (rf"(?:this |next |in )?{_MONTH}(?: {_N}{{4}})?", _month_only),
)
_FORMS = [(re.compile(pattern), reader) for pattern, reader in _READERS]
