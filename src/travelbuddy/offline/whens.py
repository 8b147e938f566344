"""The dates in a sentence: finding the words, and telling the day out from the day back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from travelbuddy.domain.dates import parse_date
from travelbuddy.offline.day_words import DATE, IN_A_MONTH, RANGE, RANKED_ALONE, SAME_DAY, TO_A_DATE
from travelbuddy.offline.days_said import Day, days_said
from travelbuddy.offline.frame import Shift
from travelbuddy.offline.near_days import Near
from travelbuddy.offline.text import NUMBER, Remainder, number

__all__ = ["DATE", "ONLY_A_NUMBER", "When", "a_month", "iso_day", "moved", "read_dates", "resolve"]

_SHIFT = re.compile(
    rf"\b(?:(?P<n>{NUMBER}) (?P<unit>day|week)s? (?!{TO_A_DATE})"
    r"(?P<way>later|after(?! tomorrow)|earlier|sooner|before)\b"
    r"|the (?:next|following) (?P<next>day|week)\b"
    rf"|the (?P<prev>day|week|evening|night|morning) (?!{TO_A_DATE})before\b"
    rf"|the (?P<then>day|week|morning|evening) (?!{TO_A_DATE})(?:after(?! tomorrow)|later)\b)",
    re.I,
)
_STAY = re.compile(
    r"\b(?:(?:for|stay(?:ing)?|after|gone|away)(?: for)?(?: (?:exactly|just|only|about))?"
    r"|(?<!in )(?:exactly|just|only)) "
    rf"(?P<n>{NUMBER}) ?(?P<unit>day|night|week)s?\b(?! (?:later|from|earlier|ago|before|after))"
    rf"|\bmake (?:it|that) (?P<n4>{NUMBER}) (?P<unit4>day|night|week)s?\b(?! (?:later|earlier))"
    rf"|^(?:(?:ok|maybe|about|just|say|only),? )*(?P<n5>{NUMBER}) (?P<unit5>day|night|week)s?[.!]*$"
    rf"|\b(?P<n2>{NUMBER})[ -](?P<unit2>day|night|week)s?[ -](?:trip|stay|holiday|vacation|visit)\b"
    rf"|(?<!last )(?<!past )\b(?P<n3>{NUMBER}) (?P<unit3>night)s?\b(?! ago)",
    re.I,
)
_STAYS = ("", "2", "3", "4", "5")
_RETURN_LEG = re.compile(r"\b(?:return(?:s|ing)?|com(?:e|ing) (?:back|home)|fly(?:ing)? (?:back|home)|back)\b", re.I)
ONLY_A_NUMBER = re.compile(
    r"(?:(?:and|or|maybe|perhaps|try|check|what about|how about|the|on) )*(?P<day>[12]\d|3[01])"
    r"(?: (?:then|instead|maybe|perhaps|please))?[ ?.!]*",
    re.I,
)


@dataclass(frozen=True)
class When:
    """The dates of one sentence; ``loose`` is a date that was not said to be the way out or the way back."""

    out: str | None = None
    back: str | None = None
    loose: str | None = None
    shift: Shift | None = None
    stay_days: int | None = None


def resolve(words: str, today: date | None, *, after: str | None = None) -> str:
    """The ISO date that ``words`` name, or the words themselves where that is not sure.

    With ``after`` (an ISO date) a day that would lie before it is read as the next such day from there on.
    """
    if today is None:
        return words
    try:
        found = parse_date(words, today)
        if after and found.isoformat() < after:
            found = parse_date(words, date.fromisoformat(after))
    except (ValueError, OverflowError):
        return _in_a_month(words, today)
    return found.isoformat()


def _in_a_month(words: str, today: date) -> str:
    """A month with the year of its next coming; what is no month as it is."""
    last = _last_of_month(words, today)
    return f"in {last:%B %Y}" if last else words


def _last_of_month(words: str, today: date) -> date | None:
    """The last day of a month that is to come; None for what is no month."""
    month = IN_A_MONTH.fullmatch(words)
    return iso_day(resolve(f"last day of {month['month']}", today)) if month else None


def a_month(words: str | None) -> date | None:
    """The first day of a month that stands for a day of it which is not known yet."""
    try:
        return datetime.strptime(words or "", "in %B %Y").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def moved(iso: str, days: int) -> str | None:
    """The ISO date so many days away, or None when ``iso`` is not an ISO date or the calendar ends."""
    try:
        return (date.fromisoformat(iso) + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return None


def read_dates(rest: Remainder, today: date | None) -> When:
    """The dates of the sentence, whose words are taken from ``rest``."""
    if found := ONLY_A_NUMBER.fullmatch(rest.text):
        rest.cut(found.start("day"), found.end("day"))
        return When(loose=resolve(f"{found['day']}th", today))
    shift, stay = _read_shift(rest), _read_stay(rest)
    ranged = _read_range(rest, today)
    if ranged:
        return ranged
    out, back, loose = _sorted_out(days_said(rest, today), today)
    if loose and (back or out):
        out, loose = out or loose, None
    return When(out, back, loose, shift, stay)


def _sorted_out(days: list[Day], today: date | None) -> tuple[str | None, str | None, str | None]:
    """The day out, the day back, and one that may be either. A day in particular counts before a vague one."""
    roles = {role: [day for day in days if day.role == role] for role in ("out", "back", "loose", "vague")}
    going = next(
        (found[which] for role, which in (("out", -1), ("loose", 0), ("vague", 0)) if (found := roles[role])), None
    )
    coming = roles["back"][-1] if roles["back"] else None
    leaves = _leaving(going, coming, days, today) if going else None
    back = _returning(coming, leaves, days, today) if coming else None
    return (leaves, back, None) if going and going.role == "out" else (None, back, leaves)


def _leaving(day: Day, coming: Day | None, days: list[Day], today: date | None) -> str:
    """The day out, where need be counted from another day of the message."""
    told = day.near
    said_before = _iso(_before(day, days), today)
    if told and told.tied and said_before:
        return _not_past(told.beside(said_before), today) or resolve(told.plain, today)
    anchor = _month_of(day, days)
    start = _iso(anchor, today)
    if start and RANKED_ALONE.fullmatch(day.words):
        return resolve(f"{day.words} of {start:%B %Y}", today)
    if not told or not anchor or not start or _any_such(told, day, anchor):
        return resolve(told.plain if told and told.tied else day.words, today)
    if told.day is None or anchor is coming:
        found = told.until(start if told.day else start - timedelta(days=1))
    else:
        found = told.since(start) if anchor.role == "vague" else told.nearest(start)
    return _not_past(found, today) or resolve(day.words, today)


def _any_such(told: Near, day: Day, anchor: Day) -> bool:
    """True for a weekday that is not "the Friday" beside a date, and means the next one from today."""
    return told.day is None and (anchor.role == "vague" or not day.lead.lower().endswith("the "))


def _returning(day: Day, leaves: str | None, days: list[Day], today: date | None) -> str:
    """The day back, which is not before the day out."""
    told, out = day.near, iso_day(leaves)
    if SAME_DAY.fullmatch(day.words):
        return leaves or day.words
    if told and told.tied and (base := out or _iso(_before(day, days), today)):
        return _not_past(told.beside(base), today) or resolve(told.plain, today)
    if told and told.day and out and (found := told.since(out)):
        return found.isoformat()
    anchor = None if leaves else _month_of(day, days)
    if told and told.day and anchor and (start := _iso(anchor, today)):
        found = told.since(start) if anchor.role == "vague" else told.nearest(start)
        return _not_past(found, today) or resolve(day.words, today)
    return resolve(told.plain if told and told.tied else day.words, today, after=leaves)


def _before(day: Day, days: list[Day]) -> Day | None:
    """The day that was said last before this one."""
    return max(
        (other for other in days if other.end <= day.start and other.role != "other"), key=lambda d: d.end, default=None
    )


def _month_of(day: Day, days: list[Day]) -> Day | None:
    """The day of the message that tells this one's month: the last before it, else the first after it."""
    named = [other for other in days if other is not day and other.names_a_month]
    earlier = [other for other in named if other.end <= day.start]
    return earlier[-1] if earlier else named[0] if named else None


