"""A booking: an offer that is held once its traveller has approved, and how that stands.

    waiting ──approve, edit──▶ approved ──▶ held | failed
       └──▶ rejected | expired

A booking is only ever replaced as a whole, under its ETag, by one of the functions of this module; so of two decisions
made at once the first counts, and a decision after the end none. The record also says when something is to be done
next: it expires, or its offer is to be held, or its outcome is to be told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from travelbuddy.domain.errands import Errand
from travelbuddy.domain.travel import Hold, Offer, Passenger

BookingStatus = Literal["waiting", "approved", "held", "failed", "rejected", "expired"]
Verdict = Literal["approve", "reject", "edit"]
ATTEMPTS = 10
RECENT = timedelta(hours=1)
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 600.0


class Decision(BaseModel):
    """What a traveller decided. ``edit`` approves another offer, ``offer_id``."""

    model_config = ConfigDict(frozen=True)

    decision: Verdict
    by: str
    offer_id: str | None = None
    note: str | None = None

    def same(self, other: Decision | None) -> bool:
        """Whether the other one decides the same; it may say so in other words."""
        return other is not None and (self.decision, self.offer_id) == (other.decision, other.offer_id)


class Booking(Errand):
    """An offer that its traveller is asked to approve, until ``expires_at``.

    ``needs_passengers``: the supplier wants to know who travels. They are here only between approval and hold.
    ``attempts`` is how often the supplier was asked in vain, and ``retry_at`` when it is asked again. ``told``: whether
    the outcome was told in the conversation; None before there is one, and in records of earlier versions.
    """

    kind: Literal["booking"] = "booking"
    status: BookingStatus = "waiting"
    offer: Offer
    needs_passengers: bool = False
    note: str | None = None
    expires_at: datetime
    decided: Decision | None = None
    decided_at: datetime | None = None
    passengers: tuple[Passenger, ...] = ()
    hold: Hold | None = None
    error: str | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    told: bool | None = None

    @property
    def over(self) -> bool:
        """Whether its outcome is certain."""
        return self.status not in {"waiting", "approved"}

    @property
    def due(self) -> datetime | None:
        """When something is to be done for it next; None when nothing will be any more."""
        if self.status == "waiting":
            return self.expires_at
        decided_at = self.decided_at or self.expires_at
        if self.status == "approved":
            return self.retry_at or decided_at
        return decided_at if self.told is False else None


def decided(
    booking: Booking, decision: Decision, offer: Offer, passengers: tuple[Passenger, ...], now: datetime
) -> Booking:
    """The booking with its one decision; ``offer`` is what is approved. Only one that waits can be decided."""
    if booking.status != "waiting" or now >= booking.expires_at:
        raise ValueError(f"booking {booking.id} is {booking.status}")
    approved = decision.decision != "reject"
    return booking.model_copy(
        update={
            "status": "approved" if approved else "rejected",
            "decided": decision,
            "decided_at": now,
            "offer": offer,
            "passengers": passengers if approved else (),
            "told": None if approved else False,
        }
    )


def expired(booking: Booking, now: datetime) -> Booking:
    """The booking as it is when its time is up: one that still waits has expired."""
    if booking.status != "waiting" or now < booking.expires_at:
        return booking
    return booking.model_copy(update={"status": "expired", "told": False})


def not_held_yet(booking: Booking, problem: str, now: datetime, asked: float | None = None) -> Booking:
    """The booking after an attempt in vain: it is tried again later, or has failed if that was the last one.

    ``asked``: for how many seconds the supplier wants to be left alone.
    """
    if booking.status != "approved":
        return booking
    attempts = booking.attempts + 1
    if attempts >= ATTEMPTS:
        return failed(booking, f"The supplier did not answer for a long time, the last time it was: {problem}.")
    again = now + timedelta(seconds=pause(attempts, asked))
    return booking.model_copy(update={"attempts": attempts, "retry_at": again})


def pause(attempt: int, asked: float | None = None) -> float:
    """Seconds to wait after this attempt: twice as long each time; a time that the other side named is honoured."""
    return min(max(_FIRST_PAUSE * 2.0 ** min(attempt - 1, 20), asked or 0), _LONGEST_PAUSE)


def outcome_told(booking: Booking) -> Booking:
    """The booking when its outcome was told."""
    return booking.model_copy(update={"told": True}) if booking.over else booking


def taken_over(booking: Booking, now: datetime) -> Booking:
    """The booking that an instance of an earlier version leaves behind: a recent outcome may not have been told."""
    if not booking.over or booking.told is not None or now - (booking.decided_at or booking.expires_at) > RECENT:
        return booking
    return booking.model_copy(update={"told": False})


def held(booking: Booking, hold: Hold) -> Booking:
    """The booking when its offer is held; who travels is forgotten."""
    return _ended(booking, "held", hold=hold)


def failed(booking: Booking, error: str) -> Booking:
    """The booking when its offer cannot be held; who travels is forgotten."""
    return _ended(booking, "failed", error=error)


def _ended(booking: Booking, status: BookingStatus, hold: Hold | None = None, error: str | None = None) -> Booking:
    if booking.status != "approved":
        return booking
    changes = {"status": status, "hold": hold, "error": error, "passengers": (), "told": False}
    return booking.model_copy(update=changes)
