"""Understanding, through the real service: `make eval`, and what the offline model makes of several journeys."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.scripted_model import Request, Say
from tests.integration.framework.stack import Stack

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="how a message is understood does not depend on the store"),
]
ROOT = Path(__file__).parents[3]


def _says(speaker: str, text: str, **call: Any) -> dict[str, Any]:
    looked_up = {"call": {"service": "desk", "method": "SearchFlights", "parameters": call}} if call else {}
    return {"speaker": speaker, "text": text, **looked_up}


TRIP = {"origin": "Oslo", "destination": "Rome", "departure_date": "2019-03-12"}
DIALOGUES = [
    {
        "id": "asks",
        "service": "desk",
        "turns": [
            _says("USER", "hello, i need to get to rome"),
            _says("SYSTEM", "Where from, and when?"),
            _says("USER", "oslo, on the 12th"),
            _says("SYSTEM", "Here is one.", **TRIP),
            _says("USER", "do you have it for two people?"),
            _says("SYSTEM", "Here is one.", **TRIP, passengers="2"),
            _says("USER", "book that one, thanks"),
            _says("SYSTEM", "Done."),
        ],
    },
    {
        "id": "misread",
        "service": "other desk",
        "turns": [
            _says("USER", "from Oslo to Rome on 12 March"),
            _says("SYSTEM", "Here is one.", **{**TRIP, "destination": "Paris"}),
        ],
    },
]


async def _evals(*options: str, **env: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "evals", *options),
        cwd=ROOT,
        env={**os.environ, "OPENAI_API_KEY": "", **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, out.decode(), err.decode()


async def test_dialogues_are_played_to_a_service_of_their_own(tmp_path: Path) -> None:
    """What the service searched for is compared with the dialogue's searches; a missed goal ends with 1."""
    data = tmp_path / "dialogues.jsonl"
    data.write_text("\n".join(map(json.dumps, DIALOGUES)))
    code, out, err = await _evals(f"--data={data}", "--cases")
    assert code == 1, err
    assert "2 dialogues of `dialogues.jsonl` played to `offline-travel-1`" in out
    assert re.search(r"joint accuracy.*1\.000.*0\.000.*0\.667", out)
    assert re.search(r"asked then \| 1: 1\.000", out)
    assert re.search(r"misread \| .*destination.* from Oslo to Rome on 12 March \| .*PAR.* \| .*ROM", out)


async def test_it_plays_to_a_service_that_runs_already(stack: Stack, tmp_path: Path) -> None:
    """With --url nothing is started, and a part of the dialogues is judged without the goals."""
    data = tmp_path / "dialogues.jsonl"
    data.write_text("\n".join(map(json.dumps, DIALOGUES)))
    code, out, err = await _evals(f"--url={stack.app_url}", "--service=other desk", EVAL_DATA=str(data))
    assert code == 0, err
    assert "1 dialogues of" in out


async def test_the_projects_own_dialogues_are_played_where_there_are_no_others(stack: Stack, tmp_path: Path) -> None:
    """With --or-own the command says what is missing, and plays what is there."""
    code, out, err = await _evals(f"--url={stack.app_url}", f"--data={tmp_path}/none", "--or-own", "--limit=2")
    assert code == 0, err
    assert "EVAL_DATA" in err
    assert "2 dialogues of `own.jsonl`" in out


async def test_a_service_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    """Exit code 2, and no stack trace."""
    data = tmp_path / "dialogues.jsonl"
    data.write_text(json.dumps(DIALOGUES[0]))
    code, out, err = await _evals("--url=http://127.0.0.1:9", f"--data={data}")
    assert code == 2
    assert "127.0.0.1:9" in err
    assert "Traceback" not in out + err


async def test_two_journeys_of_one_message_are_two_searches_stored_whole(stack: Stack) -> None:
    """Both are searched for in one step, told in one reply, and stand in the history with their results."""
    user = User(stack)
    task = "flights from Oslo to Rome on Friday, then to Paris on Monday, for 2 people"
    body = {"user_id": "eval-two", "session_id": "eval-two", "message": task}
    answer = (await user.call("POST", "/chat", json=body)).json()
    assert "Oslo (OSL) to Rome" in answer["response"]
    assert "Rome (ROM) to Paris" in answer["response"]
    (turn,) = await user.history("eval-two")
    _, asked, *results, _ = turn["messages"]
    assert [json.loads(call["arguments"])["destination"] for call in asked["tool_calls"]] == ["Rome", "Paris"]
    queries = [json.loads(result["content"])["query"] for result in results]
    assert [(q["destination"], q["passengers"]) for q in queries] == [("ROM", 2), ("PAR", 2)]


async def test_a_model_is_sent_strict_schemas(scripted: Scripted) -> None:
    """Each tool that takes arguments is strict: it has none besides those named, and all of them are required."""
    seen: list[Request] = []

    def note(request: Request) -> Say:
        seen.append(request)
        return Say("hello")

    scripted.model.script = note
    await User(scripted.stack).call("POST", "/chat", json={"user_id": "ada", "session_id": "strict-1", "message": "hi"})
    functions = {tool["function"]["name"]: tool["function"] for tool in seen[0]["tools"]}
    taking = [function for function in functions.values() if function["parameters"].get("properties")]
    assert {"search_flights", "remember_preference"} <= {function["name"] for function in taking}
    for function in taking:
        parameters = function["parameters"]
        assert function["strict"] is True
        assert parameters["additionalProperties"] is False
        assert set(parameters["required"]) == set(parameters["properties"])
