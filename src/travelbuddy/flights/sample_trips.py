"""A journey, a trip, and the offer that it makes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from travelbuddy.domain.travel import FlightQuery, Offer, Segment, Slice
from travelbuddy.flights.sample_ids import offer_id
from travelbuddy.flights.timetable import Flight

CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Journey:
    """One direction at a price, in cents for one passenger; ``flights`` tells journeys apart."""

    legs: tuple[Flight, ...]
    cents: int
    duration: timedelta
    flights: tuple[str, ...]


Trip = tuple[Journey, ...]
"""One direction, or there and back."""


def offer_of(trip: Trip, query: FlightQuery, source: str) -> Offer:
    """The trip for the passengers of the query."""
    cents = sum(journey.cents for journey in trip) * query.passengers
    return Offer(
        id=offer_id(query, [journey.flights for journey in trip]),
        total_amount=str(money(cents)),
        total_currency=CURRENCY,
        cabin=query.cabin,
        owner=trip[0].legs[0].carrier,
        slices=tuple(map(_slice, trip)),
        source=source,
        passengers=query.passengers,
    )


def money(cents: int) -> Decimal:
    """Cents as the currency's amount."""
    return Decimal(cents).scaleb(-2)


def _slice(journey: Journey) -> Slice:
    legs = journey.legs
    return Slice(
        origin=legs[0].origin.code,
        destination=legs[-1].destination.code,
        duration=journey.duration,
        stops=len(legs) - 1,
        segments=tuple(
            Segment(
                origin=leg.origin.code,
                destination=leg.destination.code,
                departing_at=leg.departing_at,
                arriving_at=leg.arriving_at,
                duration=leg.arriving_at - leg.departing_at,
                marketing_carrier=leg.carrier,
                flight_number=leg.number,
            )
            for leg in legs
        ),
    )
