from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from travelbuddy.errors import ModelUnavailable, ToolError
from travelbuddy.tools.base import Toolbox, ToolContext, tool


class Seat(BaseModel):
    """What the tools of this test return."""

    row: int
    letter: str | None = None


@tool
async def book_seat(
    ctx: ToolContext, row: Annotated[int, Field(description="Counted from the front.")], letter: str | None = None
) -> Seat:
    """Book a seat."""
    if row == 13:
        raise ToolError("no_such_row", "There is no row 13.", field="row", suggestions=("12", "14"))
    if row == 99:
        raise ModelUnavailable("try later")
    if row == 100:
        raise LookupError(f"{letter} is a bug")
    return Seat(row=row, letter=letter)


BOX = Toolbox([book_seat])
CONTEXT: Any = None  # these tools never look at it


async def run(arguments: str, name: str = "book_seat") -> dict[str, Any]:
    """The answer, read; it must be sendable and short."""
    text = await BOX.run(CONTEXT, name, arguments)
    assert text.encode()
    assert len(text) < 1000
    answer = json.loads(text)
    assert isinstance(answer, dict)
    return answer


def test_the_schema_says_what_the_function_takes() -> None:
    """Name, description, types and what may be null come from the function; the context does not."""
    (schema,) = BOX.schemas()
    assert schema["type"] == "function"
    assert (schema["function"]["name"], schema["function"]["description"]) == ("book_seat", "Book a seat.")
    parameters = schema["function"]["parameters"]
    assert parameters["properties"]["row"] == {"type": "integer", "description": "Counted from the front."}
    assert parameters["properties"].keys() == {"row", "letter"}
    assert parameters["required"] == ["row", "letter"]
    assert parameters["additionalProperties"] is False


def test_schemas_of_tools_that_are_gone_are_left_out() -> None:
    """A turn begun before a tool was removed still gets the schemas of the others."""
    assert [schema["function"]["name"] for schema in BOX.schemas(["gone", "book_seat"])] == ["book_seat"]
    assert BOX.schemas([]) == []


async def test_arguments_are_converted_and_the_result_is_compact() -> None:
    """Text that is a number counts as one; what is None does not take room in the answer."""
    assert await BOX.run(CONTEXT, "book_seat", '{"row": "2"}') == '{"row":2}'
    assert await BOX.run(CONTEXT, "book_seat", '{"row": 2.0, "letter": "å"}') == '{"row":2,"letter":"å"}'


@pytest.mark.parametrize(
    ("arguments", "kind", "field", "fix"),
    [
        ("{", "bad_json", None, "not valid JSON"),
        ("[" * 100_000, "bad_json", None, "not valid JSON"),
        ('{"row": ' + "9" * 5000 + "}", "bad_json", None, "not valid JSON"),
        ('{"row": 1, "letter": "\\ud800"}', "bad_json", None, "not valid JSON"),
        ("[]", "bad_arguments", None, "one JSON object"),
        ("null", "bad_arguments", None, "one JSON object"),
        (" ", "bad_arguments", "row", "'row' is required: Counted from the front."),
        ('{"row": "two"}', "bad_arguments", "row", "'row'"),
        ('{"row": null}', "bad_arguments", "row", "'row'"),
        ('{"row": NaN}', "bad_arguments", "row", "'row'"),
        ('{"row": 1, "shoe": 2}', "bad_arguments", "shoe", "no argument 'shoe'; there are: row, letter."),
        ('{"shoe": 2, "letter": 3}', "bad_arguments", "row", "'letter'"),
        (json.dumps({"row": 1, "x" * 1_000_000: 2}), "bad_arguments", "x" * 60 + "…", "no argument"),
        (json.dumps({"row": "x" * 1_000_000}), "bad_arguments", "row", "'row'"),
        ('{"row": 13}', "no_such_row", "row", "There is no row 13."),
    ],
)
async def test_what_the_model_can_repair_is_a_short_value(
    arguments: str, kind: str, field: str | None, fix: str
) -> None:
    """The error names its kind, the argument and what would do instead, however large the mistake."""
    error = (await run(arguments))["error"]
    assert (error["type"], error.get("field")) == (kind, field)
    assert fix in error["message"]


async def test_suggestions_reach_the_model() -> None:
    """What a tool suggests is part of the error value."""
    assert (await run('{"row": 13}'))["error"]["suggestions"] == ["12", "14"]


@pytest.mark.parametrize("name", ["fly", "", "x" * 1_000_000, "\ud800"])
async def test_an_unknown_tool_lists_the_known(name: str) -> None:
    """A tool that a model made up is answered with the tools there are."""
    error = (await run("{}", name))["error"]
    assert error["type"] == "unknown_tool"
    assert "there are: book_seat" in error["message"]
    assert error["suggestions"] == ["book_seat"]


async def test_other_errors_are_raised() -> None:
    """What the engine should try again, and what is a mistake of ours, is never hidden in a value."""
    with pytest.raises(ModelUnavailable):
        await run('{"row": 99}')
    with pytest.raises(LookupError):
        await run('{"row": 100}')


@given(st.text(max_size=60))
async def test_any_text_is_answered(arguments: str) -> None:
    """Whatever stands where the arguments should be, the answer is a value that can be sent."""
    assert "error" in await run(arguments)
