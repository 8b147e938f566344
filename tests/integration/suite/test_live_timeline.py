"""A turn's timeline while it runs: what waits, what failed and is tried again, what was held up by a kill."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.events import Sent, collect, events
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Answer, Call, Fail, Request, Say, one_search

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="what is told while a turn runs is kept by no store"),
]
STEP = {"name", "attempt", "started_at", "duration_ms", "tokens", "error", "held_up_ms", "note"}


def _body(session: str, message: str = "Paris?") -> dict[str, str]:
    return {"user_id": "ada", "session_id": session, "message": message}


def _after_a_search(request: Request) -> bool:
    return bool(request["messages"][-1]["role"] == "tool")


def _statuses(sent: list[Sent]) -> list[dict[str, Any]]:
    return [event.data for event in sent if event.name == "status" and "timeline" in event.data]


def _names(status: dict[str, Any]) -> list[str]:
    return [step["name"] for step in status["timeline"]]


class Follower:
    """A client that follows a turn and keeps the events so far."""

    def __init__(self, url: str, turn_id: str) -> None:
        self.sent: list[Sent] = []
        self._task = asyncio.create_task(self._follow(f"{url}/workflows/{turn_id}/stream"))

    async def _follow(self, url: str) -> None:
        async with aclosing(events("GET", url)) as stream:
            async for event in stream:
                self.sent.append(event)

    async def sees(self, within: float, what: str, **wanted: object) -> dict[str, Any]:
        """Wait for a status that holds these values, or a timeline of these names."""

        def found() -> dict[str, Any] | None:
            for status in _statuses(self.sent):
                shown = {**status, "names": _names(status)}
                if wanted.items() <= {key: shown.get(key) for key in wanted}.items():
                    return status
            return None

        return await poll_until(found, within, what)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_each_step_is_told_when_it_is_finished(scripted: Scripted) -> None:
    """The timeline grows with the turn, is whole before the message, and is then what is stored."""
    sent = await collect("POST", f"{scripted.stack.app_url}/chat/stream", body=_body("steps"))
    statuses = _statuses(sent)
    grown = [_names(status) for status in statuses]
    assert grown[0] == []
    assert ["call_model", "search_flights"] in grown
    assert grown[-1] == ["call_model", "search_flights", "call_model"]
    assert grown == sorted(grown, key=len), "no step is taken back"
    assert [event.name for event in sent[-1:]] == ["message"]
    user = User(scripted.stack, "ada")
    view = await user.finished(sent[0].data["workflow_instance_id"])
    assert statuses[-1]["timeline"] == view["timeline"]
    assert all(step.keys() == STEP and step["held_up_ms"] is None for step in view["timeline"])
    (turn,) = await user.history("steps")
    assert turn["timeline"] == view["timeline"]
    assert turn["offers"] == sent[-1].data["metadata"]["offers"]


async def test_who_comes_late_is_told_the_steps_so_far(scripted: Scripted) -> None:
    """A stream that begins in the middle, and the turn's own address, have the finished steps at once."""
    scripted.model.hold(_after_a_search)
    user = User(scripted.stack, "ada", "late")
    turn = await user.start("Paris?")
    await poll_until(lambda: len(scripted.model.requests) == 2, 10, "the second call is under way")
    late = Follower(scripted.stack.app_url, turn)
    try:
        status = await late.sees(2, "the steps so far", names=["call_model", "search_flights"])
        assert (status["state"], status["doing"], status["step"]) == ("running", "asking the model", 2)
        view = (await user.call("GET", f"/workflows/{turn}")).json()
        assert view["timeline"] == status["timeline"]
        (waiting,) = (await user.call("GET", "/sessions/late/history")).json()["open"]
        assert (waiting["workflow_instance_id"], waiting["queue_position"]) == (turn, 0)
    finally:
        scripted.model.release()
        await user.finished(turn)
        await late.close()


async def test_a_failed_try_and_the_wait_after_it_are_told(scripted: Scripted) -> None:
    """While a turn waits for the model its followers see why, for how long, and after which attempt."""
    faults = iter([Fail(429, {"Retry-After": "2"})])
    scripted.model.script = lambda request: next(faults, None) or one_search(request)
    sent = await collect("POST", f"{scripted.stack.app_url}/chat/stream", body=_body("retried"))
    words = re.compile(r"waiting for the model since \d\d:\d\d:\d\d UTC; asks again in 2 s")
    waiting = [event for event in sent if words.fullmatch(str(event.data.get("doing")))]
    assert len(waiting) == 1, _statuses(sent)
    (failed,) = waiting[0].data["timeline"]
    assert (failed["name"], failed["attempt"]) == ("call_model", 1)
    assert "429" in failed["error"]
    after = next(event for event in sent if event.data.get("attempt") == 2)
    assert after.data["timeline"] == [failed]
    assert after.at - waiting[0].at > 1.5, "it was told while it waited, not afterwards"


