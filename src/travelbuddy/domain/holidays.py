"""Holidays by the names that travellers use, and the day on which each falls in a given year.

Names are in small letters with plain apostrophes. Those that differ between countries are the ones of the United
States (Labor Day, Thanksgiving, Memorial Day); the rest is the same wherever it is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from travelbuddy.domain.calendar_days import LAST, nth_weekday

_MONDAY, _THURSDAY = 0, 3


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the algorithm that Nature printed in 1876)."""
    century, in_century = divmod(year, 100)
    golden, leaps = year % 19, century - century // 4
    epact = (19 * golden + leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (in_century // 4) - epact - in_century % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _fixed(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _nth(nth: int, weekday: int, month: int) -> Callable[[int], date]:
    return lambda year: nth_weekday(year, month, weekday, nth)


def _from_easter(days: int) -> Callable[[int], date]:
    return lambda year: easter(year) + timedelta(days=days)


_NAMES: dict[str, Callable[[int], date]] = {
    r"new year(?:'?s)? eve|nye": _fixed(12, 31),
    r"(?<!the )(?<!a )new year(?:'?s)?(?: day)?(?! eve)": _fixed(1, 1),
    r"(?:christmas|xmas) eve": _fixed(12, 24),
    r"(?:christmas|xmas)(?: day)?(?! eve)": _fixed(12, 25),
    r"boxing day|st\.? stephen'?s day": _fixed(12, 26),
    r"(?:(?:st\.?|saint) )?valentine'?s(?: day)?": _fixed(2, 14),
    r"(?:(?:st\.?|saint) )?(?:patrick|paddy|patty)'?s day": _fixed(3, 17),
    r"anzac day": _fixed(4, 25),
    r"canada day": _fixed(7, 1),
    r"independence day|(?:fourth|4th) of july": _fixed(7, 4),
    r"bastille day": _fixed(7, 14),
    r"hallowe'?en": _fixed(10, 31),
    r"veterans?'? day": _fixed(11, 11),
    r"(?:martin luther king|mlk)(?: jr\.?)? day": _nth(3, _MONDAY, 1),
    r"president'?s'? day": _nth(3, _MONDAY, 2),
    r"memorial day": _nth(LAST, _MONDAY, 5),
    r"labou?r day": _nth(1, _MONDAY, 9),
    r"columbus day": _nth(2, _MONDAY, 10),
    r"thanksgiving(?: day)?": _nth(4, _THURSDAY, 11),
    r"mardi gras|shrove tuesday": _from_easter(-47),
    r"palm sunday": _from_easter(-7),
    r"maundy thursday": _from_easter(-3),
    r"good friday": _from_easter(-2),
    r"(?:easter|holy) saturday": _from_easter(-1),
    r"easter(?: sunday| day)?(?! (?:satur|mon)day)": _from_easter(0),
    r"easter monday": _from_easter(1),
    r"ascension day": _from_easter(39),
    r"(?:whitsun(?:day)?|whit sunday|pentecost)(?: sunday)?(?! monday)": _from_easter(49),
    r"(?:whit|pentecost) monday": _from_easter(50),
}
HOLIDAY = rf"(?:{'|'.join(_NAMES)})"
"""Any of the names, as a regular expression without groups."""
_RULES = [(re.compile(name), falls) for name, falls in _NAMES.items()]


def holiday(name: str, year: int) -> date:
    """The day on which the holiday of that name falls; a ValueError where ``name`` is none."""
    for pattern, falls in _RULES:
        if pattern.fullmatch(name):
            return falls(year)
    raise ValueError(f"'{name}' is not a holiday known here")
