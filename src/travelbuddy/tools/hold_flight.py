"""The hold as the model calls it: nothing is held before the traveller approves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from travelbuddy.domain.booking import Booking
from travelbuddy.domain.travel import Offer
from travelbuddy.errors import ToolError
from travelbuddy.tools.base import ToolContext, tool

NOT_YET = "Nothing is held until the traveller approves it: on the page, or with `travelbuddy approve`. Say so."
ASKED_BEFORE = "An earlier execution of this call asked for another offer: approval {}. Tell the user, or call again."
_MOST_NOTE = 300


class ApprovalAsked(BaseModel):
    """What the model is told."""

    model_config = ConfigDict(frozen=True)

    approval_id: str
    status: str
    expires_at: datetime
    offer: Offer
    notes: tuple[str, ...] = (NOT_YET,)


@tool
async def hold_flight(
    ctx: ToolContext,
    offer_id: Annotated[str, Field(description="The `id` of an offer that search_flights returned.")],
    note: Annotated[str | None, Field(description="What the traveller should know when deciding.")] = None,
) -> ApprovalAsked:
    """Ask the traveller to approve holding one offer, only when they want it. Holding is not paying.

    They decide later, outside of this conversation; the outcome comes into it by itself.
    """
    if ctx.desks.bookings is None:
        raise ToolError("not_offered", "Flights cannot be held here.")
    booking = await ctx.desks.bookings.request(ctx.customer, offer_id, note[:_MOST_NOTE] if note else None)
    if booking.decided is None and booking.offer.id != offer_id:
        raise ToolError("already_asked", ASKED_BEFORE.format(booking.id), field="offer_id")
    return approval_asked(booking)


def approval_asked(booking: Booking) -> ApprovalAsked:
    """The approval as the model is told of it."""
    return ApprovalAsked(
        approval_id=booking.id, status=booking.status, expires_at=booking.expires_at, offer=booking.offer
    )
