"""A search that changes over turns: each message says only what is different."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.offline.conftest import Talk

_FIRST = {"origin": "OSL", "destination": "PAR", "departure_date": "2026-12-04"}


@pytest.fixture
def searched(talk: Talk) -> Talk:
    """A conversation in which flights from Oslo to Paris on Friday 4 December were found."""
    talk.say("Find flights from Oslo to Paris next Friday")
    return talk


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("and in business?", {"cabin": "business"}),
        ("in first class please", {"cabin": "first"}),
        ("what about Rome instead", {"destination": "Rome"}),
        ("and Berlin?", {"destination": "Berlin"}),
        ("no, London", {"destination": "London"}),
        ("from Bergen", {"origin": "Bergen"}),
        ("make it two people", {"passengers": 2}),
        ("a day later", {"departure_date": "2026-12-05"}),
        ("2 days earlier", {"departure_date": "2026-12-02"}),
        ("what about the day after?", {"departure_date": "2026-12-05"}),
        ("tomorrow instead", {"departure_date": "2026-11-24"}),
        ("only direct", {"max_stops": 0}),
        ("max 1 stop", {"max_stops": 1}),
        ("cheapest", {"sort": "price"}),
        ("the fastest", {"sort": "duration"}),
        ("under 300 euros", {"max_price": 300}),
        ("and back on 12 December", {"return_date": "2026-12-12"}),
        ("back on Sunday", {"return_date": "2026-12-06"}),
        ("the return a week later", {"return_date": "2026-12-11"}),
        ("Thanks! And in business?", {"cabin": "business"}),
        ("direct only and business, cheapest first", {"max_stops": 0, "cabin": "business", "sort": "price"}),
    ],
)
def test_one_change_keeps_the_rest(searched: Talk, message: str, change: dict[str, Any]) -> None:
    """What the message does not speak of is carried over from the last search."""
    searched.say(message)
    assert searched.searched == _FIRST | change


def test_changes_add_up(searched: Talk) -> None:
    """Six refinements in a row end in one search with all of them."""
    for message in ("and in business?", "what about Rome instead", "make it two people"):
        searched.say(message)
    for message in ("a day later", "only direct", "cheapest"):
        searched.say(message)
    assert searched.searched == {
        "origin": "OSL",
        "destination": "ROM",
        "departure_date": "2026-12-05",
        "cabin": "business",
        "passengers": 2,
        "max_stops": 0,
        "sort": "price",
    }


@pytest.mark.parametrize(
    ("message", "slot"),
    [
        ("no price limit", "max_price"),
        ("stops are fine", "max_stops"),
        ("any cabin", "cabin"),
        ("one way", "return_date"),
    ],
)
def test_a_limit_can_be_withdrawn(talk: Talk, message: str, slot: str) -> None:
    """Each limit goes away when the user no longer wants it, and only that one."""
    talk.say("Oslo to Paris on 4 December, back 11 December, business, direct, under 500")
    assert slot in talk.searched
    before = set(talk.searched)
    talk.say(message)
    assert set(talk.searched) == before - {slot}


def test_later_departure_keeps_the_length_of_the_stay(talk: Talk) -> None:
    """Moving the way out moves the way back along."""
    talk.say("Oslo to Paris on 4 December, back 11 December")
    talk.say("a day later")
    assert (talk.searched["departure_date"], talk.searched["return_date"]) == ("2026-12-05", "2026-12-12")


def test_new_request_in_full_drops_the_old_filters(talk: Talk) -> None:
    """Limits of an earlier search would surprise in a new one."""
    talk.say("Oslo to Paris next Friday, direct, under 500")
    talk.say("Find me flights to Rome")
    assert talk.searched["destination"] == "Rome"
    assert not talk.searched.keys() & {"max_stops", "max_price"}


def test_home_told_later_counts(talk: Talk) -> None:
    """An origin that the search assumed is not carried over, so the tool can use the home that was told since."""
    talk.say("Find flights to Paris")
    talk.say("I live in Oslo")
    talk.say("and in business?")
    assert talk.searched == {"destination": "PAR", "departure_date": "2026-12-07", "cabin": "business"}


def test_small_talk_does_not_search_again(searched: Talk) -> None:
    """Thanks after a search is answered, not searched."""
    assert searched.say("Thanks!") == "You are welcome!"
    assert searched.calls == []


def test_start_over_forgets_the_search(searched: Talk) -> None:
    """After a new start the destination is asked for again."""
    assert "start over" in searched.say("start over")
    assert "Where would you like to fly to?" in searched.say("find me a flight")
