"""A fare watch: when to look, when to tell, when it is over.

Looks are numbered. Number 0 is at once, the others lie on a fixed grid, so that a late one does not make the next late.
The record says when something is to be done next: to look, to tell what was found, or to end. A watch is only ever
replaced as a whole, under its ETag, by one of the functions of this module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from travelbuddy.domain.errands import Errand
from travelbuddy.domain.travel import FlightQuery, Offer

WatchStatus = Literal["watching", "ended", "cancelled"]
Telling = Literal["fall", "webhook", "end"]
ATTEMPTS = 5
_FIRST_PAUSE, _GROWTH, _PART = 5.0, 6.0, 8
"""Seconds before the second attempt, how much longer each further one waits, and of a period the part it may take."""
RECENT = timedelta(hours=1)
KEPT = 10
"""Tidings that a record keeps, the newest."""
_SPREAD = 0.1
"""The part of a period over which the watches' looks are spread."""


class Told(BaseModel):
    """A price that the traveller was told, found by the look of that number."""

    model_config = ConfigDict(frozen=True)

    price: str
    at: datetime
    look: int


class Look(BaseModel):
    """What the look of this number found: a price, none because nothing is sold, or trouble."""

    model_config = ConfigDict(frozen=True)

    number: int
    price: str | None = None
    currency: str | None = None
    error: str | None = None


class Watch(Errand):
    """A fare that is looked at now and then. Prices are decimal strings for all passengers; ``every`` is seconds.

    ``until`` is the last day of it, and ``ends_at`` the moment when that day is over. ``currency`` is known once an
    offer was seen; the limit is in it. ``taken`` is the number of the last look that counts, -1 before the first.
    ``to_tell`` is what is still to be told: the last fall in the conversation, then to the webhook; or that the watch
    is over. ``attempts`` is how often that was tried in vain, and ``retry_at`` when it is tried again.
    """

    kind: Literal["fare_watch"] = "fare_watch"
    status: WatchStatus = "watching"
    query: FlightQuery
    limit: str
    currency: str | None = None
    every: float
    until: date
    ends_at: datetime
    webhook: str | None = None
    taken: int = -1
    checks: int = 0
    last_checked_at: datetime | None = None
    next_check_at: datetime
    last_price: str | None = None
    lowest_price: str | None = None
    notified: tuple[Told, ...] = ()
    error: str | None = None
    to_tell: Telling | None = None
    attempts: int = 0
    retry_at: datetime | None = None

    @property
    def over(self) -> bool:
        """Whether nothing will be looked at any more."""
        return self.status != "watching"

    @property
    def due(self) -> datetime | None:
        """When something is to be done for it next; None when nothing will be any more."""
        if self.to_tell is not None:
            return self.retry_at or self.last_checked_at or self.ends_at
        return None if self.over else self.next_check_at

    @property
    def ending(self) -> bool:
        """Whether it ends before another look is due."""
        return not self.over and self.next_check_at >= self.ends_at

    @property
    def number(self) -> int:
        """The number of the look that is being told, else of the one that is due next."""
        if self.to_tell is not None or self.taken < 0:
            return max(self.taken, 0)
        periods = (self.next_check_at - self.grid).total_seconds() / self.every
        return max(self.taken + 1, round(periods))

    @property
    def grid(self) -> datetime:
        """From where the periods are counted."""
        return grid_of(self.created_at, self.every, self.id)

    def told_by(self, number: int) -> Told | None:
        """What the traveller is told because of the look of this number; None for nothing."""
        return next((told for told in self.notified if told.look == number), None)


def grid_of(begun: datetime, every: float, watch_id: str) -> datetime:
    """Where a watch's grid starts: a little after its beginning, by its id, so that not all look at one moment."""
    part = int.from_bytes(hashlib.sha256(watch_id.encode()).digest()[:4]) / 2**32
    return begun + timedelta(seconds=every * _SPREAD * part)


def due_at(grid: datetime, every: float, number: int) -> datetime:
    """When the look of this number is due: a point of the grid; number 0 before it, so due from the beginning."""
    return grid + timedelta(seconds=every * (number or -_SPREAD))


