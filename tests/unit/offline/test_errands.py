"""Holding, watching, looking closer: done where it is asked for, with the offer or fare that is meant, only then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.unit.offline.conftest import ALL_TOOLS, ERRAND_TOOLS, Talk, names, search

from travelbuddy.offline.transcript import Call, Message

_PARIS = {"origin": "LON", "destination": "PAR", "departure_date": "2026-12-07"}
_NOTICE = Message("assistant", "It is held: SH123. Your fare fell below 150 EUR. Which one shall I hold?")


@dataclass
class Errands(Talk):
    """A talk with the tools that hold and watch; ``watched`` is what is being watched."""

    tools: frozenset[str] = ALL_TOOLS | ERRAND_TOOLS
    watched: list[dict[str, Any]] = field(default_factory=list)

    def run(self, call: Call) -> dict[str, Any]:
        """See Talk."""
        if call.name == "hold_flight":
            return {"approval_id": "a1", "status": "waiting", "notes": []}
        if call.name == "watch_fare":
            return self._watch(call.arguments)
        if call.name == "list_requests":
            offers = search(dict(_PARIS))["offers"]
            return {"approvals": [{"approval_id": "a1", "offer": offers[0]}], "watches": self.watched}
        if call.name == "cancel_watch":
            ended = call.arguments["watch_id"]
            self.watched = [watch for watch in self.watched if watch["watch_id"] != ended]
            return {"watch_id": ended, "status": "cancelled"}
        return super().run(call)

    def _watch(self, arguments: dict[str, Any]) -> dict[str, Any]:
        found = search({name: value for name, value in arguments.items() if name != "max_price"})
        if "error" in found:
            return found
        known = {"watch_id": f"w{len(self.watched) + 1}", "status": "watching", "query": found["query"]}
        price = {"limit": str(arguments["max_price"]), "currency": "EUR", "last_price": "412.50", "notes": []}
        self.watched.append(known | price)
        return known | price

    def then(self, *messages: str) -> str:
        """The reply to the last message; before each the agent says something unasked."""
        reply = ""
        for message in messages:
            self.messages.append(_NOTICE)
            reply = self.say(message)
        return reply


@pytest.fixture
def talk() -> Errands:
    """A conversation in which two offers were found."""
    talk = Errands()
    talk.say("flights from London to Paris on 7 December")
    return talk


@pytest.mark.parametrize(
    ("message", "offer"),
    [
        ("hold the first one", "off_1"),
        ("book the second", "off_2"),
        ("reserve the cheapest", "off_1"),
        ("can you hold that flight for me", "off_1"),
        ("I'll take the second one", "off_2"),
        ("No, hold the 2nd one please", "off_2"),
        ("put the last one on hold", "off_2"),
        ("Please hold option 2", "off_2"),
        ("hold #2", "off_2"),
        ("Yes, please book", "off_1"),
        ("Go ahead and book it please.", "off_1"),
        ("go with the second", "off_2"),
        ("hold SH123", "off_1"),
        ("could you reserve the SkyHighAir one?", "off_1"),
        ("Not the first. Hold the second cheapest one", "off_2"),
    ],
)
def test_the_offer_that_is_meant_is_asked_for(talk: Errands, message: str, offer: str) -> None:
    """It is the one of the last search, without another search, and the answer says that nothing is held yet."""
    reply = talk.then(message)
    assert talk.calls == [Call("hold_flight", {"offer_id": offer}, talk.calls[0].id)]
    assert "Nothing is held until you approve" in reply
    assert "SH123" in reply


@pytest.mark.parametrize(
    "message",
    """hold on / Hold on a second / hold on, the first one is too early / hold the line / I booked a hotel / watch out
    don't book / don't book the first one / I do not want to hold the second one / I'll book it later / I held the first
    should I hold the first one? / what if I hold the second? / how do I book it? / can I book the first one?
    do you hold the first one? / I will book the second myself / someone will book it / book a hotel / please hold
    watch my bag / I want to watch a movie / don't watch this fare / let me know if you need anything / the first one
    what are my options? / is it already booked? / before you book it, is it direct?""".replace("\n", "/").split("/"),
)
def test_nothing_is_done_that_was_not_asked_for(talk: Errands, message: str) -> None:
    """A word of holding or watching is not yet a wish, and a wish denied, put off or wondered about is none."""
    talk.then(message.strip())
    assert not ERRAND_TOOLS & set(names(talk.calls))


def test_an_offer_that_is_not_there_is_asked_about(talk: Errands) -> None:
    """A number out of range, or nothing found yet: it asks, and takes the answer."""
    assert "Which of the 2 offers" in talk.then("hold the ninth one")
    talk.then("2")
    assert talk.named("hold_flight") == [{"offer_id": "off_2"}]
    fresh = Errands()
    assert "Where would you like to fly to?" in fresh.then("hold the first one")
    assert fresh.calls == []


def test_the_offer_spoken_of_last_is_it(talk: Errands) -> None:
    """Details are of one offer, from what was found; "it" is then that one; a new search starts anew."""
    reply = talk.then("tell me more about the second one")
    assert talk.calls == []
    for known in ("530.00 EUR", "1 stop via AMS", "SkyHighAir SH456 leaves AMS 23:55", "baggage"):
        assert known in reply
    talk.then("thanks", "hold it")
    assert talk.named("hold_flight") == [{"offer_id": "off_2"}]
    talk.then("and on 9 December?", "hold it")
    assert talk.named("hold_flight") == [{"offer_id": "off_1"}]


def test_a_wish_with_a_new_journey_is_a_search_first(talk: Errands) -> None:
    """What has not been shown is not asked for."""
    reply = talk.then("book the cheapest flight to Oslo")
    assert talk.searched["destination"] == "Oslo"
    assert names(talk.calls) == ["search_flights"]
    assert "which one" in reply


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("tell me when it drops below 200", {**_PARIS, "max_price": 200}),
        ("watch this fare, under 300 please", {**_PARIS, "max_price": 300}),
        ("alert me when the price falls to 150", {**_PARIS, "max_price": 150}),
        ("notify me once it is cheaper than 1,200", {**_PARIS, "max_price": 1200}),
        ("let me know when it's under $99", {**_PARIS, "max_price": 99}),
        ("set up a price alert for 250", {**_PARIS, "max_price": 250}),
        (
            "let me know if flights from Berlin to Rome on 12 March fall under 150 euros",
            {"origin": "Berlin", "destination": "Rome", "departure_date": "2027-03-12", "max_price": 150},
        ),
        (
            "track flights from Oslo to Bergen on 3 January below 90",
            {"origin": "Oslo", "destination": "Bergen", "departure_date": "2027-01-03", "max_price": 90},
        ),
    ],
)
def test_a_fare_is_watched(talk: Errands, message: str, wanted: dict[str, Any]) -> None:
    """The journey is the last one or the one named, the limit the one named, and nothing is searched for."""
    reply = talk.then(message)
    assert [(call.name, call.arguments) for call in talk.calls] == [("watch_fare", wanted)]
    assert f"below {wanted['max_price']} EUR" in reply
    assert "412.50 EUR now" in reply


@pytest.mark.parametrize("answer", ["200", "about 200 euros please", "under 200", "€200"])
def test_a_limit_that_is_missing_is_asked_for(talk: Errands, answer: str) -> None:
    """And the answer is taken; another answer is not, and the next search is not narrowed by it."""
    assert "Below which price" in talk.then("watch this fare")
    talk.then(answer)
    assert talk.named("watch_fare") == [{**_PARIS, "max_price": 200}]
    talk.then("flights on 8 December")
    assert talk.searched == {**_PARIS, "departure_date": "2026-12-08"}
    talk.then("watch it", "no", "200")
    assert talk.named("watch_fare") == []


def test_a_journey_that_is_missing_is_asked_for() -> None:
    """The limit that was named first is kept for it."""
    talk = Errands()
    assert "fly to?" in talk.then("tell me when flights drop below 200")
    talk.then("Rome")
    assert talk.named("watch_fare") == [{"destination": "Rome", "max_price": 200}]


def test_watches_are_listed_and_ended(talk: Errands) -> None:
    """The only one ends at once; of several it asks which; with none it says so."""
    assert "nothing to end" in talk.then("cancel that watch")
    reply = talk.then("watch it below 200", "watch flights to Rome under 100", "what are you watching?")
    assert all(words in reply for words in ("below 200 EUR", "Rome", "Waiting for your approval"))
    assert "Which of these" in talk.then("stop watching it")
    talk.then("the second one")
    assert talk.named("cancel_watch") == [{"watch_id": "w2"}]
    talk.then("cancel that watch")
    assert talk.named("cancel_watch") == [{"watch_id": "w1"}]
    talk.then("watch it below 90", "thanks", "the first one")
    assert talk.calls == []


def test_an_error_of_the_tool_is_told(talk: Errands) -> None:
    """A watch on an unknown place says so, and goes on once the place is known."""
    assert "Xyzzyville" in talk.then("watch flights to Xyzzyville below 80")
    talk.then("to Rome")
    assert talk.named("watch_fare")[0]["max_price"] == 80


def test_without_the_tools_nothing_of_this_is_promised() -> None:
    """The answer is the one of a model that can only search."""
    plain = Talk()
    plain.say("flights from London to Paris on 7 December")
    assert "cannot book" in plain.say("book the second one")
    assert plain.calls == []
