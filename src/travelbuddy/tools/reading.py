"""What a traveller says of a journey, read into a query; and the arguments of the tools that take it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from travelbuddy.domain.dates import parse_date
from travelbuddy.domain.travel import Cabin, FlightQuery, parse_cabin
from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import Place, find_place
from travelbuddy.flights.directory import fold
from travelbuddy.tools.base import ToolContext

MAX_PASSENGERS = 9
DAYS_AHEAD = 330
DEFAULT_DAYS = 14
MOST_STOPS = 2
_HIGHEST_PRICE = 10_000_000
_AFTER_DEPARTURE = re.compile(r"\b(?:mon|tue|wed|thu|fri|sat|sun|weekend)", re.I)


def _blank_is_none(value: object) -> object:
    """Models fill an optional argument with "" or "null" where they mean to leave it out."""
    return None if isinstance(value, str) and value.strip().casefold() in {"", "null", "none", "any"} else value


def _cabin_words(value: object) -> object:
    value = _blank_is_none(value)
    return parse_cabin(value) if isinstance(value, str) else value


Optionally = BeforeValidator(_blank_is_none)
Price = WithJsonSchema(
    {"type": "number", "exclusiveMinimum": 0, "description": "Most for all passengers, in the offers' currency."}
)
Passengers = Annotated[
    int,
    Field(description="Travellers, 1 to 9; null for one.", json_schema_extra={"minimum": 1, "maximum": MAX_PASSENGERS}),
]
Stops = Annotated[
    int | None,
    Optionally,
    Field(
        description="Most stops, 0 to 2: 0 for direct flights only; null for any.",
        json_schema_extra={"minimum": 0, "maximum": MOST_STOPS},
    ),
]
DestinationText = Annotated[str, Field(description="City, airport or IATA code to fly to.")]
OriginText = Annotated[
    str | None, Optionally, Field(description="The same to fly from; null for the user's home airport.")
]
DepartureText = Annotated[
    str | None, Optionally, Field(description="YYYY-MM-DD, or words such as 'next Friday'; null if not named.")
]
ReturnText = Annotated[str | None, Optionally, Field(description="As departure_date; null for one way.")]
CabinChoice = Annotated[Cabin | None, BeforeValidator(_cabin_words), Field(description="Null if not named.")]


@dataclass
class Reading:
    """Turns words into what a query needs; ``notes`` collects what the traveller did not say."""

    ctx: ToolContext
    notes: list[str] = field(default_factory=list)
    _preferences: Mapping[str, str] | None = None

    async def journey(
        self,
        destination: str,
        origin: str | None,
        departure_date: str | None,
        return_date: str | None,
        passengers: int,
        cabin: Cabin | None,
        max_stops: int | None,
    ) -> tuple[FlightQuery, Place, Place]:
        """The query for the journey, and its ends. Raises ToolError that names the argument."""
        _check_numbers(passengers, max_stops)
        there = self.place(destination, "destination")
        here = await self.origin(origin, there, and_day=departure_date is None)
        leaves = self.departure(departure_date)
        query = FlightQuery(
            origin=here.code,
            destination=there.code,
            departure_date=leaves,
            return_date=self.returning(return_date, leaves),
            passengers=passengers,
            cabin=await self.cabin(cabin),
            max_stops=None if max_stops is None else min(max_stops, MOST_STOPS),
        )
        return query, here, there

    async def preference(self, key: str) -> str | None:
        """What the user prefers, None for nothing."""
        if self._preferences is None:
            self._preferences = await self.ctx.preferences()
        return self._preferences.get(key) or None

    def place(self, text: str, argument: str) -> Place:
        """The place meant; a note says so where that is not plain."""
        try:
            place = find_place(text)
        except ToolError as error:
            raise ToolError(error.kind, str(error), field=argument, suggestions=error.suggestions) from None
        words = fold(text)
        if fold(place.name) not in words and place.code.casefold() not in words.split():
            self.notes.append(f"'{text.strip()}' is read as {place.label}.")
        return place

    async def origin(self, text: str | None, destination: Place, *, and_day: bool = False) -> Place:
        """Where the journey starts, which is not where it ends. ``and_day``: the day is to be asked for as well."""
        place = self.place(text, "origin") if text else await self._home(and_day=and_day)
        if set(place.airports) & set(destination.airports):
            if text:
                message = f"{place.label} and {destination.label} are the same place; name another destination."
                raise ToolError("same_place", message, field="destination")
            message = f"{place.label} is assumed as the origin, but it is the destination; name another origin."
            raise ToolError("same_place", message, field="origin")
        return place

    async def _home(self, *, and_day: bool) -> Place:
        if home := await self.preference("home_airport"):
            try:
                place = find_place(home)
            except ToolError:
                self.notes.append(f"Your home airport '{home[:40]}' is not one I know.")
            else:
                self.notes.append(f"Origin {place.code} is your home airport.")
                return place
        try:
            place = find_place(self.ctx.default_origin or "")
        except ToolError:
            when = ", and on which day" if and_day else ""
            message = f"Where does the journey start{when}? Ask the user, then call again."
            raise ToolError("missing_origin", message, field="origin") from None
        self.notes.append(f"Origin {place.label} is assumed, as none was named.")
        return place

    def departure(self, text: str | None) -> date:
        """The day of departure."""
        if text is None and self.ctx.default_origin is None:
            message = "Which day does the journey start? Ask the user, then call again."
            raise ToolError("missing_departure_date", message, field="departure_date")
        if text is None:
            day = self.ctx.today + timedelta(days=DEFAULT_DAYS)
            self.notes.append(f"Departure on {day.isoformat()} is assumed, as no day was named.")
            return day
        return check_season(_date(text, self.ctx.today, "departure_date"), self.ctx.today, "departure_date")

    def returning(self, text: str | None, leaves: date) -> date | None:
        """The day of return, not before the departure."""
        if text is None:
            return None
        later = text.strip().casefold().endswith("later")
        day = _date(text, leaves if later else self.ctx.today, "return_date")
        if day < leaves and _AFTER_DEPARTURE.search(text):  # "back on Sunday" is the Sunday after leaving
            day = _date(text, leaves, "return_date")
        if day < leaves:
            raise ToolError(
                "return_before_departure",
                f"The return on {day.isoformat()} is before the departure on {leaves.isoformat()}; name a later one.",
                field="return_date",
            )
        return check_season(day, self.ctx.today, "return_date")

    async def cabin(self, chosen: Cabin | None) -> Cabin:
        """The cabin named, else the user's, else economy."""
        if chosen is not None:
            return chosen
        if preferred := await self.preference("cabin"):
            try:
                cabin = parse_cabin(preferred)
            except ValueError:
                self.notes.append(f"Your preferred cabin '{preferred[:40]}' is not one I know; economy is assumed.")
                return "economy"
            self.notes.append(f"{_spoken(cabin)} is your preferred cabin.")
            return cabin
        self.notes.append("Economy is assumed, as no cabin was named.")
        return "economy"