def next_number(grid: datetime, every: float, number: int, now: datetime) -> int:
    """The look after this one, which is done at ``now``; those that were missed meanwhile are left out."""
    passed = int((now - grid).total_seconds() // every)
    return max(number, passed) + 1


def end_of(until: date, fixed: date | None, now: datetime) -> datetime:
    """When that day is over, in UTC. ``fixed``: what the agent's calendar says today, where it is not the real one."""
    end = datetime.combine(until + timedelta(days=1), time(), UTC)
    return end if fixed is None else end + (now.astimezone(UTC).date() - fixed)


def seen(offers: Iterable[Offer], number: int) -> Look:
    """The look that found these offers: the cheapest counts."""
    cheapest = min(offers, key=lambda offer: offer.amount, default=None)
    if cheapest is None:
        return Look(number=number)
    return Look(number=number, price=cheapest.total_amount, currency=cheapest.total_currency)


def taken_in(watch: Watch, look: Look, now: datetime) -> Watch:
    """The watch after this look. One that counts already, or comes when all is over, changes nothing."""
    if watch.over or look.number <= watch.taken:
        return watch
    currency, price, error = watch.currency or look.currency, look.price, look.error
    if price is not None and look.currency != currency:
        price, error = None, f"the fare is in {look.currency} now, and cannot be compared with {watch.limit} {currency}"
    after = next_number(watch.grid, watch.every, look.number, now)
    changes = {
        "taken": look.number,
        "checks": watch.checks + 1,
        "last_checked_at": now,
        "next_check_at": min(due_at(watch.grid, watch.every, after), watch.ends_at),
        "currency": currency,
        "error": error,
    }
    if error is None:
        changes["last_price"] = price
    if price is not None:
        changes["lowest_price"] = _lower(price, watch.lowest_price)
    if price is not None and falls(watch, price):
        changes["notified"] = (*watch.notified, Told(price=price, at=now, look=look.number))[-KEPT:]
        changes |= _to_tell("fall")
    return watch.model_copy(update=changes)


def falls(watch: Watch, price: str) -> bool:
    """Whether this price is worth telling: below the limit, and below what was told last."""
    bounds = [watch.limit, *(told.price for told in watch.notified[-1:])]
    return all(Decimal(price) < Decimal(bound) for bound in bounds)


def closed(watch: Watch, status: Literal["ended", "cancelled"], error: str | None = None) -> Watch:
    """The watch when it is over; one that is over already stays as it is."""
    if watch.over:
        return watch
    tells = _to_tell("end" if status == "ended" and not watch.notified else None)
    return watch.model_copy(update={"status": status, "error": error or watch.error, **tells})


def was_told(watch: Watch, what: Telling) -> Watch:
    """The watch when this was told: a fall is told to its webhook next, if it has one."""
    if watch.to_tell != what:
        return watch
    return watch.model_copy(update=_to_tell("webhook" if what == "fall" and watch.webhook is not None else None))


def not_delivered(
    watch: Watch, problem: str, now: datetime, asked: float | None = None, *, last: bool = False
) -> Watch:
    """The watch after an attempt at its webhook in vain: it is tried again later, or no more, which ``error`` tells.

    ``asked``: for how many seconds the receiver wants to be left alone.
    """
    attempts = watch.attempts + 1
    if last or attempts >= ATTEMPTS:
        return was_told(watch.model_copy(update={"error": f"the webhook was not delivered: {problem}"}), "webhook")
    again = now + timedelta(seconds=pause(attempts, watch.every, asked))
    return watch.model_copy(update={"attempts": attempts, "retry_at": again})


def pause(attempt: int, every: float, asked: float | None = None) -> float:
    """Seconds to wait after this attempt: longer each time, but all of them together leave a part of the period."""
    return min(max(_FIRST_PAUSE * _GROWTH ** (attempt - 1), asked or 0), every / _PART)


def taken_over(watch: Watch, now: datetime) -> Watch:
    """The watch that an instance of an earlier version leaves behind: what it found last may not have been told."""
    if watch.to_tell is not None or watch.status == "cancelled":
        return watch
    last = watch.last_checked_at
    if watch.told_by(watch.taken) is not None and last is not None and now - last < RECENT:
        return watch.model_copy(update=_to_tell("fall"))
    if watch.over and not watch.notified and now - watch.ends_at < RECENT:
        return watch.model_copy(update=_to_tell("end"))
    return watch


def _to_tell(what: Telling | None) -> dict[str, object]:
    return {"to_tell": what, "attempts": 0, "retry_at": None}


def _lower(price: str, other: str | None) -> str:
    return price if other is None or Decimal(price) < Decimal(other) else other
