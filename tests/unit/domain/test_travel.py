from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from travelbuddy.domain.travel import FlightQuery, parse_cabin


@pytest.mark.parametrize(
    ("text", "cabin"),
    [
        ("Business class", "business"),
        ("premium economy", "premium_economy"),
        ("PREMIUM-ECONOMY", "premium_economy"),
        ("first", "first"),
        ("coach", "economy"),
        ("Economy Cabin", "economy"),
    ],
)
def test_cabins_are_read_as_people_write_them(text: str, cabin: str) -> None:
    """Case, hyphens and the words class and cabin make no difference."""
    assert parse_cabin(text) == cabin


@pytest.mark.parametrize("text", ["", "cargo", "🪑", "x" * 1_000_000, "class"])
def test_other_cabins_are_refused(text: str) -> None:
    """Anything else is a ValueError that names the cabins."""
    with pytest.raises(ValueError, match="economy, premium_economy, business, first"):
        parse_cabin(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"destination": "OSL"},
        {"destination": "oslo"},
        {"return_date": date(2026, 6, 30)},
        {"passengers": 0},
        {"passengers": 10},
        {"max_stops": -1},
        {"max_price": 0},
        {"max_price": "NaN"},
        {"max_price": "Infinity"},
        {"cabin": "cargo"},
        {"extra": 1},
    ],
)
def test_a_senseless_query_cannot_be_made(wrong: dict[str, Any]) -> None:
    """A query that exists can be searched: its parts are valid alone and together."""
    good: dict[str, Any] = {"origin": "OSL", "destination": "PAR", "departure_date": date(2026, 7, 1)}
    FlightQuery.model_validate(good)
    with pytest.raises(ValidationError):
        FlightQuery.model_validate(good | wrong)
