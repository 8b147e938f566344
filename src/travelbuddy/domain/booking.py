"""A booking: an offer that is held once its traveller has approved, and how that stands.

    waiting ──approve, edit──▶ approved ──▶ held | failed
       └──▶ rejected | expired

A booking is only ever replaced as a whole, under its ETag, by one of the functions of this module; so of two decisions
made at once the first counts, and a decision after the end none.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from travelbuddy.domain.errands import Errand
from travelbuddy.domain.travel import Hold, Offer, Passenger

BookingStatus = Literal["waiting", "approved", "held", "failed", "rejected", "expired"]
Verdict = Literal["approve", "reject", "edit"]


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

    @property
    def over(self) -> bool:
        """Whether nothing will be done for it any more."""
        return self.status not in {"waiting", "approved"}


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
        }
    )


def expired(booking: Booking, now: datetime) -> Booking:
    """The booking as it is when its time is up: one that still waits has expired."""
    if booking.status != "waiting" or now < booking.expires_at:
        return booking
    return booking.model_copy(update={"status": "expired"})


def held(booking: Booking, hold: Hold) -> Booking:
    """The booking when its offer is held; who travels is forgotten."""
    return _ended(booking, "held", hold=hold)


def failed(booking: Booking, error: str) -> Booking:
    """The booking when its offer cannot be held; who travels is forgotten."""
    return _ended(booking, "failed", error=error)


def _ended(booking: Booking, status: BookingStatus, hold: Hold | None = None, error: str | None = None) -> Booking:
    if booking.status != "approved":
        return booking
    return booking.model_copy(update={"status": status, "hold": hold, "error": error, "passengers": ()})
