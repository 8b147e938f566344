"""Somebody else's tools, by way of Dapr's MCPServer resource, on a real sidecar and a real MCP server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from tests.integration.framework.client import Json, User
from tests.integration.framework.mcp_server import WeatherServer
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Call, Request, Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import InFile

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="the sidecar calls the servers, in workflows, which are tested on each store"),
]
FORECAST = "weather_forecast"


def _asks_for_weather(request: Request) -> Answer:
    """Ask for the weather of the city that is named last, and say what came of it."""
    if request["messages"][-1]["role"] == "user":
        return Call(((FORECAST, {"city": last_user_message(request).split()[-1]}),))
    return Say(request["messages"][-1]["content"])


@dataclass(frozen=True)
class Weather:
    """A stack whose agent may use the weather server's tools."""

    stack: Stack
    model: ScriptedModel
    server: WeatherServer

    async def told(self, city: str) -> Json:
        """What the model was told of a city's weather."""
        reply = await User(self.stack, "mcps-ada", f"mcps-{city}").ask(f"weather in {city}")
        told: Json = json.loads(reply)
        return told


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def weather(
    dapr_runtime: None, kept_in: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Weather]:
    """One stack for this file, once its agent knows the server's tools."""
    folder = tmp_path_factory.mktemp("mcp")
    async with WeatherServer() as server:
        place = InFile(folder / "data")
        place.components = server.components(folder / "components")
        with ScriptedModel(_asks_for_weather) as model:
            env = {**model.env, "MCP_SERVERS": "weather"}
            async with Stack(env=env, data_dir=folder / "data", kept_in=place, keep_data=True) as stack:
                await poll_until(lambda: _offered(stack, model), 20, "the agent knows the weather server's tools")
                yield Weather(stack, model, server)


async def _offered(stack: Stack, model: ScriptedModel) -> dict[str, Any] | None:
    """The tool as the model of a new turn is offered it."""
    await User(stack, "mcps-first", "mcps-first").ask("weather in Oslo")
    tools = {tool["function"]["name"]: tool["function"] for tool in model.requests[-1]["tools"]}
    return tools.get(FORECAST)


async def test_a_tool_of_another_server_is_used_like_our_own(weather: Weather) -> None:
    """It is offered with its server's name, called once, and its result is told with its source."""
    before = len(weather.server.calls)
    told = await weather.told("Bergen")
    assert told["source"] == "weather"
    assert "Sunny in Bergen" in str(told["result"])
    assert not {"\u202e", "\x1b"} & set(str(told["result"]))
    assert weather.server.calls[before:] == ["Bergen"]


async def test_what_strangers_write_is_bounded(weather: Weather) -> None:
    """Descriptions and results are cut and lose hidden characters; names that no model could call are left out."""
    offered = {tool["function"]["name"]: tool["function"] for tool in weather.model.requests[-1]["tools"]}
    assert set(offered) >= {"search_flights", FORECAST}
    assert [name for name in offered if name.startswith("weather_")] == [FORECAST]
    description = offered[FORECAST]["description"]
    assert len(description) <= 1_001
    assert not {"\u202e", "\x1b"} & set(description)
    told = await weather.told("Long")
    assert (told["cut"], len(str(told["result"])) <= 16_100) == (True, True)


async def test_an_error_of_another_server_is_an_error_value(weather: Weather) -> None:
    """The model is told the server's words, as with our own tools, and the turn goes on."""
    error = (await weather.told("Atlantis"))["error"]
    assert error["type"] == "tool_error"
    assert "no such city" in error["message"]
    assert "\x1b" not in error["message"]


@pytest.mark.parametrize(("victim", "calls"), [("app", {1}), ("daprd", {1, 2})])
async def test_a_kill_in_the_middle_of_a_call(weather: Weather, victim: str, calls: set[int]) -> None:
    """The turn is answered with the tool's result. Only the sidecar, which makes the call, may make it once more."""
    user, city = User(weather.stack, "mcps-ada", f"mcps-killed-{victim}"), f"Tromso-{victim}"
    weather.server.gate.clear()
    turn = await user.start(f"weather in {city}")
    await poll_until(lambda: city in weather.server.calls, 10, "the server is called")
    await weather.stack.kill(victim)
    weather.server.gate.set()
    assert f"Sunny in {city}" in (await user.finished(turn, 40))["response"]
    assert weather.server.calls.count(city) in calls


async def test_an_erased_user_leaves_no_call(weather: Weather) -> None:
    """What a tool was asked and said in the name of a user goes with the user, also from the sidecar's workflows."""
    user, rows = User(weather.stack, "mcps-eve", "mcps-eve"), weather.stack.kept_in.rows
    await user.ask("weather in Zanzibar")
    assert any("-mcp-" in row and "Zanzibar" in row for row in rows())
    assert (await user.call("DELETE", "/users/mcps-eve")).status_code == 200
    await poll_until(lambda: not any("Zanzibar" in row for row in rows()), 10, "no row names the city")


async def test_a_server_that_is_away_is_told_without_its_address(weather: Weather) -> None:
    """The call is an error value that names the server alone, and the turn is answered. The last test of this file."""
    weather.server.stop()
    error = (await weather.told("Nowhere"))["error"]
    assert (error["type"], error["message"]) == ("unavailable", "weather cannot be reached now.")
