"""The list of tools that a turn began with goes with each of its calls, whichever way the call is run."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from tests.unit.tools.conftest import ToolUser
from tests.unit.tools.test_watch_tools import Watcher
from tests.workflow.replay import Replay

from travelbuddy.domain.conversation import new_session
from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.standing import Admitted
from travelbuddy.domain.turn import ModelResult
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.tools import default_toolbox
from travelbuddy.tools.base import ToolContext
from travelbuddy.workflow.contracts import CallModelInput, CallToolInput, TurnInput
from travelbuddy.workflow.toolcalls import ToolCalls, UserContext

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEARCH = ToolCall(id="c", name="search_flights", arguments='{"destination": "Paris"}')
ASKED = Message(role="assistant", content="", timestamp=NOW, tool_calls=(SEARCH,))
TURN = TurnInput(
    user_id="ada", session_id="s", message="hi", accepted_at=NOW, model="m", tools=("remember_preference",)
)


async def _context(turn_id: str, request: CallToolInput, known: UserContext | None) -> ToolContext:
    return ToolUser().context()


def _tool_calls() -> ToolCalls:
    feed: Any = SimpleNamespace(result=lambda *told: None)
    return ToolCalls(default_toolbox(SampleFlights()), _context, feed, lambda: NOW)


def _error(content: str) -> str:
    return str(json.loads(content).get("error", {}).get("type"))


async def test_a_local_call_of_a_tool_not_given_is_not_run() -> None:
    """A search that runs beside the model's call looks at the turn's list, and runs where it is on it."""
    admitted = Admitted(new_session("s", "ada", NOW), "1", None)
    for tools, kind in (TURN.tools, "unknown_tool"), ((), "unknown_tool"), (("search_flights",), "None"):
        call = CallModelInput(turn=TURN.model_copy(update={"tools": tools}), step=1, attempt=1)
        (result,) = await _tool_calls().run_local("t", call, ASKED, admitted)
        assert _error(result.message.content) == kind


async def test_a_durable_call_of_a_tool_not_given_is_not_run() -> None:
    """What the workflow schedules for the call holds the list, and the activity refuses by it."""
    replay = Replay(TURN.wire())
    replay.complete(ModelResult(kind="tools", message=ASKED).model_dump(mode="json", exclude_defaults=True))
    ((name, payload),) = replay.asked
    assert name == "call_tool"
    result = await _tool_calls().run("t", CallToolInput.model_validate(payload))
    assert _error(result.message.content) == "unknown_tool"


async def test_the_key_of_an_effect_is_the_place_of_its_call() -> None:
    """Calls to which a server gave the same id begin a watch each; the same call executed twice begins one."""
    watcher = Watcher(ToolUser(), *["300.00"] * 8)

    async def context(turn_id: str, request: CallToolInput, known: UserContext | None) -> ToolContext:
        return replace(ToolUser().context(), desks=watcher.desks, key=request.key(turn_id))

    feed: Any = SimpleNamespace(result=lambda *told: None)
    calls = ToolCalls(watcher.toolbox, context, feed, lambda: NOW)

    async def watch(step: int, place: int | None, limit: int) -> dict[str, Any]:
        arguments = json.dumps({"destination": "New York", "max_price": limit})
        call = ToolCall(id="call_0", name="watch_fare", arguments=arguments)
        request = CallToolInput(user_id="ada", session_id="s", call=call, step=step, place=place)
        told: dict[str, Any] = json.loads((await calls.run("t", request)).message.content)
        return told

    ids = [(await watch(*where, limit))["watch_id"] for where, limit in (((1, 0), 200), ((1, 1), 210), ((2, 0), 220))]
    assert len(set(ids)) == 3
    assert (await watch(1, 1, 210))["watch_id"] == ids[1]
    assert (await watch(1, 1, 230))["error"]["type"] == "already_asked"
    scheduled_before = await watch(1, None, 240)
    assert scheduled_before["watch_id"] not in ids
    assert (await watch(2, None, 240))["watch_id"] == scheduled_before["watch_id"]