def check_season(day: date, today: date, argument: str) -> date:
    """The day, when flights are on sale for it. Raises ToolError that names the argument."""
    last = today + timedelta(days=DAYS_AHEAD)
    if day < today:
        again = _in_coming_year(day, today)
        raise ToolError(
            "date_in_past",
            f"{day.isoformat()} is in the past: today is {today.isoformat()}; name today or a later day.",
            field=argument,
            suggestions=(again.isoformat(),) if again <= last else (),
        )
    if day > last:
        message = f"{day.isoformat()} is too far ahead: flights are on sale until {last.isoformat()}."
        raise ToolError("date_too_far", message, field=argument, suggestions=(last.isoformat(),))
    return day


def _check_numbers(passengers: int, max_stops: int | None) -> None:
    if not 1 <= passengers <= MAX_PASSENGERS:
        raise ToolError(
            "bad_passengers",
            f"One search is for 1 to {MAX_PASSENGERS} passengers; split larger groups.",
            field="passengers",
        )
    if max_stops is not None and max_stops < 0:
        raise ToolError("bad_max_stops", "max_stops is 0 for direct flights, 1 or 2.", field="max_stops")


def check_price(max_price: Decimal | None) -> None:
    """Raise ToolError for a price that is none."""
    if max_price is not None and not 0 < max_price <= _HIGHEST_PRICE:
        raise ToolError("bad_max_price", f"max_price is above 0 and at most {_HIGHEST_PRICE}.", field="max_price")


def _date(text: str, today: date, argument: str) -> date:
    try:
        return parse_date(text, today)
    except ValueError as error:
        raise ToolError("bad_date", str(error), field=argument) from None


def _in_coming_year(day: date, today: date) -> date:
    """The same day of the year, the first time it comes at or after ``today`` (29 February as 1 March)."""
    for year in (today.year, today.year + 1):
        leap_day = (day.month, day.day) == (2, 29)
        again = date(year, 3, 1) if leap_day else day.replace(year=year)
        if again >= today:
            return again
    return again


def _spoken(cabin: Cabin) -> str:
    return cabin.replace("_", " ").capitalize()
