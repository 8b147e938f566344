"""What the agent needs of anyone who sells flights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol, runtime_checkable

from travelbuddy.domain.travel import FlightQuery, Hold, Offer, Passenger


class FlightProvider(Protocol):
    """A source of offers. ``name`` goes into every answer as its ``source``."""

    @property
    def name(self) -> str:
        """Stable, machine-readable name."""
        ...

    @property
    def local(self) -> bool:
        """Whether a search needs nothing but this process."""
        ...

    async def search(self, query: FlightQuery) -> list[Offer]:
        """Offers that meet the query, in the order it asks for; none is an empty list, not an error.

        Raises ToolError when the query names no airport or makes no journey, Transient when worth another try.
        """
        ...


@dataclass(frozen=True)
class DayPrices:
    """For each day of departure the price of its cheapest offer, None where there is none; in one currency."""

    currency: str
    prices: Mapping[date, Decimal | None]


@runtime_checkable
class PricesByDay(Protocol):
    """What a FlightProvider may be able to do as well: tell many days' cheapest prices for little more than one's."""

    async def cheapest_by_day(self, query: FlightQuery, days: Sequence[date]) -> DayPrices:
        """The prices for leaving on each of these days, with the query's length of stay.

        Each is what the first offer of a search for that day would cost. Raises as ``search``, and names the field.
        """
        ...


@runtime_checkable
class HoldsFlights(Protocol):
    """What a FlightProvider may be able to do as well: keep an offer for a traveller who pays later."""

    @property
    def needs_passengers(self) -> bool:
        """Whether ``hold`` must be told who travels."""
        ...

    async def offer(self, offer_id: str) -> Offer:
        """The offer as it is sold now.

        Raises ToolError ``offer_gone`` when it is not sold (any more), Transient when worth another try.
        """
        ...

    async def hold(self, offer: Offer, passengers: Sequence[Passenger], key: str) -> Hold:
        """Hold the offer, exactly once for this key however often it is asked.

        Raises ToolError when it cannot be had, Transient when worth another try with the same key.
        """
        ...
