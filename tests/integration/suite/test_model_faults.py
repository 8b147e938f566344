"""What a model can do wrong, and what the turn makes of it. Each test sees its fault fire."""

from __future__ import annotations

import json
import time

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.invariants import check_whole
from tests.integration.framework.scripted_model import Answer, Call, Fail, Request, Say, one_search

from travelbuddy.domain.model_errors import WORDS, Refusal
from travelbuddy.workflow.texts import REFUSED


def _once(fault: Answer) -> tuple[list[Request], object]:
    fired: list[Request] = []

    def script(request: Request) -> Answer:
        if not fired:
            fired.append(request)
            return fault
        return one_search(request)

    return fired, script


@pytest.mark.parametrize(
    "fault",
    [
        Fail(500),
        Fail(429, {"Retry-After": "1"}),
        Fail(200, body="{not json"),
        Fail(200, body='{"choices": []}'),
        Say(""),
    ],
)
async def test_a_passing_fault_is_retried(scripted: Scripted, fault: Answer) -> None:
    """A 500, 429, broken or empty answer costs one attempt; the turn is answered and its timeline tells of it."""
    fired, script = _once(fault)
    scripted.model.script = script  # type: ignore[assignment]
    user = User(scripted.stack, "ada", f"fault {time.monotonic_ns()}")
    view = await user.finished(await user.start("hello"))
    assert len(fired) == 1
    assert view["status"] == "answered"
    assert [step["attempt"] for step in view["timeline"]] == [1, 2, 1, 1]
    assert view["timeline"][0]["error"]


async def test_retry_after_is_honoured(scripted: Scripted) -> None:
    """When the server asks for two seconds, the next call comes after two seconds, not before."""
    fired, script = _once(Fail(429, {"Retry-After": "2"}))
    scripted.model.script = script  # type: ignore[assignment]
    user = User(scripted.stack, "ada", "patience")
    view = await user.finished(await user.start("hello"))
    assert fired
    assert view["timeline"][1]["started_at"] > view["timeline"][0]["started_at"]
    waited = _seconds(view["timeline"][1]["started_at"]) - _seconds(view["timeline"][0]["started_at"])
    assert 1.9 < waited < 4


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [(401, "invalid_api_key", "key"), (429, "insufficient_quota", "quota"), (400, "content_filter", "content_filter")],
)
async def test_a_lasting_refusal_ends_the_turn_at_once(
    scripted: Scripted, status: int, code: str, reason: Refusal
) -> None:
    """One request, a sentence of ours with the reason, none of the server's words; the next message is served."""
    body = json.dumps({"error": {"message": "bad key sk-123 at 10.0.0.7", "type": "t", "code": code}})
    scripted.model.script = lambda request: Fail(status, body=body)
    user = User(scripted.stack, "ada", f"refused {reason}")
    answer = (await user.call("POST", "/chat", json={"message": "hello", **user.ids})).json()
    assert (answer["response"], answer["metadata"]["error"]) == (REFUSED[reason], f"{WORDS[reason]} ({status})")
    assert len(scripted.model.requests) == 1
    view = await user.finished(answer["metadata"]["workflow_instance_id"])
    assert (view["status"], view["error"]) == ("failed", f"{WORDS[reason]} ({status})")
    assert "sk-123" not in json.dumps([answer, view, await user.history(f"refused {reason}")])
    scripted.model.script = one_search
    assert (await user.finished(await user.start("again")))["status"] == "answered"


async def test_an_unknown_tool_or_bad_arguments_go_back_to_the_model(scripted: Scripted) -> None:
    """The model is told what it did wrong as a tool result, and can still answer (V2 holds)."""

    def script(request: Request) -> Answer:
        if request["messages"][-1]["role"] == "user":
            return Call((("book_hotel", {}), ("search_flights", "{broken"), ("search_flights", {"passengers": 1})))
        return Say("sorry about that")

    scripted.model.script = script
    user = User(scripted.stack, "ada", "tool errors")
    view = await user.finished(await user.start("hello"))
    assert view["response"] == "sorry about that"
    results = [m["content"] for m in scripted.model.requests[-1]["messages"] if m["role"] == "tool"]
    assert ["unknown_tool" in results[0], "bad_json" in results[1], "destination" in results[2]] == [True] * 3
    (turn,) = await user.history("tool errors")
    check_whole(turn["messages"])


async def test_an_endless_tool_loop_is_stopped(scripted: Scripted) -> None:
    """A model that only ever calls tools gets no tools at the step limit, and the turn ends with a whole record."""
    scripted.model.script = lambda request: Call((("search_flights", {"destination": "Paris"}),))
    user = User(scripted.stack, "ada", "loop")
    view = await user.finished(await user.start("loop"))
    assert view["status"] == "failed"
    assert len(scripted.model.requests) == 8
    assert "tools" not in scripted.model.requests[-1]
    (turn,) = await user.history("loop")
    check_whole(turn["messages"])


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()
