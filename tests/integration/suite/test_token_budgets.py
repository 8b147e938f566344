"""Token budgets hold whatever the model would like: per turn, per session and per day."""

from __future__ import annotations

from typing import Any

import httpx
from tests.integration.framework.scripted_model import Answer, Call, Request, Say, ScriptedModel
from tests.integration.framework.stack import Stack

TOKENS = 15
"""What the scripted model says that each of its answers took."""


def _loops(request: Request) -> Answer:
    """Calls a tool for ever, also when it is offered none."""
    return Call((("search_flights", {"destination": "Paris"}),))


async def _chat(stack: Stack, session: str, text: str = "hi") -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=stack.app_url, timeout=60) as client:
        body = {"user_id": "ada", "session_id": session, "message": text}
        answer = await client.post("/chat", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def test_a_loop_ends_at_the_turns_budget_and_a_session_at_its_own() -> None:
    """A looping turn gets one call past its budget, without tools; a used-up session asks the model no more."""
    with ScriptedModel(_loops) as model:
        budgets = {"MAX_TOKENS_PER_TURN": str(2 * TOKENS), "MAX_TOKENS_PER_SESSION": str(3 * TOKENS)}
        async with Stack(env={**model.env, **budgets}) as stack:
            looped = await _chat(stack, "one")
            assert len(model.requests) == 3
            assert [bool(request.get("tools")) for request in model.requests] == [True, True, False]
            assert looped["metadata"]["outcome"] == "failed"

            turned_down = await _chat(stack, "one", "again")
            assert len(model.requests) == 3
            assert "new one" in str(turned_down["response"])
            assert turned_down["metadata"]["outcome"] == "failed"

            model.script = lambda request: Say("hello")
            assert (await _chat(stack, "two"))["response"] == "hello"


async def test_a_users_day_ends_in_all_sessions_and_in_nobody_elses() -> None:
    """The budget of the day counts all sessions of a user; used up, none asks the model any more. Metrics tell."""
    with ScriptedModel(lambda request: Say("hello")) as model:
        async with Stack(env={**model.env, "MAX_TOKENS_PER_DAY": str(2 * TOKENS)}) as stack:
            for session in ("one", "two"):
                assert (await _chat(stack, session))["response"] == "hello"
            for session in ("one", "three"):
                refused = await _chat(stack, session)
                assert "tomorrow" in str(refused["response"])
                assert refused["metadata"]["outcome"] == "failed"
            assert len(model.requests) == 2
            async with httpx.AsyncClient(base_url=stack.app_url, timeout=60) as client:
                page = (await client.get("/metrics")).text
                assert 'travelbuddy_tokens_total{kind="prompt",model="scripted-1"} 20.0' in page
                assert 'travelbuddy_tokens_total{kind="completion",model="scripted-1"} 10.0' in page
                body = {"user_id": "bob", "session_id": "bobs", "message": "hi"}
                assert (await client.post("/chat", json=body)).json()["response"] == "hello"
