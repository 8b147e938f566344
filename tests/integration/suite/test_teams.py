"""TravelBuddy in a team of dapr-agents as published: found in the registry and called as a tool, whatever is killed."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from tests.integration.framework.client import User
from tests.integration.framework.http_client import http_client
from tests.integration.framework.invariants import check_whole
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import (
    Answer,
    Call,
    Request,
    Say,
    ScriptedModel,
    last_user_message,
    one_search,
)
from tests.integration.framework.stack import Stack
from tests.integration.framework.team import Coordinator, agents_bin

pytestmark = pytest.mark.stores("sqlite", because="agents of other apps meet over the engine, not over our store")
FOLLOW_UP = "And back again?"


def _is_the_coordinators(request: Request) -> bool:
    return any(tool["function"]["name"] == "TravelBuddy" for tool in request.get("tools") or ())


def _script(request: Request) -> Answer:
    """The coordinator hands its task on, asks once more where it was told to, and says what it heard last."""
    last = request["messages"][-1]
    if (last["content"] or "").startswith("Summarize"):
        return Say('{"summary": "-"}')
    if not _is_the_coordinators(request):
        return one_search(request)
    heard = [m["content"] for m in request["messages"] if m["role"] == "tool"]
    asked = last_user_message(request)
    if not heard:
        return Call((("TravelBuddy", {"task": asked}),))
    if len(heard) == 1 and "both ways" in asked:
        return Call((("TravelBuddy", {"task": FOLLOW_UP}),))
    return Say(f"My travel agent says: {json.loads(heard[-1])['content']}")


@dataclass(frozen=True)
class Team:
    """A stack, an agent of another app, and the model that both ask."""

    stack: Stack
    agent: Coordinator
    model: ScriptedModel

    @property
    def user(self) -> User:
        """The agent as our user."""
        return User(self.stack, "agent-Coordinator", "unused")

    async def turns(self) -> list[list[dict[str, Any]]]:
        """The turns of each conversation that the agent had with us."""
        sessions = (await self.user.call("GET", "/sessions", params={"user_id": "agent-Coordinator"})).json()
        return [await self.user.history(session["session_id"]) for session in sessions["sessions"]]

    async def turns_about(self, text: str) -> list[dict[str, Any]]:
        """The turns of the conversations that began with this."""
        found = [turns for turns in await self.turns() if turns and turns[0]["messages"][0]["content"] == text]
        return [turn for turns in found for turn in turns]

    async def registered(self) -> list[str]:
        """Who is in the team's registry."""
        url = f"http://127.0.0.1:{self.agent.http_port}/v1.0/state/agent-registry/agents:default:_index"
        async with http_client(timeout=10) as http:
            names: list[str] = (await http.get(url)).json()["agents"]
        return sorted(names)

    async def register(self, *options: str) -> tuple[int, str]:
        """`travelbuddy register` by way of the agent's sidecar: its exit code and what it says."""
        ports = (f"--dapr-http-port={self.agent.http_port}", f"--dapr-grpc-port={self.agent.grpc_port}")
        return await _agents_program("travelbuddy", "register", *ports, *options)


