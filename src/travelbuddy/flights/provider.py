"""What the agent needs of anyone who sells flights."""

from __future__ import annotations

from typing import Protocol

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
