"""What a booking says in the conversation once it has come to an end."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from travelbuddy.domain.booking import Booking
from travelbuddy.domain.travel import Offer


def outcome_text(booking: Booking) -> str:
    """The notice that tells how the booking has ended."""
    flight = journey(booking.offer)
    if booking.hold is not None:
        pay_by = f" Pay by {_moment(booking.hold.pay_by)}, or it lapses." if booking.hold.pay_by is not None else ""
        sample = " It is a sample: nothing is held at any airline." if booking.hold.source == "sample" else ""
        price = f"{booking.hold.total_amount} {booking.hold.total_currency}"
        return f"Your flight is held: {flight}, {price}. The reference is {booking.hold.reference}.{pay_by}{sample}"
    if booking.status == "rejected":
        return f"As you decided, {flight} is not held."
    if booking.status == "expired":
        return f"Nobody approved holding {flight} in time, so nothing is held. Ask me again if you still want it."
    return f"I could not hold {flight}. {booking.error or ''}".strip()


def metadata(booking: Booking) -> dict[str, JsonValue]:
    """What the notice carries."""
    reference = {"reference": booking.hold.reference} if booking.hold is not None else {}
    return {"kind": booking.kind, "approval_id": booking.id, "status": booking.status, **reference}


def journey(offer: Offer) -> str:
    """The offer in a few words."""
    out = offer.slices[0]
    first = out.segments[0]
    back = f", back {_moment(offer.slices[1].segments[0].departing_at)}" if len(offer.slices) > 1 else ""
    leaves = _moment(first.departing_at)
    return f"{offer.owner.name} from {out.origin} to {out.destination} on {leaves}{back}"


def _moment(moment: datetime) -> str:
    return moment.strftime("%d %B %Y, %H:%M").lstrip("0")