async def _agents_program(name: str, *arguments: str) -> tuple[int, str]:
    """Run a program of the environment that has dapr-agents."""
    process = await asyncio.create_subprocess_exec(
        agents_bin() / name, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def team(dapr_runtime: None) -> AsyncIterator[Team]:
    """The example, with TravelBuddy registered, twice at the same time."""
    with ScriptedModel(_script) as model:
        sealed = {**model.env, "PAYLOAD_KEY": secrets.token_hex(32)}  # which the other app has not
        async with Stack(env=sealed) as stack, Coordinator(stack, model.env) as agent:
            whole = Team(stack, agent, model)
            outcomes = await asyncio.gather(whole.register(), whole.register())
            assert set(outcomes) == {(0, "TravelBuddy is now in team default.\n")}
            yield whole


def _answer(state: dict[str, Any]) -> str:
    assert state["runtimeStatus"] == "COMPLETED", state["properties"]
    return str(json.loads(state["properties"]["dapr.workflow.output"])["content"])


@pytest.mark.asyncio(loop_scope="module")
async def test_an_agent_finds_us_calls_us_and_is_remembered_within_its_run(team: Team) -> None:
    """A stock DurableAgent uses our answer; its second question of the run meets a prompt that has the first."""
    run = await team.agent.run("Paris, both ways")
    assert _answer(await team.agent.finished(run, 30)) == f"My travel agent says: Flights to Paris for: {FOLLOW_UP}"
    turns = await team.turns_about("Paris, both ways")
    assert [turn["messages"][0]["content"] for turn in turns] == ["Paris, both ways", FOLLOW_UP]
    ours = [r for r in team.model.asked(FOLLOW_UP) if not _is_the_coordinators(r)]
    assert any(message["content"] == "Paris, both ways" for message in ours[0]["messages"])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "victim",
    [
        "our app",
        pytest.param("our sidecar", marks=pytest.mark.full_size),
        "its app",
        pytest.param("its sidecar", marks=pytest.mark.full_size),
    ],
)
async def test_a_call_survives_a_kill(team: Team, victim: str) -> None:
    """Killed while we ask our model: both workflows finish, and the session has exactly one turn, whole."""
    task = f"Paris, but {victim} dies"
    team.model.hold(lambda r: last_user_message(r) == task and not _is_the_coordinators(r))
    run = await team.agent.run(task)
    await poll_until(lambda: [r for r in team.model.asked(task) if not _is_the_coordinators(r)], 15, "we are at work")
    whose, part = victim.split()
    await (team.stack if whose == "our" else team.agent).kill("app" if part == "app" else "daprd")
    team.model.release()
    state = await team.agent.finished(run, 60)
    assert _answer(state) == f"My travel agent says: Flights to Paris for: {task}"
    (turn,) = await poll_until(lambda: team.turns_about(task), 15, "the service tells its turns")
    assert turn["outcome"] == "answered"
    check_whole(turn["messages"])


@pytest.mark.asyncio(loop_scope="module")
async def test_registering_is_repeatable_beside_others_and_can_be_undone(team: Team) -> None:
    """Registered twice at the same time it is one entry; removed, it is gone and the others are not."""
    assert await team.registered() == ["Coordinator", "TravelBuddy"]
    assert await team.register("--remove") == (0, "TravelBuddy is no longer in team default.\n")
    assert await team.registered() == ["Coordinator"]


TOOLS = """
import asyncio, datetime, json, sys
from dapr_agents.tool.executor import AgentToolExecutor
from travelbuddy.integrations.dapr_agents import travel_tools

async def main():
    tools = travel_tools(today=datetime.date(2026, 3, 1))
    box = AgentToolExecutor(tools=tools)
    said = [
        await box.run_tool("search_flights", origin="London", destination="Paris", departure_date="2026-03-14"),
        await box.run_tool("search_flights", destination="Paris", colour="red"),
        await box.run_tool("search_flights", destination="Nowhereville"),
    ]
    schema = tools[0].to_function_call()["function"]["parameters"]["properties"]
    print(json.dumps({"said": [json.loads(one) for one in said], "arguments": sorted(schema)}))

asyncio.run(main())
"""


async def test_our_tools_serve_agents_of_others_without_our_service() -> None:
    """The search of dapr-agents' own executor finds flights; what the model got wrong is told as in the service."""
    code, said = await _agents_program("python", "-c", TOOLS)
    assert code == 0, said
    told = json.loads(said.splitlines()[-1])
    found, invalid, unknown = told["said"]
    assert (found["query"]["origin"], found["query"]["destination"]) == ("LON", "PAR")
    assert found["offers"][0]["source"] == "sample"
    assert invalid["error"]["type"] == "bad_arguments"
    assert invalid["error"]["field"] == "colour"
    assert unknown["error"]["field"] == "destination"
    assert {"origin", "destination", "departure_date", "cabin"} <= set(told["arguments"])


async def test_the_service_does_not_load_dapr_agents_where_it_is_installed() -> None:
    """Only who registers or builds agents pays for it: seconds and a hundred megabytes."""
    look = "import sys, travelbuddy.app, travelbuddy.bootstrap, travelbuddy.cli; print('dapr_agents' in sys.modules)"
    code, said = await _agents_program("python", "-c", look)
    assert (code, said.splitlines()[-1]) == (0, "False")
