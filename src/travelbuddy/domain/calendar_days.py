"""The calendar by numbers: months added, weekdays counted, and the next year in which a day comes."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, timedelta

HELP = "write it as YYYY-MM-DD, or as 'tomorrow', 'next Friday', 'in 3 weeks', '24 December'"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
LAST = -1


def weekday_number(name: str) -> int:
    """0 for Monday; three letters are enough."""
    return next(i for i, day in enumerate(WEEKDAYS) if day.startswith(name[:3]))


def month_number(name: str) -> int:
    """1 for January; three letters are enough."""
    return next(i for i, month in enumerate(MONTHS, start=1) if month.startswith(name[:3]))


def make(year: int, month: int, day: int) -> date:
    """That day, or a ValueError that says how to write one."""
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"{year:04d}-{month:02d}-{day:02d} is not in the calendar; {HELP}") from None


def in_year(digits: str, today: date, falls: Callable[[int], date]) -> date:
    """The day on which something falls in the written year, or in the first year where it is not past."""
    if digits:
        return falls(int(digits) + (2000 if len(digits) == 2 else 0))
    try:
        this_year = falls(today.year)
    except OverflowError:
        raise ValueError(f"that day does not come again; {HELP}") from None
    return this_year if this_year >= today or today.year == date.max.year else falls(today.year + 1)


def day_month(day: int, month: int, year: str, today: date) -> date:
    """A day of a month, in the written year or the next that has it; 29 February may be eight years off."""
    if year:
        return in_year(year, today, lambda written: make(written, month, day))
    for candidate in range(today.year, min(today.year + 9, date.max.year + 1)):
        if month == 2 and day == 29 and not calendar.isleap(candidate):
            continue
        when = make(candidate, month, day)
        if when >= today:
            return when
    raise ValueError(f"that day does not come again; {HELP}")


def add_months(start: date, months: int) -> date:
    """The same day so many months on, or the last one of that month."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not 1 <= year <= date.max.year:
        raise OverflowError
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def days_of_month(day: int, today: date, months: int) -> list[date]:
    """Every such day of a month from today on, within so many months, this one included."""
    firsts = (add_months(today.replace(day=1), ahead) for ahead in range(months))
    return [
        first.replace(day=day)
        for first in firsts
        if 1 <= day <= calendar.monthrange(first.year, first.month)[1] and first.replace(day=day) >= today
    ]


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    """The first, second, ... or ``LAST`` such weekday of a month."""
    start, length = calendar.monthrange(year, month)
    days = range(1 + (weekday - start) % 7, length + 1, 7)
    if nth > len(days):
        raise ValueError(f"{MONTHS[month - 1].title()} {year:04d} has no such {WEEKDAYS[weekday].title()}; {HELP}")
    return date(year, month, days[nth if nth == LAST else nth - 1])


def weekday_after(day: date, weekday: int) -> date:
    """The first such weekday after the day."""
    return day + timedelta(days=(weekday - day.weekday() - 1) % 7 + 1)


def weekday_before(day: date, weekday: int) -> date:
    """The last such weekday before the day."""
    return day - timedelta(days=(day.weekday() - weekday - 1) % 7 + 1)
