"""The calls of the project's first document, word for word, against the offline model."""

from __future__ import annotations

import json
import time
from statistics import median

import httpx
import pytest
from tests.integration.framework.client import User, listening
from tests.integration.framework.http_client import http_client
from tests.integration.framework.polling import poll_until
from tests.integration.framework.stack import Stack


@pytest.mark.alone
async def test_start_workflow_answers_at_once(stack: Stack) -> None:
    """202 within 100 ms."""
    times = []
    async with http_client(base_url=stack.app_url, timeout=30) as http:  # making one takes as long as an answer
        for _ in range(5):
            began = time.perf_counter()
            answer = await http.post("/start-workflow", json={"task": "I want to find flights to Paris"})
            times.append(time.perf_counter() - began)
            assert answer.status_code == 202
    print(f"accepted within {[f'{seconds * 1000:.0f} ms' for seconds in times]}")
    assert median(times) < 0.1


async def test_dapr_completes_what_start_workflow_began(stack: Stack) -> None:
    """202 with a workflow id; Dapr's status API reaches COMPLETED with flights to Paris in its output."""
    answer = await User(stack).call("POST", "/start-workflow", json={"task": "I want to find flights to Paris"})
    assert answer.status_code == 202
    started = answer.json()
    assert answer.headers["Location"] == started["status_url"]
    assert started["session_id"] == "default"

    def completed() -> dict[str, object] | None:
        url = f"{stack.dapr_url}/v1.0/workflows/durableTaskHub/{started['workflow_instance_id']}"
        state: dict[str, object] = httpx.get(url).json()
        return state if state["runtimeStatus"] == "COMPLETED" else None

    state = await poll_until(completed, 10, "Dapr reports COMPLETED")
    properties = state["properties"]
    assert isinstance(properties, dict)
    output = json.loads(properties["dapr.workflow.output"])
    assert output["role"] == "assistant"
    assert "Paris" in output["content"] or "CDG" in output["content"]
    assert "EUR" in output["content"]


async def test_a_direct_message_becomes_a_turn_and_a_reply(stack: Stack) -> None:
    """The published message, in either body form, leads to a stored turn of its sender and a reply event."""
    user = User(stack)
    async with listening(stack, "TravelBuddy.replies") as heard:
        await user.publish({"data": {"text": "Find me flights to Paris", "sender": "user123"}})
        await user.publish({"text": "Find me flights to Rome", "sender": "user456"})
        replies = await poll_until(lambda: heard if len(heard) == 2 else None, 15, "both replies are heard")
    for reply in replies:
        assert {"text", "recipient", "session_id", "workflow_instance_id", "in_reply_to"} <= reply.keys()
        assert reply["session_id"] == f"dm-{reply['recipient']}"
        (turn,) = await user.history(reply["session_id"])
        assert turn["messages"][-1]["content"] == reply["text"]
        assert turn["workflow_instance_id"] == reply["workflow_instance_id"]
    assert {reply["recipient"] for reply in replies} == {"user123", "user456"}


async def test_the_status_view_tells_the_whole_story(stack: Stack) -> None:
    """GET /workflows/{id} has outcome, reply and a timeline of three steps with attempts, times and tokens."""
    view = await User(stack, "ada", "story").finished(await User(stack, "ada", "story").start("flights to Rome"))
    assert view["status"] == "answered"
    assert [step["name"] for step in view["timeline"]] == ["call_model", "search_flights", "call_model"]
    assert all(step["duration_ms"] >= 0 and step["attempt"] == 1 for step in view["timeline"])
    assert view["timeline"][0]["tokens"] > 0


async def test_health_and_readiness_are_told_apart(stack: Stack) -> None:
    """/health says the process lives, /ready that a message would be worked on."""
    health = await User(stack).call("GET", "/health")
    ready = await User(stack).call("GET", "/ready")
    assert (health.status_code, health.json()["status"]) == (200, "healthy")
    assert ready.status_code == 200
