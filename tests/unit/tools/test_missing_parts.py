"""What a traveller did not say, where nothing is assumed (ASSUME_MISSING=false) and the user is asked instead."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from tests.unit.tools.conftest import ToolUser
from tests.unit.tools.every_tool import everything

from travelbuddy.adapters.ports import UserRecords
from travelbuddy.domain.messages import ToolCall
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.settings import Settings
from travelbuddy.tool_context import tool_contexts
from travelbuddy.workflow.contracts import CallToolInput

TRIP = {"destination": "Paris", "origin": "Oslo", "departure_date": "2026-07-10"}
ASKING_TOOLS = ("search_flights", "watch_fare")

with_each_tool = pytest.mark.parametrize("name", ASKING_TOOLS)


async def asked(user: ToolUser, tool: str = "search_flights", /, **arguments: Any) -> dict[str, Any]:
    """The answer of a tool that must assume nothing; the watch's desk is never reached."""
    context = replace(user.context(), default_origin=None)
    price = {"max_price": 100} if tool == "watch_fare" else {}
    answer: dict[str, Any] = json.loads(await everything().run(context, tool, json.dumps(price | arguments)))
    return answer


def without(*arguments: str) -> dict[str, str]:
    """The trip, of which these were not said."""
    return {name: value for name, value in TRIP.items() if name not in arguments}


@with_each_tool
async def test_a_missing_origin_is_asked_for(user: ToolUser, name: str) -> None:
    """The error names the argument, holds the question, and says to call again with the answer."""
    error = (await asked(user, name, **without("origin")))["error"]
    assert (error["type"], error["field"]) == ("missing_origin", "origin")
    assert error["message"] == "Where does the journey start? Ask the user, then call again."


@with_each_tool
async def test_a_missing_day_is_asked_for(user: ToolUser, name: str) -> None:
    """The error names the argument, holds the question, and says to call again with the answer."""
    error = (await asked(user, name, **without("departure_date")))["error"]
    assert (error["type"], error["field"]) == ("missing_departure_date", "departure_date")
    assert error["message"] == "Which day does the journey start? Ask the user, then call again."


@with_each_tool
async def test_all_that_is_missing_is_asked_for_at_once(user: ToolUser, name: str) -> None:
    """Where the day is missing as well, the question for the origin asks for it too."""
    error = (await asked(user, name, destination="Paris"))["error"]
    assert (error["type"], error["field"]) == ("missing_origin", "origin")
    assert error["message"].startswith("Where does the journey start, and on which day?")


@pytest.mark.parametrize("nothing", [None, "", "null"])
async def test_nothing_written_is_as_missing_as_nothing_said(user: ToolUser, nothing: str | None) -> None:
    """No word for nothing gets a model around the question."""
    for argument in ("origin", "departure_date"):
        said: dict[str, Any] = TRIP | {argument: nothing}
        assert (await asked(user, **said))["error"]["type"] == f"missing_{argument}"


async def test_the_next_call_as_told_finds_flights(user: ToolUser) -> None:
    """Each error is mended by its argument, until nothing is missing and nothing was assumed of place and day."""
    known: dict[str, Any] = {"destination": "Paris", "cabin": "economy"}
    for _ in range(2):
        missing = (await asked(user, **known))["error"]["field"]
        known[missing] = TRIP[missing]
    answer = await asked(user, **known)
    assert answer["offers"]
    assert answer["notes"] == []


async def test_a_home_airport_is_no_missing_origin(user: ToolUser) -> None:
    """What the user once told is not asked for again."""
    user.stored["home_airport"] = "OSL"
    answer = await asked(user, **without("origin"))
    assert answer["query"]["origin"] == "OSL"
    assert "Origin OSL is your home airport." in answer["notes"]


async def test_a_home_that_nobody_can_read_is_asked_for(user: ToolUser) -> None:
    """It is no reason to begin somewhere else."""
    user.stored["home_airport"] = "Atlantis"
    assert (await asked(user, **without("origin")))["error"]["type"] == "missing_origin"


async def test_a_day_of_return_is_no_day_of_departure(user: ToolUser) -> None:
    """A round trip needs its first day as much."""
    error = (await asked(user, **without("departure_date"), return_date="2026-07-17"))["error"]
    assert error["type"] == "missing_departure_date"


async def test_a_wrong_place_is_told_before_a_missing_one(user: ToolUser) -> None:
    """What was said is mended before more is asked for."""
    assert (await asked(user, destination="Pariss"))["error"]["field"] == "destination"


async def test_what_else_is_missing_is_still_assumed(user: ToolUser) -> None:
    """Travellers, cabin and stops have a usual answer; the cabin's is told."""
    answer = await asked(user, **TRIP)
    assert (answer["query"]["passengers"], answer["query"]["cabin"]) == (1, "economy")
    assert answer["notes"] == ["Economy is assumed, as no cabin was named."]


@pytest.mark.parametrize(("assume", "origin"), [("true", "OSL"), ("false", None)])
async def test_the_setting_decides(monkeypatch: pytest.MonkeyPatch, assume: str, origin: str | None) -> None:
    """ASSUME_MISSING=false takes the default origin from the tools, whatever DEFAULT_ORIGIN says."""
    monkeypatch.setenv("ASSUME_MISSING", assume)
    monkeypatch.setenv("DEFAULT_ORIGIN", "OSL")
    now = datetime(2026, 7, 1, tzinfo=UTC)
    make = tool_contexts(Settings(_env_file=None), cast("UserRecords", object()), SampleFlights(), lambda: now)
    call = CallToolInput(user_id="u", session_id="s", call=ToolCall(id="c", name="search_flights", arguments="{}"))
    assert (await make("turn", call, {})).default_origin == origin
