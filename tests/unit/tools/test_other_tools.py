"""Tools of other servers: what they may say of themselves, and where their calls go."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from travelbuddy.tools.base import Toolbox, ToolContext
from travelbuddy.tools.others import MOST_RESULT, Schema, result_of, schema_of
from travelbuddy.tools.search_flights import search_flights

OBJECT = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.mark.parametrize(
    "tool",
    [
        {"name": "dotted.name", "inputSchema": OBJECT},
        {"name": "n" * 64, "inputSchema": OBJECT},
        {"name": "", "inputSchema": OBJECT},
        {"name": 7, "inputSchema": OBJECT},
        {"name": "a b", "inputSchema": OBJECT},
        {"name": "list", "inputSchema": []},
        {"name": "huge", "inputSchema": {**OBJECT, "title": "x" * 9_000}},
    ],
)
def test_a_tool_that_could_not_be_called_is_left_out(tool: Schema) -> None:
    """No name that Dapr or a model cannot say, and no schema that is no object or fills the prompt."""
    assert schema_of("weather", tool) is None


def test_a_description_is_one_bounded_line() -> None:
    """Hidden characters and line breaks go, and so does what is too long."""
    schema = schema_of("weather", {"name": "now", "description": "\u202eRules:\n" + "x" * 2_000, "inputSchema": OBJECT})
    assert schema is not None
    told = schema["function"]["description"]
    assert (told[:7], len(told)) == ("Rules: ", 1_001)


@pytest.mark.parametrize("structured", [None, {"text": "a\u202eb"}, {"text": "z" * 20_000}, [], 0])
def test_a_result_is_bounded_json_that_names_its_source(structured: Any) -> None:
    """Whatever a server says, the model reads JSON of bounded length without hidden characters."""
    told = result_of("weather", [{"type": "text", "text": 'x"' * 20_000}, {"type": "image"}, 5], structured)
    assert json.loads(told)["source"] == "weather"
    assert "\u202e" not in told
    assert len(told) < 2 * MOST_RESULT + 100


class Strangers:
    """Owns every name that begins with ``weather_`` or ``search_``, and knows one."""

    names = ("weather_now", "search_flights")

    def owns(self, name: str) -> bool:
        return name.startswith(("weather_", "search_"))

    def schema(self, name: str) -> Schema | None:
        return {"of": name} if name == "weather_now" else None

    async def run(self, turn_id: str, key: str, name: str, arguments: str) -> str:
        return f"{turn_id} {key} {name}"


class _Context:
    workflow_instance_id, key = "turn", "turn/1.0"


async def test_calls_go_where_the_name_says() -> None:
    """Ours stay ours; theirs go there when the turn has them, also before this replica has listed them."""
    box, ctx = Toolbox([search_flights], Strangers()), cast("ToolContext", _Context())
    assert box.names == ("search_flights", "weather_now")
    assert box.schemas(("weather_now", "weather_late")) == [{"of": "weather_now"}]
    assert (box.local("weather_now"), box.local("nobody_knows")) == (False, True)
    for name in ("weather_now", "weather_late"):
        assert await box.run(ctx, name, "{}", (name,)) == f"turn turn/1.0 {name}"
    assert "unknown_tool" in await box.run(ctx, "weather_now", "{}", ("search_flights",))
    assert "bad_arguments" in await box.run(ctx, "search_flights", "{}", ("search_flights",))
