"""The dialogues that people had with an agent, and what that agent looked up for them.

A file of lines of JSON, one dialogue each: ``{"id", "split", "service", "turns": [{"speaker", "text", "call"?}]}``. A
``call`` stands at the turn of the SYSTEM that tells its outcome: ``{"service", "method", "parameters"}``. The names and
values of the parameters are those of the Schema-Guided Dialogue dataset (https://arxiv.org/abs/1909.05855).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, JsonValue, ValidationError

from travelbuddy.domain.travel import parse_cabin
from travelbuddy.errors import RuntimeProblem, ToolError
from travelbuddy.flights.airports import find_place
from travelbuddy.flights.directory import directory, fold

REQUIRED = ("origin", "destination", "departure_date", "return_date")
OPTIONAL = ("cabin", "passengers", "max_stops", "airline")
DEFAULTS = {"cabin": "economy", "passengers": "1"}
"""What a slot means that was not said."""

_NAMES = {
    "origin": ("origin", "origin_city", "origin_airport"),
    "destination": ("destination", "destination_city", "destination_airport"),
    "departure_date": ("departure_date", "leaving_date"),
    "return_date": ("return_date",),
    "cabin": ("cabin", "seating_class", "flight_class"),
    "passengers": ("passengers", "number_of_tickets"),
    "max_stops": ("max_stops", "is_nonstop"),
    "airline": ("airline", "airlines"),
}
_NOT_SAID = {"", "dontcare", "none", "null", "any"}
_ANY_AIRLINE = {"airline", "airlines", "airways", "air", "lines"}
_STOPS = {"true": "0", "false": None}


class Call(BaseModel):
    """What the dialogue's agent looked up, or booked."""

    service: str
    method: str
    parameters: dict[str, JsonValue]

    @property
    def searches(self) -> bool:
        """True for a search, False for a booking."""
        return self.method.lower().startswith(("search", "find", "get"))


class Turn(BaseModel):
    """What one of the two says."""

    speaker: Literal["USER", "SYSTEM"]
    text: str
    call: Call | None = None


class Dialogue(BaseModel):
    """A whole dialogue."""

    id: str
    service: str
    turns: list[Turn]

    def exchanges(self) -> list[tuple[str, Turn | None]]:
        """Each message of the person with the turn that answers it; None where the dialogue ends."""
        turns = [*self.turns, None]
        return [
            (turn.text, after if after is not None and after.speaker == "SYSTEM" else None)
            for turn, after in zip(self.turns, turns[1:], strict=True)
            if turn.speaker == "USER"
        ]


@dataclass(frozen=True)
class Query:
    """A search as it is compared: cities by IATA or metropolitan code, ISO dates; None for what was not said."""

    origin: str | None = None
    destination: str | None = None
    departure_date: str | None = None
    return_date: str | None = None
    cabin: str | None = None
    passengers: str | None = None
    max_stops: str | None = None
    airline: str | None = None

    def slot(self, name: str) -> str | None:
        """The value of a slot, or what it means that it was not said."""
        value: str | None = getattr(self, name)
        return DEFAULTS.get(name) if value is None else value


SLOTS = tuple(field.name for field in fields(Query))


def read(path: Path) -> list[Dialogue]:
    """The dialogues of a file. Raises RuntimeProblem that names the line and the field that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines() would break texts that hold a U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise RuntimeProblem(f"EVAL_DATA={path} cannot be read: {error}") from error
    dialogues = []
    for number, line in enumerate(lines, 1):
        try:
            dialogues += [Dialogue.model_validate_json(line)] if line.strip() else []
        except ValidationError as invalid:
            raise RuntimeProblem(f"{path}, line {number}{_told(invalid)}") from None
    if not dialogues:
        raise RuntimeProblem(f"{path} holds no dialogue.")
    return dialogues


def asked(call: Call) -> Query:
    """The call of a dialogue, as it is compared."""
    return normal({slot: _first(call.parameters, names) for slot, names in _NAMES.items()})


def normal(arguments: Mapping[str, JsonValue]) -> Query:
    """Arguments of a search, as they are compared; names that are no slots are left out."""
    texts = {name: str(value).strip() for name, value in arguments.items() if name in SLOTS and value is not None}
    said = {name: _value(name, text) for name, text in texts.items() if text.lower() not in _NOT_SAID}
    return Query(**said)


def city(text: str) -> str:
    """The code of a place, that of its metropolitan area where it is one airport of several."""
    try:
        place = find_place(text)
    except ToolError:
        return text.lower()
    area = directory().metro_of.get(place.code)
    return area.code if area is not None else place.code


def named_in(slot: str, value: str, text: str) -> bool:
    """True when the text names the city or the day that a required slot has."""
    if slot.endswith("_date"):
        day = date.fromisoformat(value)
        words = rf"{day.day}(?:st|nd|rd|th)|{day:%B} {day.day}|{day:%A}"
        return re.search(rf"\b(?:{words})\b", text, re.I) is not None
    try:
        airports = find_place(value).airports
    except ToolError:
        return False
    return any(re.search(rf"\b{re.escape(airport.city)}\b", text, re.I) for airport in airports)


def _told(invalid: ValidationError) -> str:
    problem = invalid.errors()[0]
    field = ".".join(map(str, problem["loc"]))
    said = problem["msg"].replace("at line 1 column", "at column")  # of the one line that was read
    return f", field {field}: {said}" if field else f": {said}"


def _first(parameters: Mapping[str, JsonValue], names: tuple[str, ...]) -> JsonValue:
    return next((parameters[name] for name in names if name in parameters), None)


def _value(name: str, text: str) -> str | None:
    if name in {"origin", "destination"}:
        return city(text)
    if name == "cabin":
        try:
            return parse_cabin(text)
        except ValueError:
            return text.lower()
    if name == "airline":
        return "".join(word for word in fold(text).split() if word not in _ANY_AIRLINE) or None
    return _STOPS.get(text.lower(), text) if name == "max_stops" else text
