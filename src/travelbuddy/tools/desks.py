"""Where tools hand in work that lasts beyond a turn. A tool is offered only where its desk is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from travelbuddy.domain.booking import Booking


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
    """Takes in wishes to be told when a fare falls; its methods are those that the tools of watching need."""


@dataclass(frozen=True)
class Desks:
    """The desks that are there."""

    bookings: BookingDesk | None = None
    watches: WatchDesk | None = None
