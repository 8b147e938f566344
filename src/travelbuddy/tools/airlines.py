"""Offers of the airline that a traveller names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from travelbuddy.domain.travel import Offer, SupplierText
from travelbuddy.flights.carriers import as_asked
from travelbuddy.tools.reading import Optionally

AirlineText = Annotated[
    SupplierText | None,
    Optionally,
    Field(description="Name or IATA code of the one airline wanted; null if not named."),
]


def of_airline(offers: Sequence[Offer], airline: str) -> list[Offer]:
    """Those that the airline sells or flies a part of."""
    return [offer for offer in offers if as_asked(offer.carriers, airline)]


def no_offer_of(airline: str) -> str:
    """The note on offers of others in place of its own."""
    return f"No flights of {airline} were found; these are other airlines'."
