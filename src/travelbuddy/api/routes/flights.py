"""What leaving on another day would cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from travelbuddy.api.access import OwnerDep
from travelbuddy.api.deps import ServicesDep
from travelbuddy.api.document import problems
from travelbuddy.domain.travel import Cabin, FlightQuery, PlaceCode
from travelbuddy.errors import NotOffered, ToolError
from travelbuddy.flights.provider import PricesByDay
from travelbuddy.listing import NOBODYS
from travelbuddy.preferences import today_for
from travelbuddy.tools.reading import DAYS_AHEAD, MAX_PASSENGERS

router = APIRouter(tags=["flights"])
Place = Annotated[PlaceCode, Query(description="IATA code of an airport, or a metropolitan code")]


class Day(BaseModel):
    """A day to leave on."""

    date: date
    price: str | None = Field(description="of the cheapest offer for all passengers; null: there is none")


class Days(BaseModel):
    """Days around the one asked for, in order; none of them is past."""

    origin: str
    destination: str
    currency: str
    source: str = Field(description="where the prices are from; `sample` ones are invented")
    days: list[Day]


@router.get("/flights/days", responses=problems(404))
async def get_flight_days(
    services: ServicesDep,
    owner: OwnerDep,
    origin: Place,
    destination: Place,
    departure_date: date,
    return_date: Annotated[date | None, Query(description="the length of stay is kept; left out: one way")] = None,
    cabin: Cabin = "economy",
    passengers: Annotated[int, Query(ge=1, le=MAX_PASSENGERS)] = 1,
    days: Annotated[int, Query(ge=1, le=7, description="so many days before and after")] = 3,
) -> Days:
    """The cheapest price for each day around a day; 404 `not-offered` where the flight provider cannot tell cheaply."""
    if not isinstance(services.flights, PricesByDay):
        raise NotOffered(f"{services.flights.name} cannot tell prices by day; search for a single day")
    with _named():
        query = _query(origin, destination, departure_date, return_date, passengers, cabin)
        user = await services.users.user(owner or NOBODYS)
        context = user.context if user is not None else {}
        today = today_for(context, lambda: datetime.now(UTC), services.settings.today)
        asked = [day for day in _around(departure_date, days) if day >= today]
        told = await services.flights.cheapest_by_day(query, [day for day in asked if _on_sale(day, query, today)])
    prices = {day: str(price) for day, price in told.prices.items() if price is not None}
    return Days(
        origin=origin,
        destination=destination,
        currency=told.currency,
        source=services.flights.name,
        days=[Day(date=day, price=prices.get(day)) for day in asked],
    )


def _query(
    origin: str, destination: str, leaves: date, returns: date | None, passengers: int, cabin: Cabin
) -> FlightQuery:
    """The query, when it makes sense. Raises ToolError that names the field."""
    if origin == destination:
        raise ToolError("same_place", "is where the journey starts; name another place", field="destination")
    if returns is not None and returns < leaves:
        raise ToolError("return_before_departure", "is before departure_date", field="return_date")
    return FlightQuery(
        origin=origin,
        destination=destination,
        departure_date=leaves,
        return_date=returns,
        passengers=passengers,
        cabin=cabin,
    )


def _around(middle: date, days: int) -> list[date]:
    """The days around one, as far as the calendar goes."""
    ordinals = range(middle.toordinal() - days, middle.toordinal() + days + 1)
    return [date.fromordinal(n) for n in ordinals if date.min.toordinal() <= n <= date.max.toordinal()]


def _on_sale(day: date, query: FlightQuery, today: date) -> bool:
    stay = query.return_date - query.departure_date if query.return_date is not None else timedelta()
    return day - today + stay <= timedelta(days=DAYS_AHEAD)


@contextmanager
def _named() -> Iterator[None]:
    """Turn a query that makes no sense into 422 with the field's name."""
    try:
        yield
    except ToolError as error:
        where = {"type": "value_error", "loc": ("query", error.field or "origin"), "msg": str(error), "input": None}
        raise RequestValidationError([where]) from error
