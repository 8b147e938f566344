"""What becomes of messages that meet a busy session, and of turns that are paused, resumed or cancelled."""

from __future__ import annotations

import time

import httpx
import pytest
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.invariants import check_turns
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Request, Say, last_user_message

pytestmark = pytest.mark.asyncio(loop_scope="session")

HUNG = "hang"


def _reply(request: Request) -> Say:
    return Say(f"answer to {last_user_message(request)}")


async def _hung(scripted: Scripted, user: User) -> str:
    """Start a turn whose model call hangs; returns its id once the model has been asked."""
    scripted.model.script = _reply
    scripted.model.hold(lambda request: last_user_message(request) == HUNG)
    turn = await user.start(HUNG)
    await poll_until(lambda: scripted.model.asked(HUNG), 10, "the model is asked")
    return turn


async def _send(user: User, task: str, if_busy: str, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"task": task, "if_busy": if_busy, **user.ids}
    return await user.call("POST", "/start-workflow", json=body, headers=headers)


async def test_enqueue_waits_and_shows_its_place(scripted: Scripted) -> None:
    """A message to a busy session waits, shows its queue position, and is answered after the ones before it."""
    user = User(scripted.stack, "ann", "enqueue")
    await _hung(scripted, user)
    second, third = await user.start("second"), await user.start("third")
    for turn, position in ((second, 1), (third, 2)):
        view = (await user.call("GET", f"/workflows/{turn}")).json()
        assert (view["status"], view["queue_position"]) == ("queued", position)
    assert not scripted.model.asked("second")
    scripted.model.release()
    assert (await user.finished(third))["response"] == "answer to third"
    check_turns(await user.history("enqueue"), [HUNG, "second", "third"], scripted.model.requests)


async def test_reject_refuses_while_a_turn_runs_and_leaves_nothing(scripted: Scripted) -> None:
    """A message that would rather not wait gets 409 and is nowhere; once the session is free it is a turn."""
    user = User(scripted.stack, "ben", "reject")
    running = await _hung(scripted, user)
    refused = await _send(user, "not now", "reject", key="again")
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:travelbuddy:problem:session-busy"
    scripted.model.release()
    await user.finished(running)
    assert [turn["messages"][0]["content"] for turn in await user.history("reject")] == [HUNG]
    accepted = await _send(user, "not now", "reject", key="again")
    assert accepted.status_code == 202
    done = await user.finished(accepted.json()["workflow_instance_id"])
    assert done["response"] == "answer to not now"
    assert len(scripted.model.asked("not now")) == 1


async def test_interrupt_stops_what_runs_and_waits(scripted: Scripted) -> None:
    """An interrupting message is answered at once; the running and the waiting turn are recorded as interrupted."""
    user = User(scripted.stack, "cem", "interrupt")
    running = await _hung(scripted, user)
    waiting = await user.start("waiting")
    began = time.monotonic()
    newer = (await _send(user, "newer", "interrupt")).json()["workflow_instance_id"]
    assert (await user.finished(newer))["response"] == "answer to newer"
    assert time.monotonic() - began < 3, "it does not wait for the hung call"
    for old in (running, waiting):
        assert (await user.finished(old))["status"] == "interrupted"
    scripted.model.release()
    assert [turn["outcome"] for turn in await user.history("interrupt")] == ["interrupted", "interrupted", "answered"]
    await user.finished(await user.start("after"))
    prompt = scripted.model.asked("after")[0]["messages"]
    assert [m["content"] for m in prompt if m["role"] == "user"] == [f"{HUNG}\n\nwaiting\n\nnewer", "after"]
    assert [m["role"] for m in prompt] == ["system", "user", "assistant", "user"], "no note of ours between them"