def _iso(day: Day | None, today: date | None) -> date | None:
    """The day as a date; of a month alone the first that is to come."""
    if day is None or today is None:
        return None
    last = _last_of_month(day.words, today)
    return max(today, last.replace(day=1)) if last else iso_day(resolve(day.words, today))


def iso_day(iso: str | None) -> date | None:
    """The date, or None for none or for words that are no ISO date."""
    try:
        return date.fromisoformat(iso or "")
    except ValueError:
        return None


def _not_past(day: date | None, today: date | None) -> str | None:
    return day.isoformat() if day and today and day >= today else None


def _read_range(rest: Remainder, today: date | None) -> When | None:
    found = rest.take(RANGE)
    if not found:
        return None
    if found["m1"]:
        out = resolve(f"{found['a1']} {found['m1']}", today)
        first, until = iso_day(out), Near(None, int(found["b1"]))
        over = until.since(first) if first else None  # "30 May to the 3rd"
        return When(out=out, back=over.isoformat() if over else resolve(f"{found['b1']} {found['m1']}", today))
    back = resolve(f"{found['b2']} {found['m2']}", today)
    last, since = iso_day(back), Near(None, int(found["a2"]))
    started = _not_past(since.until(last), today) if last else None
    return When(out=started or resolve(f"{found['a2']} {found['m2']}", today), back=back)


def _read_shift(rest: Remainder) -> Shift | None:
    before = rest.text
    shifts = rest.take_all(_SHIFT)
    if not shifts:
        return None
    found, both = shifts[0], len(shifts) > 1  # "leave a day later and come back a day later"
    leg = "return_date" if _RETURN_LEG.search(before) and not both else "departure_date"
    unit = found["unit"] or found["next"] or found["prev"] or found["then"]
    days = (number(found["n"]) if found["n"] else 1) * (7 if unit.lower() == "week" else 1)
    earlier = found["prev"] or (found["way"] or "").lower() in {"earlier", "sooner", "before"}
    return Shift(leg, -days if earlier else days)


def _read_stay(rest: Remainder) -> int | None:
    found = rest.take(_STAY)
    if not found:
        return None
    unit, count = (next(found[f"{part}{at}"] for at in _STAYS if found[f"{part}{at}"]) for part in ("unit", "n"))
    return number(count) * (7 if unit.lower() == "week" else 1)
