"""Where tools hand in work that lasts beyond a turn. A tool is offered only where its desk is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from travelbuddy.domain.booking import Booking
from travelbuddy.domain.travel import FlightQuery
from travelbuddy.domain.watch import Watch


@dataclass(frozen=True)
class Customer:
    """Who asks, from which conversation. ``key`` is the same when the tool is run again: the errand is begun once."""

    user_id: str
    session_id: str
    key: str


class BookingDesk(Protocol):
    """Takes in wishes to hold an offer."""

    async def request(self, customer: Customer, offer_id: str, note: str | None) -> Booking:
        """Ask the traveller to approve a hold. Raises ToolError, and Transient when worth another try."""
        ...

    async def of(self, user_id: str) -> list[Booking]:
        """The user's bookings, newest first."""
        ...


class WatchDesk(Protocol):
    """Takes in wishes to be told when a fare falls."""

    async def watch(self, customer: Customer, query: FlightQuery, limit: str, today: date) -> Watch:
        """Begin a watch, after a first look whose price the customer is told at once.

        Raises ToolError, and Transient.
        """
        ...

    async def of(self, user_id: str) -> list[Watch]:
        """The user's watches, newest first."""
        ...

    async def cancel(self, watch_id: str, user_id: str | None = None) -> Watch:
        """End the watch. Raises NotFound for an unknown id, or another user's."""
        ...


@dataclass(frozen=True)
class Desks:
    """The desks that are there."""

    bookings: BookingDesk | None = None
    watches: WatchDesk | None = None
