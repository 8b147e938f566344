from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import airports_for, find_place, warm


def refusal(text: str) -> ToolError:
    """The error that finding this place ends with."""
    with pytest.raises(ToolError) as caught:
        find_place(text)
    return caught.value


def test_a_metropolitan_area_has_all_its_airports() -> None:
    """Paris is CDG, ORY and BVA, the main one first, by name and by code."""
    for text in ("Paris", "PAR", "paris", "Paris, France"):
        place = find_place(text)
        assert place.code == "PAR"
        assert [airport.code for airport in place.airports] == ["CDG", "ORY", "BVA"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CDG", "CDG"),
        ("cdg", "CDG"),
        ("Heathrow", "LHR"),
        ("London Gatwick", "LGW"),
        ("Haneda", "HND"),
        ("New York", "NYC"),
        ("NYC", "NYC"),
        ("Tokyo", "TYO"),
        ("São Paulo", "SAO"),
        ("Sao Paulo", "SAO"),
        ("Zürich", "ZRH"),
        ("ZURICH", "ZRH"),
        ("München", "MUC"),
        ("Tromsø", "TOS"),
        ("Málaga", "AGP"),
        ("İstanbul", "IST"),
        ("Paris, Texas", "PRX"),
        ("Portland, Maine", "PWM"),
        ("Oslo, NO (OSL)", "OSL"),
        ("Majorca", "PMI"),
        ("Longyearbyen", "LYR"),
    ],
)
def test_places_are_found_by_code_name_and_accent(text: str, code: str) -> None:
    """Codes, cities, airports, other names and accents lead to the same place."""
    assert find_place(text).code == code


@pytest.mark.parametrize("text", ["Springfield", "San Jose", "Birmingham", "Norway", "Georgia", "Italy", "USA"])
def test_doubtful_places_are_asked_about(text: str) -> None:
    """A name with several owners, or of a country, suggests places, each of which can be found."""
    error = refusal(text)
    assert error.kind == "ambiguous_place"
    assert len(error.suggestions) >= 2
    for suggestion in error.suggestions:
        assert find_place(suggestion).code in suggestion


@pytest.mark.parametrize(
    "text", ["XXX", "", "   ", "✈️🗼", "Atlantis", "of", "\x00", "\ud800", "(XXX)", "12345", "東" * 80]
)
def test_unknown_places_are_refused_in_printable_words(text: str) -> None:
    """Nonsense is an unknown place, told in a text that can be sent."""
    error = refusal(text)
    assert error.kind == "unknown_place"
    assert str(error).encode()
    assert str(error).isprintable()


def test_a_typing_error_is_answered_with_the_name_meant() -> None:
    """Close names are suggested."""
    assert refusal("Pariss").suggestions == ("Paris, FR (PAR)",)


@given(st.one_of(st.text(max_size=90), st.text("abcdefgino ,()'.", max_size=30)))
@example("a," * 40)
@example("new " * 20)
def test_any_text_is_a_place_or_a_tool_error(text: str) -> None:
    """No text raises anything but ToolError, and what is found has airports."""
    try:
        answer = "found" if find_place(text).airports else "nowhere"
    except ToolError as error:
        answer = error.kind
    assert answer in {"found", "unknown_place", "ambiguous_place"}


@pytest.mark.parametrize("text", ["a" * 1_000_000, "Paris " * 200_000, " " * 1_000_000, "é" * 80, "a b " * 20])
def test_hostile_text_costs_little(text: str) -> None:
    """A megabyte of text is refused at once, with a short message."""
    warm()
    start = time.process_time()
    assert len(str(refusal(text))) < 200
    assert time.process_time() - start < 0.5


def test_airports_of_a_code() -> None:
    """A code gives its airports; one that is none is an unknown place."""
    assert [airport.code for airport in airports_for("LHR")] == ["LHR"]
    assert len(airports_for("LON")) > 3
    with pytest.raises(ToolError, match="XXX"):
        airports_for("XXX")
