"""Days that are told by a weekday or a day of the month alone, and mean one near another date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from travelbuddy.domain.calendar_days import WEEKDAYS, weekday_number

_AT_MOST = 100  # days away: "Monday the 6th" comes about twice in that time
_EARLIER_IN_MONTH = 20
_SATURDAY = 5
_BARE = re.compile(
    r"(?:on )?(?P<following>following )?"
    r"(?:(?P<weekday>(?:mon|tue|wed|thu|fri|sat|sun)(?:day|s|sday|nesday|rsday|urday)?)\.?"
    r"|(?P<weekend>weekend))?"
    r"(?:(?: straight| right| just| immediately| directly)? (?P<way>after|before)(?: that| then| it)?)?"
    r"(?P<day>(?:^|,? (?:the )?)\d{1,2}(?:st|nd|rd|th))?",
    re.I,
)


@dataclass(frozen=True)
class Near:
    """A weekday, a day of a month, or both. ``tied`` is "after" or "before" another date, or empty."""

    weekday: int | None
    day: int | None
    tied: str = ""

    @property
    def plain(self) -> str:
        """The weekday alone."""
        return WEEKDAYS[self.weekday or 0]

    def fits(self, day: date) -> bool:
        """True where it may mean that day."""
        return self.weekday in {None, day.weekday()} and self.day in {None, day.day}

    def nearest(self, to: date) -> date | None:
        """The such day that is closest, the later of two."""
        return min((*self._from(to, 1), *self._from(to, -1)), key=lambda day: abs((day - to).days), default=None)

    def since(self, start: date) -> date | None:
        """The first such day from ``start`` on."""
        return next(self._from(start, 1), None)

    def until(self, end: date) -> date | None:
        """The last such day up to ``end``."""
        return next(self._from(end, -1), None)

    def beside(self, anchor: date) -> date | None:
        """The first such day after ``anchor``, or the last before it where it was told so."""
        way = -1 if self.tied == "before" else 1
        return next((day for day in self._from(anchor, way) if day != anchor), None)

    def in_month_of(self, standing: date) -> date | None:
        """The such day of that month, or of the next one where it would lie weeks before ``standing``."""
        this = next(self._from(standing.replace(day=1), 1), None)
        early = this is not None and (standing - this).days > _EARLIER_IN_MONTH
        return self.since(standing) if early else this

    def _from(self, start: date, step: int) -> Iterator[date]:
        first = start.toordinal()
        for number in range(first, first + step * _AT_MOST, step):
            if 1 <= number <= date.max.toordinal() and self.fits(day := date.fromordinal(number)):
                yield day


def near(words: str) -> Near | None:
    """What the words tell where they are a weekday, a weekend, a day of the month, or a weekday and a day."""
    found = _BARE.fullmatch(words)
    if not found or not (found["weekday"] or found["weekend"] or found["day"]):
        return None
    weekday = _SATURDAY if found["weekend"] else None
    if found["weekday"]:
        weekday = weekday_number(found["weekday"].lower())
    digits = re.search(r"\d+", found["day"] or "")
    tied = "after" if found["following"] else (found["way"] or "").lower()
    return Near(weekday, int(digits.group()) if digits else None, tied)
