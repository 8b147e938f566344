"""Watching a fare as the model asks for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.spine.test_fare_watch import NOW, QUERY, TODAY, Room, Searched
from tests.unit.tools.conftest import ToolUser

from travelbuddy.domain.booking import Booking
from travelbuddy.errors import Transient
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.tools import default_toolbox
from travelbuddy.tools.base import Toolbox
from travelbuddy.tools.desks import Customer, Desks

WISH: dict[str, Any] = {
    "destination": "New York",
    "max_price": 250,
    "origin": "London",
    "departure_date": "1 September",
}


class Watcher:
    """A user of the tools with a desk for watches."""

    def __init__(self, user: ToolUser, *prices: Searched) -> None:
        self.user, self.room = user, Room(*prices)
        self.desks = Desks(watches=self.room.desk)

    @property
    def toolbox(self) -> Toolbox:
        return default_toolbox(SampleFlights(), self.desks)

    async def call(self, name: str, key: str = "w/1.0", **arguments: Any) -> dict[str, Any]:
        """The tool's answer."""
        context = replace(self.user.context(), desks=self.desks, key=key)
        answer: dict[str, Any] = json.loads(await self.toolbox.run(context, name, json.dumps(arguments)))
        return answer


async def test_a_watch_says_what_it_costs_now_and_what_was_assumed(user: ToolUser) -> None:
    """The model is told the watch as it was understood; what the user left out is in the notes."""
    watcher = Watcher(user, "300.00")
    told = await watcher.call("watch_fare", destination="New York", max_price=250.5)
    assert told["watch_id"]
    assert (told["status"], told["limit"], told["last_price"], told["currency"]) == (
        "watching",
        "250.5",
        "300.00",
        "EUR",
    )
    assert (told["query"]["origin"], told["query"]["destination"]) == ("LHR", "NYC")
    assert told["until"] == told["query"]["departure_date"]
    assert told["every"] == 21_600
    assert any("is assumed, as no day was named" in note for note in told["notes"])


async def test_run_again_it_is_the_same_watch(user: ToolUser) -> None:
    """A call that is executed twice begins one watch; another call begins another."""
    watcher = Watcher(user)
    first, again = [await watcher.call("watch_fare", **WISH) for _ in range(2)]
    assert first["watch_id"] == again["watch_id"] != (await watcher.call("watch_fare", "d", **WISH))["watch_id"]


async def test_a_price_below_the_limit_is_told_at_once(user: ToolUser) -> None:
    """By the answer: no notice comes for it."""
    watcher = Watcher(user, "240.00")
    told = await watcher.call("watch_fare", **WISH)
    assert told["last_price"] == "240.00"
    assert any("less than that already" in note for note in told["notes"])
    (watch,) = await watcher.room.desk.of("ada")
    assert await watcher.room.look(watch, 1) == "done"


@pytest.mark.parametrize(("price", "note"), [(None, "Nothing is on sale"), (Transient("busy"), "")])
async def test_a_watch_without_a_price_yet(user: ToolUser, price: Searched, note: str) -> None:
    """Nothing on sale, or a supplier that does not answer, is no reason not to watch."""
    told = await Watcher(user, price).call("watch_fare", **WISH)
    assert told["status"] == "watching"
    assert "last_price" not in told
    assert any(note in one for one in told["notes"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"max_price": 0}, "max_price"),
        ({"max_price": "cheap"}, "max_price"),
        ({"destination": "Nowhereville"}, "destination"),
        ({"destination": "London"}, "destination"),
        ({"departure_date": "yesterday"}, "departure_date"),
        ({"passengers": 12}, "passengers"),
    ],
)
async def test_bad_arguments_come_back_as_a_value(user: ToolUser, changes: dict[str, Any], field: str) -> None:
    """With the argument's name, so that the model can repair the call; nothing is watched."""
    watcher = Watcher(user)
    assert (await watcher.call("watch_fare", **{**WISH, **changes}))["error"]["field"] == field
    assert await watcher.room.desk.of("ada") == []


async def test_too_many_watches_come_back_as_a_value(user: ToolUser) -> None:
    """The model is told to cancel one first."""
    watcher = Watcher(user)
    for number in range(20):
        await watcher.call("watch_fare", str(number), **WISH)
    assert (await watcher.call("watch_fare", "more", **WISH))["error"]["type"] == "too_many_watches"


async def test_open_requests_are_listed_and_cancelled(user: ToolUser) -> None:
    """Newest first, the user's own alone; a cancelled one is listed no more, and cancelling it again is fine."""
    watcher = Watcher(user)
    first, second = [(await watcher.call("watch_fare", name, **WISH))["watch_id"] for name in "ab"]
    others = await watcher.room.begin(user="bob")
    listed = await watcher.call("list_requests")
    assert [watch["watch_id"] for watch in listed["watches"]] == [second, first]
    for _ in range(2):
        assert (await watcher.call("cancel_watch", watch_id=first))["status"] == "cancelled"
    assert [watch["watch_id"] for watch in (await watcher.call("list_requests"))["watches"]] == [second]
    for unknown in (others.id, "nothing"):
        error = (await watcher.call("cancel_watch", watch_id=unknown))["error"]
        assert (error["type"], error["suggestions"]) == ("unknown_watch", [second])
    assert (await watcher.room.stored(others)).status == "watching"


class Desk:
    """A desk for bookings that has these."""

    def __init__(self, *bookings: Booking) -> None:
        self.bookings = [*bookings]

    async def request(self, customer: Customer, offer_id: str, note: str | None) -> Booking:
        raise AssertionError

    async def of(self, user_id: str) -> list[Booking]:
        return [booking for booking in self.bookings if booking.user_id == user_id]


async def test_approvals_that_wait_are_among_the_requests(user: ToolUser) -> None:
    """The user's, with their offer and until when they wait; those that are decided are not."""
    watcher = Watcher(user)
    (offer, *_) = await SampleFlights().search(QUERY)
    waits = Booking(id="b1", user_id="ada", session_id="s", created_at=NOW, offer=offer, expires_at=NOW)
    decided = waits.model_copy(update={"id": "b2", "status": "held"})
    others = waits.model_copy(update={"id": "b3", "user_id": "bob"})
    watcher.desks = Desks(Desk(waits, decided, others), watcher.room.desk)
    listed = await watcher.call("list_requests")
    assert [approval["approval_id"] for approval in listed["approvals"]] == ["b1"]
    assert listed["approvals"][0]["offer"]["id"] == offer.id
    assert listed["watches"] == []


async def test_the_tools_are_there_with_the_desk_only(user: ToolUser) -> None:
    """Without one the model is not offered what cannot be done."""
    names = {"watch_fare", "list_requests", "cancel_watch"}
    assert names <= set(Watcher(user).toolbox.names)
    assert not names & set(default_toolbox(SampleFlights()).names)
    assert user.today == TODAY