async def test_cancel_ends_a_hung_model_call(scripted: Scripted) -> None:
    """Cancelling while the model hangs ends the turn at once, and the next one begins without waiting for it."""
    user = User(scripted.stack, "dia", "cancel")
    running = await _hung(scripted, user)
    after = await user.start("after")
    began = time.monotonic()
    answer = await user.call("POST", f"/workflows/{running}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert (await user.finished(after))["response"] == "answer to after"
    assert time.monotonic() - began < 3
    scripted.model.release()
    again = await user.call("POST", f"/workflows/{running}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")
    assert [turn["outcome"] for turn in await user.history("cancel")] == ["cancelled", "answered"]
    state = await _dapr(scripted, running)
    assert state["runtimeStatus"] in {"TERMINATED", "COMPLETED"}


async def test_a_cancelled_waiting_turn_keeps_its_place_and_is_never_asked(scripted: Scripted) -> None:
    """A turn cancelled while it waits shows so at once, costs no model call, and stands in order in the history."""
    user = User(scripted.stack, "eva", "cancel-waiting")
    running = await _hung(scripted, user)
    waiting, last = await user.start("waiting"), await user.start("last")
    assert (await user.call("POST", f"/workflows/{waiting}/cancel")).json()["status"] == "cancelled"
    assert (await user.call("GET", f"/workflows/{waiting}")).json()["status"] == "cancelled"
    scripted.model.release()
    await user.finished(last)
    assert (await user.finished(running))["status"] == "answered"
    assert [turn["outcome"] for turn in await user.history("cancel-waiting")] == ["answered", "cancelled", "answered"]
    assert not scripted.model.asked("waiting")


async def test_pause_holds_the_turn_and_resume_lets_it_go_on(scripted: Scripted) -> None:
    """A turn paused during a step goes no further than that step until it is resumed, and is then answered."""
    user = User(scripted.stack, "fay", "pause")
    scripted.model.hold(lambda request: request["messages"][-1]["role"] == "user")
    turn = await user.start("Paris, please")
    await poll_until(lambda: scripted.model.asked("Paris, please"), 10, "the model is asked")
    paused = await user.call("POST", f"/workflows/{turn}/pause")
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    await poll_until(lambda: _is(scripted, turn, "SUSPENDED"), 10, "Dapr has suspended it")
    scripted.model.release()
    waiting = await user.start("and then?")
    await poll_until(lambda: _is_view(user, waiting, "queued"), 10, "the next turn waits")
    assert len(scripted.model.requests) == 1, "no further step is begun"
    assert (await user.call("GET", f"/workflows/{turn}")).json()["status"] == "paused"
    resumed = await user.call("POST", f"/workflows/{turn}/resume")
    assert resumed.status_code == 200
    assert (await user.finished(turn))["status"] == "answered"
    assert (await user.finished(waiting))["status"] == "answered"


async def test_pause_and_resume_through_dapr_itself(scripted: Scripted) -> None:
    """Dapr's own pause and resume do the same as ours, and our view says paused."""
    user = User(scripted.stack, "gus", "dapr-pause")
    scripted.model.hold(lambda request: request["messages"][-1]["role"] == "user")
    turn = await user.start("Rome, please")
    await poll_until(lambda: scripted.model.asked("Rome, please"), 10, "the model is asked")
    await _tell_dapr(scripted, turn, "pause")
    await poll_until(lambda: _is_view(user, turn, "paused"), 10, "our view says paused")
    scripted.model.release()
    await _tell_dapr(scripted, turn, "resume")
    assert (await user.finished(turn))["status"] == "answered"


@pytest.mark.parametrize("how", ["terminate", "terminate and purge"])
async def test_a_head_ended_through_dapr_blocks_for_less_than_five_seconds(scripted: Scripted, how: str) -> None:
    """A head terminated or purged by Dapr's own call is recorded as cancelled; the next turn goes on within 5 s."""
    session = how.replace(" ", "-")
    user = User(scripted.stack, "hal", session)
    running = await _hung(scripted, user)
    after = await user.start("after")
    began = time.monotonic()
    await _tell_dapr(scripted, running, "terminate")
    if "purge" in how:
        await poll_until(lambda: _is(scripted, running, "TERMINATED"), 5, "it is terminated")
        await _tell_dapr(scripted, running, "purge")
    await poll_until(lambda: scripted.model.asked("after"), 6, "the next turn is asked")
    assert time.monotonic() - began < 5
    await user.finished(after)
    assert [turn["outcome"] for turn in await user.history(session)] == ["cancelled", "answered"]


async def test_a_finished_turn_cannot_be_paused_resumed_or_cancelled(scripted: Scripted) -> None:
    """Whoever comes too late is told so, and the stored answer stays."""
    scripted.model.script = _reply
    user = User(scripted.stack, "ida", "too-late")
    turn = await user.start("hello")
    await user.finished(turn)
    for verb in ("pause", "resume", "cancel"):
        late = await user.call("POST", f"/workflows/{turn}/{verb}")
        assert (late.status_code, late.json()["type"]) == (409, "urn:travelbuddy:problem:turn-over")
    assert (await user.call("GET", f"/workflows/{turn}")).json()["response"] == "answer to hello"


async def test_nobody_controls_the_turn_of_another_user(scripted: Scripted) -> None:
    """With another user's id, or an unknown turn's, there is nothing to pause, resume or cancel."""
    user = User(scripted.stack, "joy", "hers")
    running = await _hung(scripted, user)
    for verb in ("pause", "resume", "cancel"):
        for url in (f"/workflows/{running}/{verb}?user_id=mallory", f"/workflows/nobody-knows/{verb}"):
            assert (await user.call("POST", url)).status_code == 404, url
    scripted.model.release()
    assert (await user.finished(running))["status"] == "answered"


async def _dapr(scripted: Scripted, turn: str) -> dict[str, str]:
    url = f"{scripted.stack.dapr_url}/v1.0/workflows/durableTaskHub/{turn}"
    async with httpx.AsyncClient(timeout=10) as http:
        state: dict[str, str] = (await http.get(url)).json()
    return state


async def _tell_dapr(scripted: Scripted, turn: str, verb: str) -> None:
    url = f"{scripted.stack.dapr_url}/v1.0/workflows/durableTaskHub/{turn}/{verb}"
    async with httpx.AsyncClient(timeout=10) as http:
        assert (await http.post(url)).status_code == 202


async def _is(scripted: Scripted, turn: str, status: str) -> bool:
    return (await _dapr(scripted, turn)).get("runtimeStatus") == status


async def _is_view(user: User, turn: str, status: str) -> bool:
    return bool((await user.call("GET", f"/workflows/{turn}")).json()["status"] == status)
