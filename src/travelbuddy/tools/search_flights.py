"""The flight search as the model calls it: people's words in, a query as it was understood and its offers out."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from travelbuddy.domain.travel import SearchResult, Sort
from travelbuddy.tools.airlines import AirlineText, no_offer_of, of_airline
from travelbuddy.tools.base import ToolContext, tool
from travelbuddy.tools.nothing_found import what_would_help
from travelbuddy.tools.reading import (
    CabinChoice,
    DepartureText,
    DestinationText,
    Optionally,
    OriginText,
    Passengers,
    Price,
    Reading,
    ReturnText,
    Stops,
    check_price,
)

MAX_OFFERS = 5


@tool
async def search_flights(
    ctx: ToolContext,
    destination: DestinationText,
    origin: OriginText = None,
    departure_date: DepartureText = None,
    return_date: ReturnText = None,
    passengers: Passengers = 1,
    cabin: CabinChoice = None,
    max_stops: Stops = None,
    max_price: Annotated[Decimal | None, Optionally, Price] = None,
    airline: AirlineText = None,
    sort: Annotated[Sort, Field(description="What comes first; null for price.")] = "price",
) -> SearchResult:
    """Search flights for one journey. Returns at most five offers, and notes, which the user must be told.

    Call it once for each journey. Pass places and dates as the user wrote them, with all that still holds from before.
    An error names the argument to mend: take its suggestion when that is plainly meant, else ask the user.
    """
    check_price(max_price)
    reading = Reading(ctx)
    journey, here, there = await reading.journey(
        destination, origin, departure_date, return_date, passengers, cabin, max_stops
    )
    query = journey.model_copy(update={"max_price": max_price, "airline": airline, "sort": sort})
    offers = await ctx.flights.search(query)
    if offers and airline and not (offers := of_airline(others := offers, airline)):
        offers = others
        reading.notes.append(no_offer_of(airline))
    if offers and ctx.flights.name.endswith("-test"):
        reading.notes.append("These are fares of the supplier's test mode, not real ones.")
    if not offers:
        reading.notes.append(await what_would_help(ctx, query, here, there))
    return SearchResult(
        query=query, offers=tuple(offers[:MAX_OFFERS]), source=ctx.flights.name, notes=tuple(reading.notes)
    )
