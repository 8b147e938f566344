"""What a search that found nothing says: the nearest thing there is."""

from __future__ import annotations

from travelbuddy.domain.travel import FlightQuery, Offer
from travelbuddy.flights.airports import Place
from travelbuddy.tools.base import ToolContext


async def what_would_help(ctx: ToolContext, query: FlightQuery, here: Place, there: Place) -> str:
    """One sentence on the nearest thing there is, found by dropping the limits one after the other.

    Elsewhere a search takes seconds and is charged, so there the model is told what it may drop.
    """
    if not ctx.flights.local:
        limits = " and ".join(name for name in ("max_price", "max_stops") if getattr(query, name) is not None)
        within = f" within {limits}; search again without, or on" if limits else "; try"
        return f"No flights from {here.label} to {there.label} were found on that day{within} another day."
    free = {"max_price": None, "sort": "price"}
    if query.max_price is not None and (offers := await ctx.flights.search(query.model_copy(update=free))):
        limit = f"{query.max_price:f} {offers[0].total_currency}"
        return f"Nothing costs at most {limit}; the cheapest is {_told(offers[0])}."
    free |= {"max_stops": None}
    if query.max_stops is not None and (offers := await ctx.flights.search(query.model_copy(update=free))):
        wanted = f"flights with at most {query.max_stops} stop" if query.max_stops else "direct flights"
        return f"There are no {wanted}; with more stops, the cheapest is {_told(offers[0])}."
    if query.return_date is not None and await ctx.flights.search(query.model_copy(update={"return_date": None})):
        return "There are flights out, but none back on that day that leave time between; try a later return_date."
    return f"No flights go from {here.label} to {there.label} on that day; try other airports, or go by land."


def _told(offer: Offer) -> str:
    stops = max(one.stops for one in offer.slices)
    way = "direct" if not stops else f"{stops} stop" + "s" * (stops > 1)
    return f"{offer.total_amount} {offer.total_currency} ({way})"
