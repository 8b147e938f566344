"""Watching a fare, and what the user has asked for beyond a conversation."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from travelbuddy.domain.travel import FlightQuery
from travelbuddy.domain.watch import Watch
from travelbuddy.errors import KeyReused, NotFound, ToolError
from travelbuddy.tools.base import ToolContext, tool
from travelbuddy.tools.desks import WatchDesk
from travelbuddy.tools.hold_flight import ApprovalAsked, approval_asked
from travelbuddy.tools.reading import (
    CabinChoice,
    DepartureText,
    DestinationText,
    OriginText,
    Passengers,
    Price,
    Reading,
    ReturnText,
    Stops,
    check_price,
)

_WATCHED_BEFORE = "An earlier execution of this call began another watch; see list_requests, or call again."


class Watched(BaseModel):
    """A fare watch as the model is told of it. Prices are for all passengers, ``every`` is seconds."""

    model_config = ConfigDict(frozen=True)

    watch_id: str
    status: str
    query: FlightQuery
    limit: str
    currency: str | None
    every: float
    until: date
    last_price: str | None
    lowest_price: str | None
    notes: tuple[str, ...] = ()


class Requests(BaseModel):
    """What is open for the user: approvals that wait for a decision, and fare watches."""

    model_config = ConfigDict(frozen=True)

    approvals: tuple[ApprovalAsked, ...]
    watches: tuple[Watched, ...]


@tool
async def watch_fare(
    ctx: ToolContext,
    destination: DestinationText,
    max_price: Annotated[Decimal, Price],
    origin: OriginText = None,
    departure_date: DepartureText = None,
    return_date: ReturnText = None,
    passengers: Passengers = 1,
    cabin: CabinChoice = None,
    max_stops: Stops = None,
) -> Watched:
    """Watch a journey's cheapest fare and tell the user in this conversation when it falls below max_price.

    Use it when the user wants to be told of a price later. Pass places and dates as the user wrote them. Tell the user
    the notes, and what it costs now. An error names the argument to mend: take its suggestion when that is plainly
    meant, else ask the user.
    """
    check_price(max_price)
    reading = Reading(ctx)
    query, _, _ = await reading.journey(destination, origin, departure_date, return_date, passengers, cabin, max_stops)
    try:
        watch = await _desk(ctx).watch(ctx.customer, query, f"{max_price:f}", ctx.today)
    except KeyReused:
        raise ToolError("already_asked", _WATCHED_BEFORE) from None
    if watch.notified:
        reading.notes.append("It costs less than that already. The user is told again when it falls further.")
    elif watch.last_price is None and not watch.error:
        reading.notes.append("Nothing is on sale for this journey now; it is watched all the same.")
    return _told(watch, tuple(reading.notes))


@tool
async def list_requests(ctx: ToolContext) -> Requests:
    """List what the user has asked for that is still open: approvals waiting for a decision, and fare watches."""
    watches, bookings = await _desk(ctx).of(ctx.user_id), ctx.desks.bookings
    asked = await bookings.of(ctx.user_id) if bookings is not None else []
    return Requests(
        approvals=tuple(approval_asked(booking) for booking in asked if booking.status == "waiting"),
        watches=tuple(_told(watch) for watch in watches if not watch.over),
    )


@tool
async def cancel_watch(
    ctx: ToolContext, watch_id: Annotated[str, Field(description="As list_requests or watch_fare told it.")]
) -> Watched:
    """End a fare watch. Ending one that is over is fine."""
    try:
        return _told(await _desk(ctx).cancel(watch_id, ctx.user_id))
    except NotFound:
        known = tuple(watch.id for watch in await _desk(ctx).of(ctx.user_id) if not watch.over)
        message = "The user has no such watch."
        raise ToolError("unknown_watch", message, field="watch_id", suggestions=known[:5]) from None


def _desk(ctx: ToolContext) -> WatchDesk:
    if ctx.desks.watches is None:
        raise ToolError("not_offered", "Fares cannot be watched here.")
    return ctx.desks.watches


def _told(watch: Watch, notes: tuple[str, ...] = ()) -> Watched:
    known = watch.model_dump(include={"status", "limit", "currency", "every", "until", "last_price", "lowest_price"})
    return Watched(watch_id=watch.id, query=watch.query, notes=notes, **known)
