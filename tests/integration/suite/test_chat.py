"""POST /chat: the seed's request and answer, durable underneath."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.scripted_model import Call, Request, Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _body(session: str, message: str = "Find me flights", **more: Any) -> dict[str, Any]:
    return {"user_id": "ada", "session_id": session, "message": message, **more}


async def test_the_answer_has_the_reply_and_what_it_took(scripted: Scripted) -> None:
    """200 with response, session, metadata and timestamp; the flights come as data as well."""
    user = User(scripted.stack)
    answer = await user.call("POST", "/chat", json=_body("chat-1"))
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"response", "session_id", "metadata", "timestamp"}
    assert (body["response"], body["session_id"]) == ("Flights to Paris for: Find me flights", "chat-1")
    metadata = body["metadata"]
    assert (metadata["model"], metadata["tokens_used"], metadata["outcome"]) == ("scripted-1", 30, "answered")
    assert metadata["tools_used"] == ["search_flights"]
    assert 0 < metadata["processing_time"] < 10
    offers = metadata["offers"]
    assert offers["query"]["destination"] == "PAR"
    assert offers["offers"]
    assert offers["source"] == "sample"
    turn = (await user.history("chat-1"))[0]
    assert turn["workflow_instance_id"] == metadata["workflow_instance_id"]
    assert turn["messages"][-1]["content"] == body["response"]


async def test_several_searches_and_none(scripted: Scripted) -> None:
    """Without a search there are no offers; with several the last counts and the others stand in earlier."""
    user = User(scripted.stack)
    scripted.model.script = lambda request: Say("hello")
    assert (await user.call("POST", "/chat", json=_body("chat-2"))).json()["metadata"]["offers"] is None

    def two(request: Request) -> Call | Say:
        if request["messages"][-1]["role"] == "user":
            cities = [("search_flights", {"destination": city}) for city in ("Rome", "Oslo", "Nowhereville")]
            return Call(tuple(cities))
        return Say("found")

    scripted.model.script = two
    offers = (await user.call("POST", "/chat", json=_body("chat-2", "two"))).json()["metadata"]["offers"]
    assert offers["query"]["destination"] == "OSL"
    assert [found["query"]["destination"] for found in offers["earlier"]] == ["ROM"]


async def test_context_reaches_the_prompt_of_this_message_only(scripted: Scripted) -> None:
    """What a client sends as context stands in the system message of that turn, and of no other."""
    user = User(scripted.stack)
    await user.call("POST", "/chat", json=_body("chat-3", "first", context={"page": "deals", "budget": 300}))
    await user.call("POST", "/chat", json=_body("chat-3", "second"))
    system = {last_user_message(r): r["messages"][0]["content"] for r in scripted.model.requests}
    assert "- page: deals" in system["first"]
    assert "- budget: 300" in system["first"]
    assert "deals" not in system["second"]


async def test_an_idempotency_key_answers_again_without_the_model(scripted: Scripted) -> None:
    """The same message with the same key has the same answer, and the model is not asked again."""
    user, headers = User(scripted.stack), {"Idempotency-Key": "chat-key"}
    answers = [await user.call("POST", "/chat", json=_body("chat-4"), headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(scripted.model.requests) == 2


async def test_a_busy_session_can_be_refused(scripted: Scripted) -> None:
    """if_busy=reject is a 409 problem on both chat doors while a turn runs."""
    user = User(scripted.stack, "ada", "chat-busy")
    scripted.model.hold(lambda request: True)
    await user.start("slow")
    for path in ("/chat", "/chat/stream"):
        answer = await user.call("POST", path, json=_body("chat-busy", if_busy="reject"))
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:travelbuddy:problem:session-busy")


async def test_a_slow_turn_is_202_after_chat_wait_and_goes_on(dapr_runtime: None) -> None:
    """After CHAT_WAIT the answer is that of /start-workflow; the turn is answered all the same."""
    with ScriptedModel() as model:
        async with Stack(env={**model.env, "CHAT_WAIT": "0.3"}) as stack:
            user = User(stack)
            model.hold(lambda request: True)
            answer = await user.call("POST", "/chat", json=_body("late"))
            assert answer.status_code == 202
            started = answer.json()
            assert answer.headers["location"] == started["status_url"]
            model.release()
            assert (await user.finished(started["workflow_instance_id"]))["status"] == "answered"
