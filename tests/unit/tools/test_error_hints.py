"""Every error of a tool says what kind it is, what is wrong, and what to do next."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.tools.conftest import ToolUser
from tests.unit.tools.every_tool import TOOLS, everything, function_of

from travelbuddy.tools.desks import Desks

TRIP = {"origin": "Oslo", "destination": "Paris", "departure_date": "2026-07-10", "cabin": "economy"}
MOST_MESSAGE = 300


async def error_of(user: ToolUser, name: str, arguments: str) -> dict[str, Any]:
    """The error that the tool answers with; it has nothing but what the protocol of tools names."""
    answer = json.loads(await everything().run(user.context(), name, arguments))
    assert answer.keys() == {"error"}
    error = answer["error"]
    assert isinstance(error, dict)
    assert {"type", "message"} <= error.keys() <= {"type", "message", "field", "suggestions"}
    assert 10 < len(error["message"]) < MOST_MESSAGE
    return error


@pytest.mark.parametrize(
    ("change", "kind", "hint"),
    [
        ({"destination": "Pariss"}, "unknown_place", "No airport is known for 'Pariss'."),
        ({"destination": " "}, "unknown_place", "give a city or an IATA code"),
        ({"destination": "Springfield"}, "ambiguous_place", "ask which one is meant"),
        ({"origin": "Italy"}, "ambiguous_place", "name a city there"),
        ({"destination": "Oslo"}, "same_place", "name another destination"),
        ({"departure_date": "2026-06-30"}, "date_in_past", "name today or a later day"),
        ({"departure_date": "2026-06-01"}, "date_in_past", "today is 2026-07-01"),
        ({"departure_date": "2028-01-01"}, "date_too_far", "on sale until 2027-05-27"),
        ({"departure_date": "someday"}, "bad_date", "YYYY-MM-DD"),
        ({"departure_date": "05/06"}, "bad_date", "could be two days: write"),
        ({"return_date": "2026-07-09"}, "return_before_departure", "name a later one"),
        ({"return_date": "the day"}, "bad_date", "YYYY-MM-DD"),
        ({"passengers": 0}, "bad_passengers", "1 to 9"),
        ({"passengers": 12}, "bad_passengers", "split larger groups"),
        ({"passengers": "many"}, "bad_arguments", "valid integer"),
        ({"cabin": "cargo"}, "bad_arguments", "choose one of economy, premium_economy, business, first"),
        ({"sort": "beauty"}, "bad_arguments", "'price', 'duration' or 'departure'"),
        ({"max_stops": -1}, "bad_max_stops", "0 for direct flights, 1 or 2"),
        ({"max_price": 0}, "bad_max_price", "above 0 and at most"),
        ({"max_price": "cheap"}, "bad_arguments", "valid decimal"),
        ({"shoes": 44}, "bad_arguments", "there are: destination, origin, departure_date"),
    ],
)
async def test_an_error_of_a_search_names_its_argument_and_what_would_do(
    user: ToolUser, change: dict[str, Any], kind: str, hint: str
) -> None:
    """For each way to go wrong: the kind, the argument, and words that say how to call again."""
    error = await error_of(user, "search_flights", json.dumps(TRIP | change))
    assert (error["type"], [error["field"]]) == (kind, [*change])
    assert hint in error["message"]


@pytest.mark.parametrize(
    ("change", "suggestion"),
    [
        ({"destination": "Pariss"}, "Paris, FR (PAR)"),
        ({"destination": "Springfield"}, "Springfield, Illinois, US (SPI)"),
        ({"origin": "Italy"}, "Rome, IT (ROM)"),
        ({"departure_date": "2026-05-20"}, "2027-05-20"),
        ({"departure_date": "2028-01-01"}, "2027-05-27"),
    ],
)
async def test_what_was_probably_meant_is_suggested(user: ToolUser, change: dict[str, Any], suggestion: str) -> None:
    """A suggestion is a value that the argument may have in the next call."""
    error = await error_of(user, "search_flights", json.dumps(TRIP | change))
    assert suggestion in error["suggestions"]
    again = json.loads(await user.text("search_flights", json.dumps(TRIP | dict.fromkeys(change, suggestion))))
    assert again["offers"]


async def test_without_a_suggestion_the_user_is_asked(user: ToolUser) -> None:
    """Where nothing is like it none is made up; that the user is asked then is the tool's own rule for errors."""
    error = await error_of(user, "search_flights", json.dumps(TRIP | {"destination": "Xyzzyville"}))
    assert (error["type"], error["field"], "suggestions" in error) == ("unknown_place", "destination", False)
    assert "An error names the argument to mend" in function_of("search_flights")["description"]
    assert "else ask the user" in function_of("search_flights")["description"]


async def test_an_assumed_origin_at_the_destination_asks_for_another_origin(user: ToolUser) -> None:
    """What was not said is the argument to name, and not what was."""
    error = await error_of(user, "search_flights", json.dumps({"destination": "London"}))
    assert (error["type"], error["field"]) == ("same_place", "origin")
    assert "name another origin" in error["message"]


async def test_several_mistakes_are_told_at_once(user: ToolUser) -> None:
    """So that one more call mends them all."""
    error = await error_of(user, "search_flights", json.dumps({"cabin": "cargo", "sort": "beauty"}))
    assert all(f"'{name}'" in error["message"] for name in ("destination", "cabin", "sort"))


@pytest.mark.parametrize("name", [name for name, tool in TOOLS.items() if tool.parameters.get("required")])
async def test_a_missing_argument_is_told_with_what_it_is(user: ToolUser, name: str) -> None:
    """For every tool, the message repeats the description of the first argument that it needs."""
    needed = TOOLS[name].parameters["required"][0]
    error = await error_of(user, name, "{}")
    assert (error["type"], error["field"]) == ("bad_arguments", needed)
    assert f"'{needed}' is required: {TOOLS[name].arguments.model_fields[needed].description}" in error["message"]


@pytest.mark.parametrize("name", sorted(TOOLS))
@pytest.mark.parametrize(
    ("arguments", "kind"),
    [("{", "bad_json"), ("to Paris", "bad_json"), ("[]", "bad_arguments"), ("7", "bad_arguments")],
)
async def test_what_is_no_json_object_asks_for_one(user: ToolUser, name: str, arguments: str, kind: str) -> None:
    """Every tool says what its arguments must be."""
    error = await error_of(user, name, arguments)
    assert error["type"] == kind
    assert "one JSON object" in error["message"]


@pytest.mark.parametrize("name", ["search_flight", "book", "SEARCH_FLIGHTS", ""])
async def test_an_unknown_tool_is_answered_with_those_there_are(user: ToolUser, name: str) -> None:
    """The message and the suggestions list every tool that may be called instead."""
    error = await error_of(user, name, "{}")
    assert error["type"] == "unknown_tool"
    assert error["suggestions"] == [*everything().names]
    assert ", ".join(everything().names) in error["message"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("hold_flight", {"offer_id": "off_1"}),
        ("watch_fare", {"destination": "Paris", "max_price": 100}),
        ("list_requests", {}),
        ("cancel_watch", {"watch_id": "w"}),
    ],
)
async def test_a_tool_without_its_desk_says_what_cannot_be_done(
    user: ToolUser, name: str, arguments: dict[str, Any]
) -> None:
    """A turn that was begun while there was a desk gets a plain answer to tell the user."""
    context = replace(user.context(), desks=Desks())
    error = json.loads(await everything().run(context, name, json.dumps(arguments)))["error"]
    assert error["type"] == "not_offered"
    assert error["message"].endswith("here.")
