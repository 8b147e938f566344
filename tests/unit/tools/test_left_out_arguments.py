"""An argument that is null is one that was left out."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.unit.tools.conftest import ToolUser
from tests.unit.tools.every_tool import NAMES, OPTIONAL, TOOLS

from travelbuddy.tools.base import Tool, ToolContext

FULL_TRIP: dict[str, Any] = {
    "destination": "Paris",
    "origin": "Oslo",
    "departure_date": "2026-07-10",
    "return_date": "2026-07-17",
    "passengers": 2,
    "cabin": "business",
    "max_stops": 1,
    "max_price": 9_000,
    "airline": "SkyHighAir",
    "sort": "duration",
}
SEARCH_OPTIONS = [argument for tool, argument in OPTIONAL if tool == "search_flights"]
CONTEXT: Any = None  # the echo never looks at it
WORDS = st.text(st.characters(codec="utf-8"), max_size=20)


async def _echo(ctx: ToolContext, **values: object) -> dict[str, str]:
    return {name: repr(value) for name, value in values.items()}


def echo(name: str) -> Tool:
    """The tool, except that it answers with what it was called with."""
    return replace(TOOLS[name], function=_echo)


def values_of(part: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a plain schema of one argument allows."""
    if "anyOf" in part:
        bounds = {key: part[key] for key in ("minimum", "maximum") if key in part}
        return st.one_of(*(values_of(bounds | kind) for kind in part["anyOf"]))
    if "enum" in part:
        return st.sampled_from(part["enum"])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": WORDS,
        "integer": st.integers(part.get("minimum"), part.get("maximum")),
        "number": st.floats(part.get("exclusiveMinimum"), 1e9, exclude_min="exclusiveMinimum" in part),
        "null": st.none(),
    }
    return kinds[part["type"]]


@st.composite
def calls(draw: st.DrawFn, *, strict: bool = False) -> tuple[Tool, dict[str, Any]]:
    """A tool with arguments that its plain schema allows; ``strict``: all of them, as strict mode wants them."""
    tool = TOOLS[draw(st.sampled_from(NAMES))]
    parts = {name: values_of(part) for name, part in tool.parameters["properties"].items()}
    needed = tool.parameters.get("required", [])
    may_miss = {name: value for name, value in parts.items() if name not in needed}
    if strict:
        nulls = {name: st.none() | values for name, values in may_miss.items()}
        return tool, draw(st.fixed_dictionaries(parts | nulls))
    return tool, draw(st.fixed_dictionaries({name: parts[name] for name in needed}, optional=may_miss))


def test_the_trip_of_this_file_leaves_nothing_out() -> None:
    """Every argument of a search is tried with null below."""
    assert FULL_TRIP.keys() == TOOLS["search_flights"].arguments.model_fields.keys()


@pytest.mark.parametrize("argument", SEARCH_OPTIONS)
async def test_a_search_reads_null_as_left_out(user: ToolUser, argument: str) -> None:
    """For each argument that may be left out, the whole answer is the same, to the byte."""
    without = {name: value for name, value in FULL_TRIP.items() if name != argument}
    text = await user.text("search_flights", json.dumps(without))
    assert await user.text("search_flights", json.dumps(FULL_TRIP | {argument: None})) == text
    assert "error" not in json.loads(text)


async def test_a_search_with_nulls_alone_is_one_with_the_destination_alone(user: ToolUser) -> None:
    """As strict mode sends the shortest wish there is."""
    nulls = dict.fromkeys(SEARCH_OPTIONS)
    assert await user.search(destination="Paris", **nulls) == await user.search(destination="Paris")


@pytest.mark.parametrize(("name", "argument"), OPTIONAL)
async def test_every_tool_reads_null_as_left_out(name: str, argument: str) -> None:
    """The function is called with the default, and not with None, where the default is something else."""
    needed = {"destination": "Paris", "max_price": 100, "offer_id": "off_1"}
    arguments = {key: value for key, value in needed.items() if key in TOOLS[name].parameters["required"]}
    called = json.loads(await echo(name).run(CONTEXT, json.dumps(arguments | {argument: None})))
    assert called == json.loads(await echo(name).run(CONTEXT, json.dumps(arguments)))
    assert called[argument] == repr(TOOLS[name].arguments.model_fields[argument].default)


async def test_null_for_what_is_needed_is_told(user: ToolUser) -> None:
    """It is no way around a required argument, which the error names."""
    error = await user.refused(destination=None)
    assert (error["type"], error["field"]) == ("bad_arguments", "destination")


async def test_null_for_an_argument_that_does_not_exist_is_told(user: ToolUser) -> None:
    """A made-up name is a mistake with any value."""
    error = await user.refused(destination="Paris", shoes=None)
    assert (error["type"], error["field"]) == ("bad_arguments", "shoes")


@given(calls())
def test_plain_arguments_fill_up_to_strict_ones(call: tuple[Tool, dict[str, Any]]) -> None:
    """Whatever the plain schema allows, the strict one allows with null for all that is absent."""
    tool, arguments = call
    Draft202012Validator(tool.parameters).validate(arguments)
    strict = tool.schema["function"]["parameters"]
    Draft202012Validator(strict).validate(dict.fromkeys(strict["properties"]) | arguments)


@given(calls(strict=True))
async def test_strict_arguments_are_understood(call: tuple[Tool, dict[str, Any]]) -> None:
    """Whatever the strict schema allows within the bounds told, the tool is called with."""
    tool, arguments = call
    Draft202012Validator(tool.schema["function"]["parameters"]).validate(arguments)
    called = json.loads(await echo(tool.name).run(CONTEXT, json.dumps(arguments)))
    assert called.keys() == arguments.keys()
