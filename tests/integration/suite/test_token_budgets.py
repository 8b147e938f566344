"""Token budgets hold whatever the model would like: per turn, per session and per day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User, metric
from tests.integration.framework.http_client import http_client
from tests.integration.framework.scripted_model import Answer, Call, Request, Say, ScriptedModel
from tests.integration.framework.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKENS = 15
"""What the scripted model says that each of its answers took."""


def _loops(request: Request) -> Answer:
    """Calls a tool for ever, also when it is offered none."""
    return Call((("search_flights", {"destination": "Paris"}),))


async def _chat(stack: Stack, session: str, text: str = "hi", user: str = "ada") -> dict[str, Any]:
    async with http_client(base_url=stack.app_url, timeout=60) as client:
        body = {"user_id": user, "session_id": session, "message": text}
        answer = await client.post("/chat", json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def frugal(dapr_runtime: None, kept_in: None) -> AsyncIterator[Scripted]:
    """A stack with small budgets: two answers a turn, three a session, six a day."""
    budgets = {
        "MAX_TOKENS_PER_TURN": 2 * TOKENS,
        "MAX_TOKENS_PER_SESSION": 3 * TOKENS,
        "MAX_TOKENS_PER_DAY": 6 * TOKENS,
    }
    with ScriptedModel() as model:
        env = {**model.env, **{name: str(tokens) for name, tokens in budgets.items()}}
        async with Stack(env=env) as stack:
            yield Scripted(stack, model)


async def test_a_loop_ends_at_the_turns_budget_and_a_session_at_its_own(frugal: Scripted) -> None:
    """A looping turn gets one call past its budget, without tools; a used-up session asks the model no more."""
    stack, model = frugal.stack, frugal.model
    model.reset()
    model.script = _loops
    looped = await _chat(stack, "one")
    assert len(model.requests) == 3
    assert [bool(request.get("tools")) for request in model.requests] == [True, True, False]
    metadata = looped["metadata"]
    assert (metadata["outcome"], metadata["fallback"]) == ("answered", "steps"), "what its searches found is told"

    turned_down = await _chat(stack, "one", "again")
    assert len(model.requests) == 3
    assert "new one" in str(turned_down["response"])
    assert turned_down["metadata"]["outcome"] == "failed"

    model.script = lambda request: Say("hello")
    assert (await _chat(stack, "two"))["response"] == "hello"


async def test_a_users_day_ends_in_all_sessions_and_in_nobody_elses(frugal: Scripted) -> None:
    """The budget of the day counts all sessions of a user; used up, none asks the model any more. Metrics tell."""
    stack, model = frugal.stack, frugal.model
    model.reset()
    model.script = lambda request: Say("hello")
    spent = await _spent(stack)
    for number in range(6):
        assert (await _chat(stack, f"day {number % 3}", user="dan"))["response"] == "hello"
    for session in ("day 0", "another"):
        refused = await _chat(stack, session, user="dan")
        assert "tomorrow" in str(refused["response"])
        assert refused["metadata"]["outcome"] == "failed"
    assert len(model.requests) == 6
    assert [after - before for before, after in zip(spent, await _spent(stack), strict=True)] == [60, 30]
    assert (await _chat(stack, "bobs", user="bob"))["response"] == "hello"


async def _spent(stack: Stack) -> list[float]:
    """The tokens of prompts and of completions so far, as the metrics have them."""
    names = [f'travelbuddy_tokens_total{{kind="{kind}",model="scripted-1"}}' for kind in ("prompt", "completion")]
    return [await metric(User(stack), name) for name in names]
