"""Everything that is not a search: small talk, honest limits, and what the model says of itself."""

from __future__ import annotations

import pytest
from tests.unit.offline.conftest import Talk


@pytest.mark.parametrize(
    ("message", "telling"),
    [
        ("hello", "Hello"),
        ("Good morning!", "I can search flights"),
        ("help", "I can search flights"),
        ("what can you do?", "I can search flights"),
        ("thanks", "You are welcome!"),
        ("goodbye", "Goodbye"),
        ("thanks, bye", "Goodbye"),
        ("ok", "All right"),
        ("no", "All right"),
        ("asdf qwer", "I did not understand that"),
        ("😀😀", "I did not understand that"),
        ("", "I did not understand that"),
    ],
)
def test_small_talk(talk: Talk, message: str, telling: str) -> None:
    """Every message has an answer, and small talk calls no tool."""
    assert telling in talk.say(message)
    assert talk.calls == []


def test_greeting_uses_the_name() -> None:
    """A user who is known is greeted by name."""
    assert Talk(memory={"name": "Ada"}).say("hello").startswith("Hello Ada!")


@pytest.mark.parametrize(
    ("message", "topic"),
    [
        ("What's the weather in Paris?", "weather"),
        ("Find a hotel in Rome", "hotels"),
        ("rent a car in Oslo", "rental cars"),
        ("do I need a visa for Japan?", "visas"),
        ("cancel my booking", "cancelling bookings"),
        ("book it", "cannot book"),
        ("reserve two seats", "cannot book"),
        ("what about my booking?", "cannot book"),
    ],
)
def test_what_it_cannot_do_is_refused(talk: Talk, message: str, topic: str) -> None:
    """It says that it cannot, names what it was asked for, and does not search instead."""
    reply = talk.say(message)
    assert topic in reply
    assert "cannot" in reply
    assert talk.calls == []


def test_choosing_an_offer_is_not_a_booking(talk: Talk) -> None:
    """Taking an offer is answered with the limit, not with a pretence."""
    talk.say("flights to Paris")
    for message in ("book the first one", "I'll take the second one", "can you book it?"):
        assert "cannot book" in talk.say(message)
        assert talk.calls == []


def test_flights_beside_a_refusal(talk: Talk) -> None:
    """A message that asks for both gets the flights and the refusal."""
    reply = talk.say("Book a hotel and find flights to Rome")
    assert talk.searched == {"destination": "Rome"}
    assert "hotels" in reply
    assert "SH123" in reply


@pytest.mark.parametrize(
    ("wish", "topic"),
    [
        ("at 9am", "time of day"),
        ("via Milan", "where to stop"),
        ("with 2 checked bags", "baggage"),
        ("fully refundable", "refundable"),
    ],
)
def test_wish_the_search_has_no_argument_for_is_named(talk: Talk, wish: str, topic: str) -> None:
    """A wish that cannot be searched for is not dropped in silence."""
    reply = talk.say(f"I want a flight to Rome tomorrow {wish}")
    assert talk.searched == {"destination": "Rome", "departure_date": "2026-11-24"}
    assert "cannot help with" in reply
    assert topic in reply


@pytest.mark.parametrize(
    "message",
    ["who are you?", "what is your name?", "what model are you?", "are you chatgpt?", "is this the offline model?"],
)
def test_it_says_what_it_is(talk: Talk, message: str) -> None:
    """It does not pass for a large language model, and says how to get one."""
    reply = talk.say(message)
    assert "not a large language model" in reply
    assert "rules" in reply
    assert "OPENAI_API_KEY" in reply


def test_answers_only_english_and_says_so(talk: Talk) -> None:
    """A wish for another language is stored and its limit told."""
    assert "only write English" in talk.say("I speak Norwegian")


def test_order_to_use_no_more_tools_is_kept(talk: Talk) -> None:
    """When the conversation forbids tools (the step limit does), the answer is text."""
    talk.say("Do not use any tools. Find me flights to Rome")
    assert talk.calls == []
