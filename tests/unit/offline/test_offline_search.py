"""A request for flights in one message: which search it becomes, and what the answer tells."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.offline.conftest import Talk


@pytest.mark.parametrize(
    ("sentence", "arguments"),
    [
        ("I want to find flights to Paris", {"destination": "Paris"}),
        ("Find me flights to Paris", {"destination": "Paris"}),
        ("FIND ME FLIGHTS TO PARIS", {"destination": "PARIS"}),
        ("find me flights to paris!!!", {"destination": "paris"}),
        ("flights to Paris, Texas", {"destination": "Paris, Texas"}),
        ("Paris", {"destination": "Paris"}),
        ("Oslo Rome", {"origin": "Oslo", "destination": "Rome"}),
        ("OSL-CDG tomorrow", {"origin": "OSL", "destination": "CDG", "departure_date": "2026-11-24"}),
        (
            "fly from Oslo to Rome next Friday, 2 people, business, direct, under 500",
            {
                "origin": "Oslo",
                "destination": "Rome",
                "departure_date": "2026-12-04",
                "passengers": 2,
                "cabin": "business",
                "max_stops": 0,
                "max_price": 500,
            },
        ),
        (
            "flights to NYC from LHR 2026-12-24 to 2027-01-02",
            {"origin": "LHR", "destination": "NYC", "departure_date": "2026-12-24", "return_date": "2027-01-02"},
        ),
        (
            "fly to Rome tomorrow for 3 days",
            {"destination": "Rome", "departure_date": "2026-11-24", "return_date": "2026-11-27"},
        ),
        ("What's the cheapest way to get to Rome?", {"destination": "Rome", "sort": "price"}),
        ("a flight to Rome with at most 1 stop", {"destination": "Rome", "max_stops": 1}),
        ("flights to Rome for 500€ at most", {"destination": "Rome", "max_price": 500}),
    ],
)
def test_one_sentence_becomes_one_search(talk: Talk, sentence: str, arguments: dict[str, Any]) -> None:
    """The sentence fills exactly the arguments it speaks of; nothing is invented."""
    talk.say(sentence)
    assert talk.searched == arguments
    assert talk.rounds == 1


@pytest.mark.parametrize(
    ("words", "passengers"),
    [
        ("for 2 adults and 1 child", 3),
        ("with my wife", 2),
        ("with 2 kids", 3),
        ("for four", 4),
        ("just me", 1),
        ("a party of 5", 5),
        ("two business class tickets", 2),
        ("6 of us", 6),
    ],
)
def test_party_is_counted(talk: Talk, words: str, passengers: int) -> None:
    """Everyone who flies is counted, however the party is described."""
    talk.say(f"flights to Rome, {words}")
    assert talk.searched["passengers"] == passengers


def test_answer_lists_every_part_of_an_offer(talk: Talk) -> None:
    """An offer is told with carrier, flight numbers, airports, local times, stops, duration and price."""
    reply = talk.say("fly from Oslo to Rome next Friday")
    first = reply.splitlines()[1]
    for part in (
        *("SkyHighAir", "SH123", "SH456", "OSL 22:10", "ROM 01:05", "(+1 day)"),
        *("1 stop via AMS", "2 h 55 min", "412.50 EUR"),
    ):
        assert part in first


def test_answer_says_what_it_searched_assumed_and_that_fares_are_samples(talk: Talk) -> None:
    """The query, the tool's notes and the source of the fares are part of the answer."""
    reply = talk.say("Find me flights to Rome in business for 2")
    assert "to Rome (ROM) on Monday 7 December 2026 for 2 passengers in business" in reply
    assert "No date was given, so the search is for 7 December." in reply
    assert "sample fares" in reply


@pytest.mark.parametrize("opening", ["I want to fly", "find me a flight", "I want to go somewhere warm"])
@pytest.mark.parametrize("place", ["Paris", "to Paris", "Paris please"])
def test_missing_destination_is_asked_for_and_its_bare_name_continues(talk: Talk, opening: str, place: str) -> None:
    """Without a destination nothing is searched; the answer to the question starts the search."""
    assert talk.say(opening) == "Where would you like to fly to?"
    assert talk.calls == []
    talk.say(place)
    assert talk.searched == {"destination": "Paris"}


def test_round_trip_asks_for_both_days(talk: Talk) -> None:
    """A round trip without dates asks for the way out, then for the way back, which follows it."""
    assert "leave" in talk.say("round trip to Rome")
    assert "back" in talk.say("next Monday")
    talk.say("Friday")
    assert talk.searched == {"destination": "Rome", "departure_date": "2026-11-30", "return_date": "2026-12-04"}


def test_ambiguous_place_is_asked_about_and_a_choice_continues(talk: Talk) -> None:
    """A tool error becomes a question with the tool's suggestions, and any way of choosing one is understood."""
    reply = talk.say("flights from Oslo to Springfield, business")
    assert "could be several places. Did you mean" in reply
    assert "Springfield, Illinois, US (SPI)" in reply
    talk.say("the one in Illinois")
    assert talk.searched["destination"] == "SPI"
    assert (talk.searched["origin"], talk.searched["cabin"]) == ("Oslo", "business")


@pytest.mark.parametrize(("choice", "code"), [("Milan", "MIL"), ("the first one", "ROM"), ("NAP", "NAP")])
def test_country_is_narrowed_to_a_city(talk: Talk, choice: str, code: str) -> None:
    """A country's cities are offered; a name, a rank or a code picks one."""
    assert "Did you mean Rome" in talk.say("flights to Italy")
    talk.say(choice)
    assert talk.searched["destination"] == code


def test_unknown_place_is_asked_about_again(talk: Talk) -> None:
    """An error without suggestions ends in a question, and the search is not repeated in the same turn."""
    reply = talk.say("Find flights to Xyzzyville")
    assert reply == "No airport is known for 'Xyzzyville'. Where would you like to fly to?"
    assert talk.rounds == 1
    talk.say("Rome")
    assert talk.searched == {"destination": "Rome"}


def test_unreadable_date_is_the_tools_to_judge(talk: Talk) -> None:
    """A date that may be two days is passed on in the user's words, and the tool's question is handed back."""
    assert "could be two days: write 2027-06-05 or 2027-05-06" in talk.say("flights to Paris on 05/06")
    talk.say("2027-05-06")
    assert talk.searched == {"destination": "Paris", "departure_date": "2027-05-06"}


def test_without_tools_it_says_so(talk: Talk) -> None:
    """A request that offers no search tool is answered honestly, without a call."""
    talk.tools = frozenset()
    assert "no flight search" in talk.say("Find me flights to Paris")
    assert talk.calls == []
