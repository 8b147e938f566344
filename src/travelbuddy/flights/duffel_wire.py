"""Duffel's bodies (API v2, https://duffel.com/docs/api/v2) as far as they are needed, and the requests that we make."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from travelbuddy.domain.travel import FlightQuery, Passenger, SupplierText

ID_FORM = r"^[A-Za-z0-9_-]{1,200}$"
KEY_NAME = "travelbuddy_hold"
"""Under which an order's metadata has what tells our own order from any other."""
_Model = TypeVar("_Model", bound=BaseModel)


def _text(value: object) -> object:
    return str(value)[:500] if isinstance(value, str | int) and not isinstance(value, bool) else ""


_Text = Annotated[str, BeforeValidator(_text)]
_Money = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$")]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class WireAirline(_Wire):
    """An airline; some have no code."""

    iata_code: _Text = ""
    name: _Text = ""


class WirePlace(_Wire):
    """An airport."""

    iata_code: str = Field(pattern=r"^[A-Z]{3}$")
    time_zone: _Text = ""


class WireTraveller(_Wire):
    """How one traveller flies on one flight."""

    cabin_class: _Text = ""


class WireSegment(_Wire):
    """One flight, with local times; ``stops`` are landings without a change of planes."""

    origin: WirePlace
    destination: WirePlace
    departing_at: datetime
    arriving_at: datetime
    marketing_carrier: WireAirline
    marketing_carrier_flight_number: _Text = ""
    stops: tuple[Any, ...] | None = None
    passengers: tuple[WireTraveller, ...] | None = None


class WireSlice(_Wire):
    """One direction."""

    segments: tuple[WireSegment, ...] = Field(min_length=1)


class WirePassenger(_Wire):
    """A seat that is sold; an order says who takes it."""

    id: str = Field(max_length=200)


class WirePayment(_Wire):
    """When it has to be paid: at once, as long as nothing else is said."""

    requires_instant_payment: bool = True
    payment_required_by: AwareDatetime | None = None


class WireOffer(_Wire):
    """An offer."""

    id: str = Field(pattern=ID_FORM)
    total_amount: _Money
    total_currency: str = Field(pattern=r"^[A-Z]{3}$")
    owner: WireAirline
    slices: tuple[WireSlice, ...] = Field(min_length=1)
    live_mode: bool = True
    expires_at: AwareDatetime | None = None
    passengers: tuple[WirePassenger, ...] = ()
    passenger_identity_documents_required: bool | None = None
    payment_requirements: WirePayment = WirePayment()


class WireOrder(_Wire):
    """An order that is held."""

    id: str = Field(pattern=ID_FORM)
    booking_reference: SupplierText = Field(min_length=1)
    total_amount: _Money
    total_currency: str = Field(pattern=r"^[A-Z]{3}$")
    live_mode: bool = True
    cancelled_at: datetime | None = None
    payment_status: WirePayment | None = None


def offer_request(query: FlightQuery) -> dict[str, Any]:
    """The query as ``data`` of a POST to /air/offer_requests."""
    ways = [(query.origin, query.destination, query.departure_date)]
    if query.return_date is not None:
        ways.append((query.destination, query.origin, query.return_date))
    return {
        "slices": [
            {"origin": start, "destination": end, "departure_date": day.isoformat()} for start, end, day in ways
        ],
        "passengers": [{"type": "adult"}] * query.passengers,
        "cabin_class": query.cabin,
        "max_connections": 2 if query.max_stops is None else query.max_stops,
    }


def order_request(offer: WireOffer, passengers: Sequence[Passenger], mark: str) -> dict[str, Any]:
    """The hold of an offer as ``data`` of a POST to /air/orders."""
    return {
        "type": "hold",
        "selected_offers": [offer.id],
        "passengers": [
            {"id": place.id, **person.model_dump(mode="json")}
            for place, person in zip(offer.passengers, passengers, strict=True)
        ],
        "metadata": {KEY_NAME: mark},
    }


def mark_of(key: str) -> str:
    """What an order carries to be known again as ours: it tells nothing of what the key is made of."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_marked(order: object, mark: str) -> bool:
    """Whether an order was made for this mark."""
    metadata = order.get("metadata") if isinstance(order, Mapping) else None
    return isinstance(metadata, Mapping) and metadata.get(KEY_NAME) == mark


def understood(model: type[_Model], body: object) -> _Model | None:
    """The body as this model; None when it is none."""
    try:
        return model.model_validate(body)
    except (ValidationError, OverflowError):
        return None
