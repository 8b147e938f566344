"""The dates of a trip, as each message changes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from travelbuddy.offline.corrections import settled
from travelbuddy.offline.day_words import A_WEEKDAY, DATE, RANKED_ALONE, SAME_DAY
from travelbuddy.offline.frame import Frame, Shift
from travelbuddy.offline.near_days import Near, near
from travelbuddy.offline.text import EXAMINED_CHARS, tidy
from travelbuddy.offline.whens import ONLY_A_NUMBER, a_month, iso_day, moved, resolve
from travelbuddy.offline.wording import plainly


def near_standing(standing: Frame, new: Frame, message: str) -> Frame:
    """``new`` with each bare day of the message ("the 6th", "Sunday") near the date of the trip that it replaces.

    A message that names a month, or counts from today, means what it says. Where only the month of the departure is
    known, a bare day is one of it.
    """
    month = a_month(standing.departure_date)
    if month and RANKED_ALONE.fullmatch(new.departure_date or ""):
        return replace(new, departure_date=resolve(f"{new.departure_date} of {month:%B %Y}", month))
    leaves = month or iso_day(standing.departure_date)
    told = _bare_days(message) if leaves and (new.departure_date or new.return_date) else []
    if not leaves or not told:
        return new
    out = new.departure_date
    out = _moved_after(out, told, month, None) if month else _moved_near(out, told, leaves)
    start = iso_day(out) or leaves
    returns = None if out else iso_day(standing.return_date)
    return replace(new, departure_date=out, return_date=_moved_after(new.return_date, told, start, returns))


def _bare_days(message: str) -> list[Near]:
    """What the message tells of days; nothing where one of them is more than a weekday or a day of some month."""
    text = settled(plainly(tidy(message)))
    if found := ONLY_A_NUMBER.fullmatch(text):
        return [Near(None, int(found["day"]))]
    words = [found.group() for found in DATE.finditer(text)]
    told = [near(f"{each}th" if each.isdigit() else each) for each in words if not SAME_DAY.fullmatch(each)]
    return [] if None in told else [each for each in told if each]


def _moved_near(iso: str | None, told: list[Near], standing: date) -> str | None:
    each = _told(iso, told)
    if not each:
        return iso
    return _unless_past(each.beside(standing) if each.tied else _close(each, standing), iso)


def _moved_after(iso: str | None, told: list[Near], start: date, standing: date | None) -> str | None:
    """The way back near the one that stands, or the first such day from ``start`` on."""
    each = _told(iso, told)
    if not each:
        return iso
    found = each.beside(start) if each.tied else _close(each, standing) if standing else None
    return _unless_past(found if found and found >= start else each.since(start), iso)


def _told(iso: str | None, told: list[Near]) -> Near | None:
    """What was told of the day; words that are no day yet were not understood from today."""
    day = iso_day(iso)
    if day is None and (own := near(iso or "")) in told:
        return own
    return next((each for each in told if day is None or each.fits(day)), None) if iso else None


def _close(each: Near, standing: date) -> date | None:
    return each.in_month_of(standing) if each.weekday is None else each.nearest(standing)


def _unless_past(found: date | None, iso: str | None) -> str | None:
    """``found``, unless it lies before the first such day from today, which is ``iso``."""
    first = iso_day(iso)
    return iso if found is None or (first and found < first) else found.isoformat()


def kept_apart(old: Frame, frame: Frame, new: Frame) -> Frame:
    """A departure after the way back moves that along, so that the stay keeps its length."""
    if not (new.departure_date and old.departure_date and frame.return_date) or new.return_date:
        return frame
    if new.departure_date <= frame.return_date:
        return frame
    days = _days_between(old.departure_date, new.departure_date)
    return replace(frame, return_date=moved(frame.return_date, days or 0) or frame.return_date)


def next_such_day(frame: Frame, message: str) -> Frame:
    """A way back named by its weekday ("back on Sunday") is the first such day from the departure on."""
    days = _days_between(frame.return_date or "", frame.departure_date or "")
    if days is None or days <= 0 or not A_WEEKDAY.search(message[:EXAMINED_CHARS]):
        return frame
    return replace(frame, return_date=moved(frame.return_date or "", 7 * -(-days // 7)))


def day_known(words: str | None) -> bool:
    """True for a date, or words for one; a month is none yet."""
    return words is not None and a_month(words) is None


def _days_between(first: str, second: str) -> int | None:
    one, other = iso_day(first), iso_day(second)
    return (other - one).days if one and other else None


def shifted(frame: Frame, shift: Shift, standing: Frame) -> Frame:
    """The frame with "a day later" worked into its dates, where there is a date to start from.

    A date that replaces one of the trip is where it should be ("a week later, so on the 10th").
    """
    legs = {"departure_date", "return_date"} if shift.leg == "departure_date" else {"return_date"}
    for leg in legs:
        day = getattr(frame, leg)
        if standing.departure_date and day != getattr(standing, leg):
            continue
        if day is None and shift.leg == leg == "return_date" and shift.days > 0:
            day = frame.departure_date  # "back a week later"
        if day:
            frame = replace(frame, **{leg: moved(day, shift.days) or day})  # type: ignore[arg-type]
    return frame


def stayed(frame: Frame, stay_days: int, new: Frame) -> Frame | None:
    """The frame with both dates of a stay of so many days, of which one is known; None while none is."""
    if new.return_date:  # was told as well, and counts
        leaves = frame.departure_date or moved(new.return_date, -stay_days)
        return replace(frame, departure_date=leaves)
    back = moved(frame.departure_date or "", stay_days)
    return replace(frame, return_date=back) if back else None


def same_day(frame: Frame) -> Frame:
    """The frame with a way back on "the same day" on that of the departure, once that is known."""
    if not frame.departure_date or not SAME_DAY.fullmatch(frame.return_date or ""):
        return frame
    return replace(frame, return_date=frame.departure_date)