async def test_a_waiting_turn_tells_each_place_it_has(scripted: Scripted) -> None:
    """From the third place to its answer a turn tells its position whenever that changes; the history has it too."""
    scripted.model.script = lambda request: Say("done")
    scripted.model.hold(lambda request: request["messages"][-1]["content"] == "one")
    user = User(scripted.stack, "ada", "places")
    ids = [await user.start(text) for text in ("one", "two", "three")]
    third = Follower(scripted.stack.app_url, ids[2])
    try:
        await third.sees(10, "its place", state="queued", queue_position=2)
        waiting = (await user.call("GET", "/sessions/places/history")).json()["open"]
        assert [(turn["message"], turn["queue_position"]) for turn in waiting] == [("one", 0), ("two", 1), ("three", 2)]
        scripted.model.hold(lambda request: request["messages"][-1]["content"] == "two")
        scripted.model.gate.set()
        scripted.model.gate.clear()
        await third.sees(10, "the next place", state="queued", queue_position=1)
    finally:
        scripted.model.release()
    assert (await user.finished(ids[2]))["status"] == "answered"
    await third.close()


@pytest.mark.parametrize("by_dapr", [False, True])
async def test_a_pause_is_told_within_two_seconds(scripted: Scripted, by_dapr: bool) -> None:
    """Whoever follows sees that the turn was paused and that it goes on, also when Dapr's own API was used."""
    session = f"paused-{by_dapr}"
    scripted.model.hold(lambda request: True)
    user = User(scripted.stack, "ada", session)
    turn = await user.start("Paris?")
    follower = Follower(scripted.stack.app_url, turn)
    await poll_until(lambda: len(scripted.model.requests) == 1, 10, "the model is asked")

    async def do(what: str) -> None:
        if by_dapr:
            async with httpx.AsyncClient() as http:
                await http.post(f"{scripted.stack.dapr_url}/v1.0/workflows/dapr/{turn}/{what}")
        else:
            assert (await user.call("POST", f"/workflows/{turn}/{what}")).status_code == 200

    try:
        await follower.sees(5, "that it runs, so it listens", state="running")
        began = time.monotonic()
        await do("pause")
        await follower.sees(5, "the pause", state="paused")
        assert time.monotonic() - began < (3 if by_dapr else 1)
        heard = len(follower.sent)
        await do("resume")
        await poll_until(
            lambda: any(status["state"] == "running" for status in _statuses(follower.sent[heard:])), 5, "it goes on"
        )
    finally:
        scripted.model.release()
    assert (await user.finished(turn))["status"] == "answered"
    await follower.close()


async def test_a_step_whose_process_was_killed_says_how_long_it_stood(killable: Scripted) -> None:
    """After kill -9 in the middle of a step its second execution has ``held_up_ms``, live and stored; others do not."""
    stack, model = killable.stack, killable.model
    user = User(stack, "ada", "held-up")
    model.hold(_after_a_search)
    turn = await user.start("Paris?")
    await poll_until(lambda: len(model.requests) == 2, 10, "the second call is under way")
    asked = time.monotonic()
    await poll_until(lambda: time.monotonic() - asked > 1, 2, "what the kill undoes is a second of work")
    await stack.kill("app")
    await poll_until(lambda: len(model.requests) == 3, 30, "the call is made again")
    stood = time.monotonic() - asked
    follower = Follower(stack.app_url, turn)
    await follower.sees(5, "the steps before the kill", names=["call_model", "search_flights"])
    model.release()
    view = await user.finished(turn)
    held = [step["held_up_ms"] for step in view["timeline"]]
    assert held[:2] == [None, None]
    assert held[2] >= 1000
    assert abs(held[2] / 1000 - stood) < 1
    await follower.sees(5, "all steps", names=["call_model", "search_flights", "call_model"])
    await follower.close()


async def test_a_durable_tool_is_told_too(scripted: Scripted) -> None:
    """A step of its own for a tool appears in the timeline before the model is asked again."""

    def script(request: Request) -> Answer:
        if request["messages"][-1]["role"] == "user":
            return Call((("remember_preference", {"key": "home_airport", "value": "Oslo"}),))
        return Say("noted")

    scripted.model.script = script
    sent = await collect("POST", f"{scripted.stack.app_url}/chat/stream", body=_body("durable", "I live in Oslo"))
    using = [_names(status) for status in _statuses(sent) if status.get("doing") == "using tools"]
    assert using[0] == ["call_model"]
    assert ["call_model", "remember_preference"] in using
