"""Every day that a message names, with what it is named for: the way out, the way back, or something else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from travelbuddy.domain.calendar_days import MONTHS
from travelbuddy.domain.dates import parse_date
from travelbuddy.offline.day_words import (
    A_WEEKDAY_THIS_WEEK,
    DATE,
    IN_A_MONTH,
    NAMES_A_MONTH,
    OCCASION,
    PART_OF_A_MONTH,
    SAME_DAY,
    VAGUE,
)
from travelbuddy.offline.near_days import Near, near
from travelbuddy.offline.text import Remainder

_BACK = re.compile(
    r"\b(?:return(?:s|ing)?|back|home|inbound|until|till?)\b[^|]{0,24}$"
    r"|(?:^|[^|]{0,2}[ ])(?P<span>(?:to|-|through) ?(?:the ?)?)$",
    re.I,
)
_OUT = re.compile(
    r"\b(?:leav(?:e|es|ing)|depart(?:s|ing|ure)?|go(?:ing)?|outbound|start(?:s|ing)?|fly(?:ing)?|flights?)\b", re.I
)
_RETURN_FLIGHT = re.compile(
    r"return(?:ing|s)? (?:flight|leg|trip|journey)|(?:come|coming|fly|flying|go|going|get|be) (?:back|home)", re.I
)
_THEN_BACK = re.compile(
    r"^ (?:return|inbound|flight back)\b(?: (?:date|flight|trip|leg)\b)?(?! ?:? ?(?:on|the|in|by|[A-Za-z]*\d|[a-z]+day"
    r"|tomorrow))|^ (?:back|home)(?= ?(?:$|[,.;!?|)])| and\b)|^ (?:for|as) the (?:return|way back|trip back)\b",
    re.I,
)
_A_RETURN = re.compile(r"\| +(?:on|for)(?: the)? $")  # "a return" was taken for a round trip before
_ARRIVES = re.compile(
    r"\b(?:arriv(?:e|es|ing)|land(?:ing)?|be (?:there|in \w+(?: \w+)?)|get (?:there|in|to \w+)|reach(?:ing)? \w+)"
    r" (?:by|on|before)(?: the)? ?$",
    re.I,
)
_LEAVES = re.compile(r"\b(?:leav|depart)", re.I)
_THEN_LEAVES = re.compile(r"\b(?:and|then|but)\b(?: \w+){0,3} (?:leav(?:e|ing)|depart(?:ing)?)\b[^|,.;]{0,12}$", re.I)
"""Of where one has arrived: "be there by the 10th and leave on the 14th"."""
_DENIED = re.compile(r"\b(?:not|rather than|instead of)(?: on)?(?: the)? ?$", re.I)
_ANY_SUCH = re.compile(r"\bon (?:an?|any|some) $", re.I)  # "on a Saturday" is no day yet
_NEXT_TO = re.compile(r"[ ,/;|-]{1,6}")
_TO_A_PLACE = re.compile(r"\bback (?:home )?to \w.{1,60}\bfrom\b", re.I)
_TAKEN_BACK = re.compile(
    r"\b(?:wait|actually|sorry|oops|i meant?|hmm+|scratch that|strike that|hold on|hang on|on second thoughts?"
    r"|no(?= ?[,.;!-]| (?:wait|sorry|that)\b))\b",
    re.I,
)
_ALL_TAKEN_BACK = re.compile(
    r"\b(?:no,? wait|wait,? no|(?:scratch|strike) that|on second thoughts?|(?<=[,.;!?] )no(?=,))\b", re.I
)
_LED_IN = re.compile(
    r"\b(?:so|make (?:it|that)|rather|instead|let's (?:say|do|go for|make it)|then"
    r"|no|wait|actually|sorry|i meant?)[ ,.]*(?:(?:it's|it'll be|that's|on|for|the)[ ,]+)*$",
    re.I,
)
_INSTEAD = re.compile(r" (?:then|instead)\b", re.I)
_THE_SAME = re.compile(
    r"[ ,.(]{0,3}(?:then\b)?[ ,.]{0,3}"
    r"(?:(?:and )?(?:that is|that's|which is|that would be|so|it's|being) )?(?:the |an? )?",
    re.I,
)
_FOR = re.compile(r"\b(?:for|over|celebrat\w+)(?: the)? $", re.I)
_ON = re.compile(r"\bon(?: the)? $", re.I)
_NUMBERS = re.compile(r"(\d{1,2})/(\d{1,2})")
_LOOK_BACK = 40
_MANY = 40


@dataclass(frozen=True)
class Day:
    """Some words for a day; ``role`` is ``out``, ``back``, ``loose``, ``vague`` (no day in particular) or ``other``.

    Another day is no end of the trip, but tells which month is spoken of. ``lead`` are the words before it.
    """

    words: str
    role: str
    lead: str
    start: int
    end: int
    led_in: bool = False

    @property
    def near(self) -> Near | None:
        """What the words tell where they mean a day near another."""
        return near(self.words)

    @property
    def names_a_month(self) -> bool:
        """True where other days of the message may take their month from it."""
        return NAMES_A_MONTH.search(self.words) is not None


def days_said(rest: Remainder, today: date | None) -> list[Day]:
    """The days in the order in which they stand, taken from ``rest``."""
    text, end, days = rest.text, 0, list[Day]()
    matches = rest.take_all(DATE)
    starts = _starts((found.group() for found in matches), today)
    numbers = [found for match in matches if (found := _NUMBERS.fullmatch(match.group()))]
    month_first = {int(found[2]) > 12 for found in numbers if int(found[1]) > 12 or int(found[2]) > 12}
    for match in matches:
        lead = text[max(end, match.start() - _LOOK_BACK) : match.start()]
        between, end = text[end : match.start()], match.end()
        words = A_WEEKDAY_THIS_WEEK.sub(r"this \1", match.group())
        words = f"in {part['month']}" if (part := PART_OF_A_MONTH.fullmatch(words)) else words
        words = "this weekend" if words.lower() == "the weekend" else words
        words = f"{words}th" if words.isdigit() else _unmistakable(words, month_first)
        if days and (both := _together(days[-1].words, between, words, starts)):
            days[-1] = replace(days[-1], words=both, end=end)
            continue
        ends = [day for day in days if day.role != "other"]
        paired = bool(ends) and ends[-1].role != "vague" and _NEXT_TO.fullmatch(between) is not None
        paired &= not IN_A_MONTH.fullmatch(words) and not (ends and _occasion(ends[-1].words) and not _occasion(words))
        if paired and days[-1] is ends[-1] and today and _same_day(days[-1].words, words, today):
            days[-1] = replace(days[-1], words=words, end=end)  # "Saturday in two weeks, 16 March"
            continue
        role = _role(words, lead, text[end:], first=not ends, paired=paired)
        if role in {"loose", "out"} and any(_ARRIVES.search(day.lead) for day in ends) and _THEN_LEAVES.search(lead):
            role = "back"
        elif role == "loose" and _ARRIVES.search(lead) and not any(_LEAVES.search(day.lead) for day in ends):
            role = "out"
        led_in = _LED_IN.search(lead) is not None or _INSTEAD.match(text, end) is not None
        days.append(Day(words, role, lead, match.start(), end, led_in))
    return _without_occasions(_replaced(days, text) if len(days) < _MANY else days)


def _unmistakable(words: str, month_first: set[bool]) -> str:
    """The numbers "6/10" as a month and a day, where another date of the message shows which comes first."""
    found = _NUMBERS.fullmatch(words)
    if not found or len(month_first) != 1:
        return words
    month, day = (int(found[1]), found[2]) if month_first == {True} else (int(found[2]), found[1])
    return f"{day} {MONTHS[month - 1]}" if 1 <= month <= 12 else words


def _role(words: str, lead: str, follows: str, *, first: bool, paired: bool) -> str:
    back = _THEN_BACK.match(follows) or _is_back(lead, first=first) or paired
    if SAME_DAY.fullmatch(words):
        return "back" if back else "other"
    if back or (not first and _A_RETURN.search(lead)):
        return "back"
    if VAGUE.fullmatch(words):
        return "vague"
    if _DENIED.search(lead) or _ANY_SUCH.search(lead):
        return "other"
    return "out" if _OUT.search(lead) else "loose"


def _is_back(lead: str, *, first: bool) -> bool:
    found = _BACK.search(lead)
    if found and _TO_A_PLACE.search(lead):
        return False  # "fly back to Lima from Madrid on 28 June" is a way out
    if not found or (first and found["span"]):
        return False  # a bare "to" or "-" makes a way back only out of a second date
    return not _OUT.search(lead, found.start() + 1) or _RETURN_FLIGHT.match(found.group()) is not None


def _starts(texts: Iterable[str], today: date | None) -> list[date]:
    """The days from which a weekday and a day of the month may be counted: today, and a few that name a month."""
    starts = [today] if today else []
    for words in texts:
        if today and len(starts) < 4 and NAMES_A_MONTH.search(words) and (day := _parsed(words, today)):
            starts.append(day.replace(day=1))
    return starts


def _together(one: str, between: str, other: str, starts: list[date]) -> str | None:
    """The two as one ("Friday the 8th") where one is a weekday and they fall on the same day."""
    if not _THE_SAME.fullmatch(between):
        return None
    told = near(other)
    if _occasion(one) and told and told.day:
        feasts = (_parsed(one, start) for start in starts)
        if any(feast and feast.day == told.day for feast in feasts):
            return one  # "Memorial Day, the 27th"
    for name, dated in ((near(one), other), (near(other), one)):
        if name is None or name.weekday is None or name.day is not None or not any(map(str.isdigit, dated)):
            continue
        both = f"{name.plain} {dated}"
        if any(_parsed(both, start) for start in starts):
            return both
    return None


def _same_day(one: str, other: str, today: date) -> bool:
    found = _parsed(one, today)
    return found is not None and found == _parsed(other, today)


def _parsed(words: str, today: date) -> date | None:
    try:
        return parse_date(words, today)
    except (ValueError, OverflowError):
        return None


def _replaced(days: list[Day], text: str) -> list[Day]:
    """The days after second thoughts: one led in by "so" or "make it" takes the place of one taken back before.

    Where all was taken back ("no wait") the last day does so without being led in.
    """
    kept, since = list(days), 0
    marks = [found.start() for found in _TAKEN_BACK.finditer(text, days[0].end)] if len(days) > 1 else []
    all_back = min((found.start() for found in _ALL_TAKEN_BACK.finditer(text)), default=len(text))
    for at, day in enumerate(kept):
        mark = next((mark for mark in marks if since <= mark < day.start), None)
        final = day is days[-1] and since <= all_back < day.start
        if mark is None or not (day.led_in or final):
            continue
        old = next((i for i in reversed(range(at)) if kept[i].end <= mark and kept[i].role != "other"), None)
        if old is None or not (day.role in {"loose", kept[old].role} or (day.role, kept[old].role) == ("out", "loose")):
            continue
        kept[at] = replace(day, role=kept[old].role if day.role == "loose" else day.role)
        kept[old:at] = [replace(passed, role="other") for passed in kept[old:at]]
        since = day.end
    return kept


def _occasion(words: str) -> bool:
    return OCCASION.fullmatch(words) is not None


def _without_occasions(days: list[Day]) -> list[Day]:
    """The days, of which a holiday beside a day that was named for the way out is only the occasion."""
    ends = [at for at, day in enumerate(days) if day.role in {"out", "loose"}]
    plain = any(not _occasion(days[at].words) for at in ends)

    def only_told(at: int, day: Day) -> bool:
        aside = plain and day.role == "loose" and not _ON.search(day.lead)
        return aside or (_FOR.search(day.lead) is not None and at < max(ends, default=0))

    return [
        replace(day, role="other") if _occasion(day.words) and only_told(at, day) else day
        for at, day in enumerate(days)
    ]
