from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.domain.holidays import easter, holiday


@pytest.mark.parametrize(
    "day", ["1818-03-22", "1943-04-25", "2000-04-23", "2008-03-23", "2011-04-24", "2019-04-21", "2024-03-31"]
)
def test_easter(day: str) -> None:
    """Easter is computed, its earliest and latest dates included."""
    assert easter(int(day[:4])).isoformat() == day


@given(st.integers(1900, 9999))
def test_easter_is_a_sunday_of_spring(year: int) -> None:
    """Whatever the year, it is a Sunday between 22 March and 25 April."""
    assert easter(year).weekday() == 6
    assert date(year, 3, 22) <= easter(year) <= date(year, 4, 25)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("thanksgiving", "2025-11-27"),
        ("memorial day", "2025-05-26"),
        ("labour day", "2025-09-01"),
        ("mlk day", "2025-01-20"),
        ("good friday", "2025-04-18"),
        ("pentecost", "2025-06-08"),
        ("paddy's day", "2025-03-17"),
    ],
)
def test_holidays_of_a_year(name: str, day: str) -> None:
    """A name and a year make a day."""
    assert holiday(name, 2025).isoformat() == day


def test_an_unknown_holiday_is_refused() -> None:
    """What is no holiday raises a ValueError."""
    with pytest.raises(ValueError, match="not a holiday"):
        holiday("laundry day", 2025)
