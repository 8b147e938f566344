"""The rules for what is remembered, and the day it is where the user is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from travelbuddy.preferences import MAX_KEYS, checked_changes, today_for

NIGHT = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
ANYTHING: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=3,
)


@pytest.mark.parametrize(
    ("context", "day"),
    [
        ({}, 30),
        ({"timezone": "Pacific/Auckland"}, 1),
        ({"timezone": "Pacific/Honolulu"}, 30),
        ({"home_airport": "AKL"}, 1),
        ({"home_airport": "HNL"}, 30),
        ({"home_airport": "AKL", "timezone": "Pacific/Honolulu"}, 30),
        ({"timezone": "no such zone"}, 30),
        ({"home_airport": 7}, 30),
    ],
)
def test_today_is_the_users(context: dict[str, JsonValue], day: int) -> None:
    """The zone the user named counts, else their home airport's, else UTC; what is no zone does no harm."""
    assert today_for(context, lambda: NIGHT, None).day == day


def test_a_fixed_day_is_everybodys() -> None:
    """The day the settings fix holds in every zone."""
    fixed = date(2027, 1, 1)
    assert today_for({"timezone": "Pacific/Auckland"}, lambda: NIGHT, fixed) == fixed


def test_values_come_in_one_form() -> None:
    """Places become codes, choices lower case; null deletes."""
    given_: dict[str, JsonValue] = {
        "home_airport": "Oslo",
        "expertise_level": "Expert",
        "seat": " aisle ",
        "diet": None,
    }
    good, bad = checked_changes({}, given_)
    assert good == {"home_airport": "OSL", "expertise_level": "expert", "seat": "aisle", "diet": None}
    assert not bad


def test_a_user_has_a_bounded_number_of_preferences() -> None:
    """One more than allowed is refused; deleting one makes room."""
    full: dict[str, JsonValue] = {f"k{n}": n for n in range(MAX_KEYS)}
    assert checked_changes(full, {"one_more": 1})[1]
    assert not checked_changes(full, {"one_more": 1, "k0": None})[1]


@given(st.dictionaries(st.text(max_size=80), ANYTHING, max_size=4))
def test_every_change_is_taken_or_named(changes: dict[str, JsonValue]) -> None:
    """Whatever is sent, each key is either accepted in a storable form or named as bad."""
    good, bad = checked_changes({}, changes)
    assert {key[:64] for key in changes} == {key[:64] for key in good} | (set(bad) - {"body"})
    assert all(value is None or isinstance(value, str | int | float | bool) for value in good.values())
