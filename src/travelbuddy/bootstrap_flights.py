"""The part of the composition root for flights: who sells them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from travelbuddy.adapters.openai_chat import OpenAIChat
from travelbuddy.flights.provider import FlightProvider
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.resilience import Guard
from travelbuddy.settings import Settings


@runtime_checkable
class Remote(Protocol):
    """What a provider has that is asked over a network."""

    @property
    def guard(self) -> Guard:
        """The breaker around it."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


def flights_of(settings: Settings) -> FlightProvider:
    """The provider that FLIGHTS names. Nothing connects before the first search."""
    if settings.flights == "duffel":
        from travelbuddy.flights.duffel import DuffelFlights  # its HTTP library is no use to the others

        token = settings.duffel_access_token
        return DuffelFlights(settings.duffel_url, token.get_secret_value() if token is not None else "")
    return SampleFlights()


def guards_of(flights: FlightProvider) -> tuple[Guard, ...]:
    """Its breaker, where it has one."""
    return (flights.guard,) if isinstance(flights, Remote) else ()


async def close_outside(chat: OpenAIChat, flights: FlightProvider) -> None:
    """Give the connections back, to whom the service talks by HTTP."""
    await chat.close()
    if isinstance(flights, Remote):
        await flights.close()
