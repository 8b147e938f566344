"""Dialogues as they are read, and arguments as they are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from evals.dialogues import SLOTS, Call, Query, asked, named_in, normal, read
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.evals.conftest import TRIP, dialogue, system, user

from travelbuddy.errors import RuntimeProblem


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test puts its dialogues."""
    return tmp_path / "d.jsonl"


def test_a_dialogue_is_read_with_its_calls(file: Path) -> None:
    """What was written is what is read, and empty lines are nothing."""
    written = dialogue(user("hello"), system("Here.", **TRIP))
    file.write_text(f"\n{written.model_dump_json()}\n\n")
    assert read(file) == [written]


def test_a_text_may_hold_a_line_separator(file: Path) -> None:
    """A U+2028 in a text, which JSON allows there, ends no line of the file."""
    written = dialogue(user("to Rome\u2028from Oslo\x85"))
    file.write_text(f"{written.model_dump_json()}\n", encoding="utf-8")
    assert read(file) == [written]


SPEAKER = '{"id": "1", "service": "x", "turns": [{"speaker": "ME", "text": ""}]}'
METHOD = '{"id": "1", "service": "x", "turns": [{"speaker": "SYSTEM", "text": "", "call": {"service": "x"}}]}'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2: Invalid JSON: EOF while parsing an object at column 1"),
        ("[]", "line 2: Input should be an object"),
        ('{"id": "1", "turns": []}', "line 2, field service: Field required"),
        (SPEAKER, "line 2, field turns.0.speaker: Input should be 'USER' or 'SYSTEM'"),
        (METHOD, "line 2, field turns.0.call.method: Field required"),
    ],
)
def test_a_line_that_is_no_dialogue_is_named(file: Path, line: str, told: str) -> None:
    """The file, the line and, where the line is an object, the field are in the message."""
    file.write_text(f"{dialogue(user()).model_dump_json()}\n{line}\n")
    with pytest.raises(RuntimeProblem) as problem:
        read(file)
    assert str(problem.value) == f"{file}, {told}"


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read: .*No such file"), (b"\xff\xfe", "cannot be read: .*utf-8"), (b"\n", "holds no dialogue")],
)
def test_a_file_without_dialogues_is_said(file: Path, content: bytes | None, told: str) -> None:
    """A file that is missing, not text or empty ends with a sentence that names it."""
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RuntimeProblem, match=rf"d\.jsonl {told}"):
        read(file)


def test_each_message_has_the_turn_that_answers_it() -> None:
    """Nothing answers a message before another of the person, nor the last one; what opens a dialogue is no answer."""
    talk = dialogue(system("Hello!"), user("hi"), user("to Rome"), system("From where?"), user("Oslo"))
    answers = [(text, answer.text if answer else None) for text, answer in talk.exchanges()]
    assert answers == [("hi", None), ("to Rome", "From where?"), ("Oslo", None)]


@pytest.mark.parametrize(
    ("method", "searches"),
    [("SearchOnewayFlight", True), ("FindFlights", True), ("get_flights", True), ("ReserveOnewayFlight", False)],
)
def test_a_call_searches_or_books(method: str, searches: bool) -> None:
    """The name of the method says which of both."""
    assert Call(service="desk", method=method, parameters={}).searches is searches


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("New York", "NYC"),
        ("NYC", "NYC"),
        ("JFK", "NYC"),
        ("LaGuardia", "NYC"),
        ("San Fran", "SFO"),
        ("LHR", "LON"),
        (" Oslo ", "OSL"),
        ("Nowhereville", "nowhereville"),
    ],
)
def test_a_place_is_compared_by_its_city(said: str, code: str) -> None:
    """Words, an airport's code and a city's code are the same place; one that nobody knows is its own words."""
    assert normal({"origin": said, "destination": said}) == Query(origin=code, destination=code)


@pytest.mark.parametrize(
    ("said", "cabin"),
    [("Premium Economy", "premium_economy"), ("Business class", "business"), ("ECONOMY", "economy"), ("Deck", "deck")],
)
def test_a_cabin_is_compared_by_its_name(said: str, cabin: str) -> None:
    """However it is written it is one of the four, or its own words."""
    assert normal({"cabin": said}).cabin == cabin


@pytest.mark.parametrize(
    ("said", "airline"),
    [
        ("Delta Airlines", "delta"),
        ("delta", "delta"),
        ("Air Canada", "canada"),
        ("British Airways", "british"),
        ("Airlines", None),
    ],
)
def test_an_airline_is_compared_by_what_sets_it_apart(said: str, airline: str | None) -> None:
    """The words that many airlines have do not count, and they alone name none."""
    assert normal({"airline": said}).airline == airline


