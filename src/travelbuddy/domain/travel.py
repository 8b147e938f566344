"""What a flight search asks and answers, in the names of Duffel's API v2.

Codes are IATA (three capital letters: an airport or a metropolitan area), money is a decimal string with the
currency's exact minor units, times are local to their airport and carry their UTC offset, durations
dump as ISO 8601.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Cabin = Literal["economy", "premium_economy", "business", "first"]
Sort = Literal["price", "duration", "departure"]
PlaceCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

CABINS: tuple[Cabin, ...] = get_args(Cabin)
_CABIN_WORDS: dict[str, Cabin] = {
    "eco": "economy",
    "coach": "economy",
    "standard": "economy",
    "premium": "premium_economy",
    "biz": "business",
}


def parse_cabin(text: str) -> Cabin:
    """The cabin meant by a phrase such as "Business class"; ValueError names the four cabins otherwise."""
    words = text[:60].casefold().replace("-", " ").replace("_", " ").split()
    key = "_".join(word for word in words if word not in {"class", "cabin"})
    for cabin in CABINS:
        if key == cabin:
            return cabin
    if key in _CABIN_WORDS:
        return _CABIN_WORDS[key]
    raise ValueError(f"choose one of {', '.join(CABINS)}")


def _cabin_from_words(value: object) -> object:
    return parse_cabin(value) if isinstance(value, str) else value


CabinText = Annotated[Cabin, BeforeValidator(_cabin_from_words)]
"""A cabin that also accepts how people write it; always holds one of the four names."""


def _one_short_line(value: object) -> object:
    return (
        " ".join("".join(c if c.isprintable() else " " for c in value[:500]).split())[:80]
        if isinstance(value, str)
        else value
    )


SupplierText = Annotated[str, BeforeValidator(_one_short_line)]
"""A name as a supplier gives it, which goes into the conversation: 80 visible characters in one line are enough."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FlightQuery(_Frozen):
    """One search as it was understood. ``max_price`` bounds the whole offer, in the offers' currency.

    ``airline`` is as the traveller named it; suppliers do not look at it.
    """

    origin: PlaceCode
    destination: PlaceCode
    departure_date: date
    return_date: date | None = None
    passengers: int = Field(1, ge=1, le=9)
    cabin: Cabin = "economy"
    max_stops: int | None = Field(None, ge=0, le=2)
    max_price: Decimal | None = Field(None, gt=0)
    airline: str | None = None
    sort: Sort = "price"

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.origin == self.destination:
            raise ValueError("origin and destination are the same place")
        if self.return_date is not None and self.return_date < self.departure_date:
            raise ValueError("return_date is before departure_date")
        return self


class Carrier(_Frozen):
    """An airline."""

    iata_code: SupplierText
    name: SupplierText


class Segment(_Frozen):
    """One flight, from take-off to landing at the next airport."""

    origin: PlaceCode
    destination: PlaceCode
    departing_at: AwareDatetime
    arriving_at: AwareDatetime
    duration: timedelta
    marketing_carrier: Carrier
    flight_number: SupplierText


class Slice(_Frozen):
    """One direction of a journey: contiguous segments; ``stops`` counts the airports between."""

    origin: PlaceCode
    destination: PlaceCode
    duration: timedelta
    stops: int = Field(ge=0)
    segments: tuple[Segment, ...] = Field(min_length=1)


class Offer(_Frozen):
    """A journey at a price. ``total_amount`` covers every passenger, of whom there are so many, and every slice."""

    id: str = Field(max_length=256)
    total_amount: str = Field(pattern=r"^\d+(\.\d+)?$")
    total_currency: str = Field(pattern=r"^[A-Z]{3}$")
    cabin: Cabin
    owner: Carrier
    slices: tuple[Slice, ...] = Field(min_length=1)
    source: str
    passengers: int = Field(1, ge=1)
    expires_at: AwareDatetime | None = None
    """Until when it is sold, where the supplier says so."""

    @property
    def amount(self) -> Decimal:
        """``total_amount`` as a number."""
        return Decimal(self.total_amount)

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """Who sells it, and who flies each part of it."""
        return (self.owner, *(segment.marketing_carrier for one in self.slices for segment in one.segments))

    @property
    def duration(self) -> timedelta:
        """Time spent travelling, all slices together."""
        return sum((one.duration for one in self.slices), timedelta())


class Passenger(_Frozen):
    """Who travels, as an airline wants to know it."""

    title: Literal["mr", "ms", "mrs", "miss", "dr"]
    given_name: Annotated[str, Field(min_length=1, max_length=60)]
    family_name: Annotated[str, Field(min_length=1, max_length=60)]
    born_on: date
    gender: Literal["m", "f"]
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    phone_number: Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$", description="E.164: + and digits only")]


class Hold(_Frozen):
    """An offer that is held. ``pay_by``: until when, where the supplier says so."""

    reference: SupplierText
    order_id: str
    pay_by: AwareDatetime | None = None
    total_amount: str
    total_currency: str
    source: str


class SearchResult(_Frozen):
    """The answer to a query; ``notes`` tells every assumption that was made for the traveller."""

    query: FlightQuery
    offers: tuple[Offer, ...]
    source: str
    notes: tuple[str, ...] = ()
