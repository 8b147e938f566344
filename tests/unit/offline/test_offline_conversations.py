"""Whole conversations as people have them, and what the last message searches for; today is Monday 23 November 2026."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.unit.offline.conftest import Talk
from tests.unit.offline.test_errands import Errands

from travelbuddy.offline.transcript import Message

SEARCHES: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (
        ("I want to go somewhere warm in February", "how about Tenerife", "London, any airport", "the 10th"),
        {"origin": "London", "destination": "Tenerife", "departure_date": "2027-02-10"},
    ),
    (
        ("Berlin to Barcelona in May for two", "thursday 13th to sunday"),
        {"departure_date": "2027-05-13", "return_date": "2027-05-16", "passengers": 2},
    ),
    (
        ("I'm in Toronto now and need to be home in Calgary tonight",),
        {"origin": "Toronto", "destination": "Calgary", "departure_date": "2026-11-23"},
    ),
    (
        ("Atlanta to Chicago on December 3rd", "maybe the evening before then"),
        {"departure_date": "2026-12-02"},
    ),
    (("San José to Miami", "Costa Rica", "next Sunday"), {"origin": "SJO", "departure_date": "2026-12-06"}),
    (("San José to Miami", "next Sunday"), {"origin": "San José", "departure_date": "2026-12-06"}),
    (("Zurich to London City on Thursday", "needs to be Swiss"), {"destination": "LCY", "airline": "Swiss"}),
    (("Oslo to Rome on the 5th, only direct", "forget the direct thing"), {"departure_date": "2026-12-05"}),
    (("Sydney to Bali over christmas", "4 people two of them kids"), {"passengers": 4}),
    (("Warsaw-Osaka on Jan 5 returning Jan 20", "what if we leave on the 7th?"), {"departure_date": "2027-01-07"}),
    (("Berlin to Osaka on 3 April", "Can we fly into Tokyo and out of Osaka?"), {"destination": "Tokyo"}),
    (("2 adults, a 7 year old and a baby, Manchester to Orlando", "can we add my mother?"), {"passengers": 5}),
    (("Oslo to Rome on the 5th for two", "one more person"), {"passengers": 3}),
    (("Oslo to Rome on the 5th", "my sister is coming too"), {"passengers": 2}),
    (("Oslo to Rome on the 5th", "what is the price difference to business?"), {"cabin": "business"}),
    (("San Francisco to Tokyo on the 5th", "and ANA?"), {"destination": "TYO", "airline": "ANA"}),
    (("Leeds to Rome on the 5th", "anything from Hull or Gatwick?"), {"destination": "ROM"}),
    (("Oslo to Rome for two weeks from April 10th", "make it 10 days"), {"return_date": "2027-04-20"}),
    (("Bristol to Venice, any weekend in March", "the second weekend"), {"departure_date": "2027-03-13"}),
    (("Oslo to Rome in May, first weekend",), {"departure_date": "2027-05-01"}),
    (("I need a flight asap from LA to Seattle",), {"departure_date": "2026-11-23"}),
    (("Nairobi to Kigali on Friday", "Rwandair only"), {"airline": "RwandAir"}),
    (("what flights do you have to Cancun", "LAX"), {"origin": "LAX", "destination": "CUN"}),
    (("what flights do you have to Cancun", "LAX then?"), {"destination": "LAX"}),
    (("my home airport is Oslo", "what flights are there to Rome", "Milan"), {"destination": "Milan"}),
    (("Cologne to Krakow for the weekend", "the weekend after that?"), {"departure_date": "2026-12-05"}),
    (("Barcelona to Amsterdam on the 3rd", "madird instead of barcelona"), {"origin": "madrid", "destination": "AMS"}),
    (("Please search flights: 1) Oslo - Bergen 5 Dec 2) Bergen - Oslo 7 Dec",), {"return_date": "2026-12-07"}),
    (("BER-JFK 10DEC-20DEC 2ADT",), {"origin": "BER", "return_date": "2026-12-20", "passengers": 2}),
    (("LHR to CPT out 20dec bk 3jan me + gf",), {"return_date": "2027-01-03", "passengers": 2}),
    (("from Kyiv... sorry, Warsaw to Chicago",), {"origin": "Warsaw", "destination": "Chicago"}),
    (("Paris to London next wek", "1 adlt 2 childs"), {"departure_date": "2026-11-30", "passengers": 3}),
    (
        ("Oslo to Rome any time in the first week of April, coming back a week later", "April 4th"),
        {"departure_date": "2027-04-04", "return_date": "2027-04-11"},
    ),
    (
        ("Madrid to Geneva, I have to be there by Tuesday and leave on Thursday",),
        {"departure_date": "2026-11-24", "return_date": "2026-11-26"},
    ),
    (
        ("wedding in Santorini on 12 September; need to arrive by the 10th and leave on 14th; flying from Manchester",),
        {"departure_date": "2027-09-10", "return_date": "2027-09-14"},
    ),
    (
        ("Can I fly to Heathrow on 5 December from Aberdeen and get back on the 7th from Gatwick?",),
        {"origin": "Aberdeen", "destination": "Heathrow", "return_date": "2026-12-07"},
    ),
    (("Hamburg to Milan on Wednesday", "and back friday", "hmm saturday"), {"return_date": "2026-11-28"}),
    (("Zurich to Lisbon on Saturday in two weeks, 12 December",), {"departure_date": "2026-12-12"}),
    (("Oslo to Rome on Thursday", "not this thurs the one after"), {"departure_date": "2026-12-03"}),
    (("Bangkok to Bali on the 5th", "make it Melbourne actually"), {"origin": "BKK", "destination": "Melbourne"}),
    (
        ("What's the weather like in Denver?", "find me a flight there from Phoenix on the 5th"),
        {"destination": "Denver"},
    ),
    (("Moscow to Sochi on 3 May til 6 May",), {"departure_date": "2027-05-03", "return_date": "2027-05-06"}),
    (("Oslo to Rome on the 5th", "find me one that doesn't stop"), {"max_stops": 0}),
    (("Denver to Bali on 16 June, for our honeymoon",), {"passengers": 2}),
    (("cancun i guess? from cleveland, leaving april 27",), {"origin": "cleveland", "destination": "cancun"}),
    (("Oslo to Rome on Friday, then back to Oslo on Monday",), {"return_date": "2026-11-30"}),
    (("Oslo to Rome on the 5th and back from Rome on the 9th",), {"origin": "Oslo", "return_date": "2026-12-09"}),
]


@pytest.mark.parametrize(("messages", "expected"), SEARCHES)
def test_the_last_message_searches_for(talk: Talk, messages: tuple[str, ...], expected: dict[str, Any]) -> None:
    """What was said before stands, and what is said now is understood beside it."""
    for message in messages:
        talk.say(message)
    assert talk.searched.items() >= expected.items()


ASKED: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (
        ("Albuquerque, please", "leaving from Portland", "Oregon", "march 3rd"),
        {"origin": "Portland, Oregon", "destination": "Albuquerque", "departure_date": "2027-03-03"},
    ),
    (
        ("a round trip from Miami to Bogota", "out on jan 7th", "14th", "make that the 15th"),
        {"departure_date": "2027-01-07", "return_date": "2027-01-15"},
    ),
    (
        ("Denver to Pittsburgh round trip in March", "the 3rd", "the 10th"),
        {"departure_date": "2027-03-03", "return_date": "2027-03-10"},
    ),
]


@dataclass
class Asking(Talk):
    """A talk in which what is missing is to be asked for (ASSUME_MISSING=false)."""

    def prompt(self) -> Message:
        """See Talk."""
        return Message("system", f"Before you search, ask for what is missing.\n{super().prompt().text}")


@pytest.mark.parametrize(("messages", "expected"), ASKED)
def test_the_answers_to_questions_add_up_to(messages: tuple[str, ...], expected: dict[str, Any]) -> None:
    """Each fills what it was asked for, or corrects what was said last."""
    talk = Asking()
    for message in messages:
        talk.say(message)
    assert talk.searched.items() >= expected.items()


def test_a_limit_that_is_forgotten_is_gone(talk: Talk) -> None:
    """Stops are allowed again."""
    talk.say("Oslo to Rome on the 5th, only direct")
    talk.say("forget the direct thing")
    assert "max_stops" not in talk.searched


def test_a_way_back_that_is_dropped_is_gone(talk: Talk) -> None:
    """The journey is one way then."""
    talk.say("Oslo to Rome on the 5th, back on the 9th")
    talk.say("drop the return")
    assert "return_date" not in talk.searched


def test_the_way_home_ends_a_tour(talk: Talk) -> None:
    """It is a leg of its own, from where the one before ended."""
    talk.say("London to Athens 10 June then Athens to Santorini 14 June then back to London 20 June")
    legs = [(leg["origin"], leg["destination"], leg["departure_date"]) for leg in talk.named("search_flights")]
    assert legs[-1] == ("Santorini", "London", "2027-06-20")
    assert len(legs) == 3


def test_home_is_where_a_tour_began(talk: Talk) -> None:
    """Its last leg need not name it."""
    talk.say("BOS to SEA on Tuesday the 8th of December; then SEA to SFO on Friday the 11th; home on Sunday the 13th")
    assert talk.named("search_flights")[-1] == {"origin": "SFO", "destination": "BOS", "departure_date": "2026-12-13"}


def test_each_leg_of_a_tour_is_a_search(talk: Talk) -> None:
    """Told one after the other, with who travels told once."""
    talk.say("we're a band of 5: Berlin to Prague on 4 May, Prague to Vienna on 6 May and Vienna to Zurich on 9 May")
    legs = [("Berlin", "Prague", "2027-05-04"), ("Prague", "Vienna", "2027-05-06"), ("Vienna", "Zurich", "2027-05-09")]
    assert talk.named("search_flights") == [
        {"origin": start, "destination": end, "departure_date": day, "passengers": 5} for start, end, day in legs
    ]


REPLIES = [
    ("no layovers longer than 3 hours please", "how long a stop takes"),
    ("could you find something that arrives before noon", "the time of day"),
    ("only the morning flights", "the time of day"),
    ("only hand luggage", "baggage"),
    ("give or take 2 days", "several days"),
    ("just one way", "already"),
    ("from here", "my home airport is"),
    ("je voudrais un vol pour demain", "only understand English"),
    ("明日の便をお願いします", "only understand English"),
    ("let's go with the second", "cannot book"),
    ("which airline", "sold by SkyHighAir"),
    ("does that flight have layovers?", "1 stop via AMS"),
    ("no other preferences", "All right"),
    ("is it from OSL or TRF", "sold by SkyHighAir"),
    ("and the latest?", "the time of day"),
    ("What's the capital of Italy?", "questions about places"),
    ("set an alarm for 5 in the morning", "alarms and reminders"),
]


@pytest.mark.parametrize(("message", "told"), REPLIES)
def test_what_cannot_be_done_is_said(talk: Talk, message: str, told: str) -> None:
    """In words that name it, without a search that leaves it out."""
    talk.say("Oslo to Rome on the 5th")
    assert told in talk.say(message)
    assert not talk.calls


def test_a_dream_is_no_request(talk: Talk) -> None:
    """Someone who would love to see a place one day has not asked for a flight yet."""
    talk.say("I'd love to see Kyoto one day")
    assert not talk.calls


def test_one_of_the_listed_watches_is_ended() -> None:
    """By its place in the list, without the word watch."""
    talk = Errands()
    talk.say("Tell me when flights from Oslo to Rome on January 15th drop below 150")
    talk.say("what are you watching?")
    assert "no longer look" in talk.say("stop the first one")
