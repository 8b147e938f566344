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
    ],
)
async def test_a_passing_fault_is_retried(scripted: Scripted, fault: Answer) -> None:
    """A 500, 429 or broken answer costs one attempt; the turn is answered and its timeline tells of it."""
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
    """A model that only ever calls tools gets no tools at the step limit; the reply tells what its searches found."""
    scripted.model.script = lambda request: Call((("search_flights", {"destination": "Paris"}),))
    user = User(scripted.stack, "looper", "loop")
    view = await user.finished(await user.start("loop"))
    assert view["status"] == "answered"
    assert view["response"].startswith("Flights from LHR to PAR")
    assert len(scripted.model.requests) == 8
    assert "tools" not in scripted.model.requests[-1]
    (turn,) = await user.history("loop")
    check_whole(turn["messages"])
    assert turn["messages"][-1]["metadata"]["fallback"] == "steps"


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()


FILTERED = Fail(400, body='{"error": {"message": "no", "code": "content_filter"}}')
TOO_LONG = Fail(400, body='{"error": {"message": "no", "code": "context_length_exceeded"}}')


async def test_a_failed_turn_leaves_no_word_in_later_prompts(scripted: Scripted) -> None:
    """After a message was refused for its own text, the next two are answered, and know nothing of it or our reply."""
    scripted.model.script = lambda r: FILTERED if "poison" in str(r["messages"]) else one_search(r)
    user = User(scripted.stack, "ada", "filtered")
    await user.ask("a first one")
    refused = await user.finished(await user.start("poison"))
    assert (refused["status"], len(scripted.model.asked("poison"))) == ("failed", 2)
    for text in ("two", "three"):
        assert (await user.finished(await user.start(text)))["status"] == "answered"
        for request in scripted.model.asked(text):
            assert refused["response"] not in str(request["messages"])
            assert [m["role"] for m in request["messages"]][:4] == ["system", "user", "assistant", "tool"]
    assert len(scripted.model.asked("two")) == len(scripted.model.asked("three")) == 2, "none was refused"


async def test_a_request_refused_for_an_earlier_turn_is_asked_without(scripted: Scripted) -> None:
    """What the server answered once and refuses now is left out; the timeline says what helped."""
    user = User(scripted.stack, "ada", "healed")
    await user.ask("later forbidden")
    scripted.model.script = lambda r: FILTERED if "forbidden" in str(r["messages"]) else Say("gladly")
    view = await user.finished(await user.start("hello"))
    assert (view["status"], view["response"]) == ("answered", "gladly")
    assert [step["note"] for step in view["timeline"]] == ["asked without the oldest turn"]


async def test_a_conversation_too_long_for_the_model_goes_on(scripted: Scripted) -> None:
    """Turns are halved until the request fits, in one step and without a wait; the latest ones stay."""

    def script(request: Request) -> Answer:
        return TOO_LONG if len([m for m in request["messages"] if m["role"] == "user"]) > 3 else Say("short enough")

    scripted.model.script = script
    user = User(scripted.stack, "ada", "long")
    for number in range(6):
        assert await user.ask(f"number {number}") == "short enough"
    view = await user.finished(await user.start("the last"))
    assert [step["note"] for step in view["timeline"]] == ["asked without the 5 oldest turns"]
    said = [m["content"] for m in scripted.model.asked("the last")[-1]["messages"] if m["role"] == "user"]
    assert said == ["number 5", "the last"]
    scripted.model.script = lambda request: TOO_LONG
    view = await user.finished(await user.start("too long by itself"))
    assert view["status"] == "failed"
    assert len(scripted.model.asked("too long by itself")) == 4


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [(FILTERED, "content_filter"), (Say(" \u200b\n"), "blank"), (Say(""), "blank")],
)
async def test_offers_are_told_where_the_model_fails_to(scripted: Scripted, trouble: Answer, reason: str) -> None:
    """A model that refuses, or says nothing, after its search found flights: the reply tells them, and no trouble."""
    scripted.model.script = lambda r: trouble if r["messages"][-1]["role"] == "tool" else one_search(r)
    user = User(scripted.stack, "ada", f"found {reason} {time.monotonic_ns()}")
    answer = await user.chat("find flights")
    assert (answer["metadata"]["outcome"], answer["metadata"]["fallback"]) == ("answered", reason)
    assert "error" not in answer["metadata"]
    best = answer["metadata"]["offers"]["offers"][0]
    for part in ("5 offers", best["owner"]["name"], f"{best['total_amount']} {best['total_currency']}"):
        assert part in answer["response"]
    assert "sorry" not in answer["response"]
    assert len(scripted.model.requests) == (3 if reason == "blank" else 2)


async def test_a_blank_answer_is_asked_for_once_more(scripted: Scripted) -> None:
    """One blank answer is passed over, within the step; two of them end the turn as failed."""
    fired, script = _once(Say("\u200b \n"))
    scripted.model.script = script  # type: ignore[assignment]
    user = User(scripted.stack, "ada", "blank")
    view = await user.finished(await user.start("hello"))
    assert (len(fired), view["status"]) == (1, "answered")
    assert view["timeline"][0]["note"] == "asked again after a blank answer"
    scripted.model.script = lambda request: Say(" ")
    before = len(scripted.model.requests)
    view = await user.finished(await user.start("hello again"))
    assert (view["status"], len(scripted.model.requests) - before) == ("failed", 2)
