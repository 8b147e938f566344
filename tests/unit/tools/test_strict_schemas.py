"""What every tool says of itself obeys the rules of strict function calling."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.unit.tools.every_tool import NAMES, OPTIONAL, TOOLS, everything, function_of

from travelbuddy.api.mcp_tools import TOOLS as MCP_TOOLS

KEYWORDS = {"type", "description", "enum", "anyOf", "properties", "required", "additionalProperties"}
"""Those that strict.py promises to keep to; the rest is refused by one server or another, if not by all."""
PLAIN_TYPES = {"string", "integer", "number", "boolean", "null"}
MOST_DESCRIPTION, MOST_OF_AN_ARGUMENT = 500, 300
WITH_ARGUMENTS = [name for name in NAMES if TOOLS[name].arguments.model_fields]
ARGUMENTS = [(name, argument) for name in WITH_ARGUMENTS for argument in TOOLS[name].arguments.model_fields]

every_tool = pytest.mark.parametrize("name", NAMES)
every_argument = pytest.mark.parametrize(("name", "argument"), ARGUMENTS)


def schemas_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema and all that stand inside it."""
    yield schema
    for inside in (*schema.get("properties", {}).values(), *schema.get("anyOf", ())):
        yield from schemas_in(inside)


def told(name: str, argument: str) -> dict[str, Any]:
    """The schema of one argument in strict mode."""
    part = function_of(name)["parameters"]["properties"][argument]
    assert isinstance(part, dict)
    return part


def test_every_declared_tool_is_offered_where_its_desk_is() -> None:
    """The tests of this file look at all tools: those that the modules declare are those of the full toolbox."""
    assert sorted(everything().names) == NAMES
    assert len(NAMES) >= 7


@every_tool
def test_a_name_is_one_that_the_protocol_takes(name: str) -> None:
    """Letters, digits, underscore and hyphen, at most 64 of them."""
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", function_of(name)["name"])


@every_tool
def test_a_description_is_there_and_short(name: str) -> None:
    """Each request pays for it, so that it has at most 500 characters."""
    assert 0 < len(function_of(name)["description"].strip()) <= MOST_DESCRIPTION


@every_argument
def test_an_argument_is_described_in_short(name: str, argument: str) -> None:
    """Each argument says what it is, in at most 300 characters."""
    assert 0 < len(told(name, argument)["description"].strip()) <= MOST_OF_AN_ARGUMENT


@every_tool
def test_strict_mode_is_asked_for_wherever_there_are_arguments(name: str) -> None:
    """A tool without arguments has nothing to be strict about, and some servers refuse an empty strict schema."""
    assert function_of(name).get("strict", False) is (name in WITH_ARGUMENTS)


@every_tool
def test_every_object_lets_nothing_else_in(name: str) -> None:
    """At any depth, an object names its properties and allows no more."""
    objects = [part for part in schemas_in(function_of(name)["parameters"]) if part.get("type") == "object"]
    assert objects
    assert all(part["additionalProperties"] is False for part in objects)


@every_tool
def test_every_property_is_required(name: str) -> None:
    """At any depth, required lists all properties, in their order."""
    for part in schemas_in(function_of(name)["parameters"]):
        if part.get("type") == "object":
            assert part.get("required", []) == list(part["properties"])


@pytest.mark.parametrize(("name", "argument"), OPTIONAL)
def test_what_may_be_left_out_may_be_null(name: str, argument: str) -> None:
    """Null is how strict mode leaves an argument out."""
    assert Draft202012Validator(told(name, argument)).is_valid(None)


@every_argument
def test_what_is_needed_may_not_be_null(name: str, argument: str) -> None:
    """A model cannot leave out what the tool cannot do without."""
    if (name, argument) not in OPTIONAL:
        assert not Draft202012Validator(told(name, argument)).is_valid(None)


@pytest.mark.parametrize("name", WITH_ARGUMENTS)
def test_only_keywords_that_every_server_knows_are_used(name: str) -> None:
    """No default, bound, length, pattern, format, reference or title at any depth."""
    for part in schemas_in(function_of(name)["parameters"]):
        assert part.keys() <= KEYWORDS


@every_argument
def test_an_argument_has_a_plain_type_that_fits_its_values(name: str, argument: str) -> None:
    """A type or a choice of types is always given, no type twice, and every listed value is of one of them."""
    for part in schemas_in(told(name, argument)):
        if "anyOf" in part:
            continue
        types = part["type"] if isinstance(part["type"], list) else [part["type"]]
        assert set(types) <= PLAIN_TYPES
        assert len(set(types)) == len(types)
        valid = Draft202012Validator({"type": types})
        assert all(valid.is_valid(value) for value in part.get("enum", ()))


@every_tool
def test_a_schema_is_json_and_a_schema(name: str) -> None:
    """It survives the wire unchanged, and a validator of JSON Schema accepts it."""
    function = function_of(name)
    assert json.loads(json.dumps(function, allow_nan=False)) == function
    Draft202012Validator.check_schema(function["parameters"])


def test_schemas_are_the_same_at_every_call() -> None:
    """Byte for byte, in one toolbox and the next: servers keep a prompt that begins as an earlier one did."""
    box = everything()
    texts = {json.dumps(schemas) for schemas in (box.schemas(), box.schemas(), everything().schemas())}
    assert len(texts) == 1


def test_the_mcp_server_shows_the_plain_schema() -> None:
    """Clients of MCP see what may be left out as not required, with its default and its bounds."""
    shown = MCP_TOOLS["search_flights"].described.inputSchema
    assert shown["required"] == ["destination"]
    assert shown["properties"]["passengers"].items() >= {"minimum": 1, "maximum": 9, "default": 1}.items()
