"""The dates in a sentence: finding the words, and telling the day out from the day back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from travelbuddy.domain.dates import parse_date
from travelbuddy.offline.frame import Shift
from travelbuddy.offline.text import NUMBER, Remainder, number

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"(?:mon|tues?|wednes|thurs?|fri|satur|sun)day"
_SHORT_DAY = r"(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)"
_NOT_A_DAY = r"(?! (?:one|option|flight|offer|class|result|choice|person|passenger|time)\b)"
_YEAR = r"(?:,? \d{4}\b)?"

_RANGE = re.compile(
    rf"\b(?:(?P<m1>{_MONTH}) (?P<a1>\d{{1,2}})(?:st|nd|rd|th)? ?(?:-|to|until|till|through) ?(?:the )?"
    rf"(?P<b1>\d{{1,2}})(?:st|nd|rd|th)?\b(?! ?(?:{_MONTH}|of\b))"
    rf"|(?P<a2>\d{{1,2}})(?:st|nd|rd|th)? ?(?:-|to|until|till|through) ?(?:the )?"
    rf"(?P<b2>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<m2>{_MONTH}))",
    re.I,
)
_PLAIN = (
    rf"(?:\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?|\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}})?"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}{_YEAR}"
    rf"|{_MONTH} (?:the )?\d{{1,2}}(?:st|nd|rd|th)?\b{_YEAR}"
    rf"|{_ORDINAL}(?: of (?:this|next) month| (?:this|next) month)?\b{_NOT_A_DAY})"
)
_DATE = re.compile(
    rf"\b(?:(?:{_DAY},? (?:the )?)?{_PLAIN}"
    rf"|(?:(?:this|next|coming|last) )?{_DAY}\b(?: (?:of )?(?:this|next) week)?|next week (?:on )?{_DAY}\b"
    rf"|(?:this|next|coming|on) {_SHORT_DAY}\b"
    rf"|(?:the )?day after tomorrow|tomorrow|today|tonight|(?:this|next) weekend"
    rf"|in {NUMBER} (?:day|week|month)s?\b|{NUMBER} (?:day|week|month)s? from (?:now|today|tomorrow)"
    rf"|next (?:week|month)\b|(?:the )?end of (?:the |this |next )?month"
    rf"|christmas(?: (?:eve|day))?|boxing day|new year'?s (?:eve|day)|valentine'?s day|halloween"
    rf"|in (?:(?:early|late|mid)[ -]+)?{_MONTH}{_YEAR})",
    re.I,
)
_WEEKDAY_OF_THIS_WEEK = re.compile(rf"({_DAY}) (?:of )?this week", re.I)
_SHIFT = re.compile(
    rf"\b(?:(?P<n>{NUMBER}) (?P<unit>day|week)s? (?P<way>later|after(?! tomorrow)|earlier|sooner|before)\b"
    r"|the (?:next|following) (?P<next>day|week)\b|the (?P<prev>day|week) before\b"
    r"|the (?P<then>day|week) (?:after(?! tomorrow)|later)\b)",
    re.I,
)
_STAY = re.compile(
    rf"\b(?:for|stay(?:ing)?|after) (?P<n>{NUMBER}) ?(?P<unit>day|night|week)s?\b(?! (?:later|from|earlier))"
    rf"|\b(?P<n2>{NUMBER})[ -](?P<unit2>day|night|week)s?[ -](?:trip|stay|holiday|vacation|visit)\b",
    re.I,
)
_BACK = re.compile(
    r"\b(?:return(?:s|ing)?|back|home|inbound|until|till)\b[^|]{0,24}$|(?:^|[^|]{0,2}[ ])(?:to|-) ?(?:the ?)?$",
    re.I,
)
_OUT = re.compile(r"\b(?:leav(?:e|es|ing)|depart(?:s|ing|ure)?|go(?:ing)?|outbound|fly(?:ing)?)\b", re.I)
A_WEEKDAY = re.compile(rf"\b{_DAY}\b", re.I)
_RETURN_LEG = re.compile(r"\b(?:return(?:s|ing)?|com(?:e|ing) (?:back|home)|fly(?:ing)? (?:back|home)|back)\b", re.I)
_LOOK_BACK = 40


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
        return words
    return found.isoformat()


def moved(iso: str, days: int) -> str | None:
    """The ISO date so many days away, or None when ``iso`` is not an ISO date or the calendar ends."""
    try:
        return (date.fromisoformat(iso) + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return None


def read_dates(rest: Remainder, today: date | None) -> When:
    """The dates of the sentence, whose words are taken from ``rest``."""
    shift, stay = _read_shift(rest), _read_stay(rest)
    ranged = _read_range(rest, today)
    if ranged:
        return ranged
    before = rest.text
    out = back = loose = None
    end = 0
    for match in rest.take_all(_DATE):
        lead = before[max(end, match.start() - _LOOK_BACK) : match.start()]
        words = _WEEKDAY_OF_THIS_WEEK.sub(r"this \1", match.group())
        if _is_back(lead, first=end == 0):
            back = resolve(words, today, after=out or loose)
        elif _OUT.search(lead):
            out = resolve(words, today)
        elif loose is None:
            loose = resolve(words, today)
        end = match.end()
    if loose and (back or out):
        out, loose = out or loose, None
    return When(out, back, loose, shift, stay)


def _is_back(lead: str, *, first: bool) -> bool:
    found = _BACK.search(lead)
    if not found or (first and not re.search(r"\w{4}", found.group())):
        return False  # a bare "to" or "-" makes a way back only out of a second date
    return not _OUT.search(lead, found.start() + 1) or found.group().lower().startswith(("return", "back", "home"))


def _read_range(rest: Remainder, today: date | None) -> When | None:
    found = rest.take(_RANGE)
    if not found:
        return None
    month = found["m1"] or found["m2"]
    out = resolve(f"{found['a1'] or found['a2']} {month}", today)
    return When(out=out, back=resolve(f"{found['b1'] or found['b2']} {month}", today, after=out))


def _read_shift(rest: Remainder) -> Shift | None:
    before = rest.text
    found = rest.take(_SHIFT)
    if not found:
        return None
    leg = "return_date" if _RETURN_LEG.search(before) else "departure_date"
    unit = found["unit"] or found["next"] or found["prev"] or found["then"]
    days = (number(found["n"]) if found["n"] else 1) * (7 if unit.lower() == "week" else 1)
    earlier = found["prev"] or (found["way"] or "").lower() in {"earlier", "sooner", "before"}
    return Shift(leg, -days if earlier else days)


def _read_stay(rest: Remainder) -> int | None:
    found = rest.take(_STAY)
    if not found:
        return None
    unit = (found["unit"] or found["unit2"]).lower()
    return number(found["n"] or found["n2"]) * (7 if unit == "week" else 1)
