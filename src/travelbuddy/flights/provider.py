"""What the agent needs of anyone who sells flights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol, runtime_checkable

from travelbuddy.domain.travel import FlightQuery, Offer


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