@pytest.mark.parametrize("number", [2, "2", " 2 "])
def test_a_number_of_passengers_is_compared_as_its_digits(number: object) -> None:
    """A number and its digits are the same."""
    assert normal({"passengers": number}).passengers == "2"  # type: ignore[dict-item]


@pytest.mark.parametrize(("said", "stops"), [("True", "0"), (True, "0"), ("False", None), (False, None), (1, "1")])
def test_nonstop_is_no_stops(said: bool | int | str, stops: str | None) -> None:
    """The dataset says whether the flight is to be direct, the tool how many stops it may have."""
    assert normal({"max_stops": said}).max_stops == stops


@pytest.mark.parametrize("nothing", [None, "", " ", "dontcare", "DontCare", "None", "null", "any", "Any"])
@pytest.mark.parametrize("slot", SLOTS)
def test_what_was_not_said_is_left_out(slot: str, nothing: str | None) -> None:
    """An argument that says nothing, or that anything will do, is as one that is not there; so the tool reads it."""
    assert normal({slot: nothing}) == Query()


def test_arguments_that_are_no_slots_are_left_out() -> None:
    """How results are sorted, or what they may cost, is not compared."""
    assert normal({"sort": "price", "max_price": 300, "departure_date": "2019-03-12"}) == Query(
        departure_date="2019-03-12"
    )


@pytest.mark.parametrize(
    ("parameters", "query"),
    [
        (
            {"origin_city": "Oslo", "destination_city": "Rome", "departure_date": "2019-03-12", "refundable": "True"},
            Query(origin="OSL", destination="ROM", departure_date="2019-03-12"),
        ),
        (
            {"origin_airport": "JFK", "destination_airport": "LAX", "leaving_date": "2019-03-12"},
            Query(origin="NYC", destination="LAX", departure_date="2019-03-12"),
        ),
        (
            {"number_of_tickets": "3", "flight_class": "Economy", "is_nonstop": "True", "airlines": "dontcare"},
            Query(passengers="3", cabin="economy", max_stops="0"),
        ),
    ],
)
def test_a_call_is_read_by_every_name_of_its_slots(parameters: dict[str, Any], query: Query) -> None:
    """The services of the dataset name the same thing differently."""
    assert asked(Call(service="desk", method="SearchFlights", parameters=parameters)) == query


def test_a_slot_that_was_not_said_has_its_default() -> None:
    """One traveller in economy is meant where nobody said otherwise; the other slots mean nothing."""
    assert {slot: Query().slot(slot) for slot in SLOTS if Query().slot(slot)} == {"passengers": "1", "cabin": "economy"}
    assert Query(passengers="2", cabin="first").slot("passengers") == "2"


PLACES = st.sampled_from(["Oslo", "JFK", "New York", "LHR", "Tokyo", "Nowhereville", "dontcare"])
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "origin": PLACES,
        "destination": PLACES,
        "departure_date": st.dates().map(str),
        "cabin": st.sampled_from(["Business class", "economy", "any"]),
        "passengers": st.integers(1, 9),
        "max_stops": st.sampled_from([True, False, 0, 1]),
        "airline": st.sampled_from(["Delta Airlines", "Air Canada", "SAS", "airlines"]),
    },
)


@given(ARGUMENTS)
def test_what_is_comparable_stays_as_it_is(arguments: dict[str, Any]) -> None:
    """Making arguments comparable twice is the same as once."""
    once = normal(arguments)
    assert normal({slot: getattr(once, slot) for slot in SLOTS}) == once


@pytest.mark.parametrize(
    ("slot", "value", "text", "named"),
    [
        ("departure_date", "2019-03-12", "on the 12th", True),
        ("departure_date", "2019-03-12", "for March 12.", True),
        ("departure_date", "2019-03-12", "next tuesday", True),
        ("return_date", "2019-03-02", "on the 22nd", False),
        ("departure_date", "2019-03-12", "on the 13th", False),
        ("origin", "NYC", "from New York", True),
        ("origin", "NYC", "from new yorkshire", False),
        ("destination", "LON", "to Rome", False),
        ("origin", "atlantis", "from Atlantis", False),
    ],
)
def test_what_a_text_names(slot: str, value: str, text: str, named: bool) -> None:
    """A day is named by its number, its month or its weekday, a place that is known by its city."""
    assert named_in(slot, value, text) is named
