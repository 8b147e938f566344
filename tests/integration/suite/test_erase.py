"""Erasing: afterwards a raw scan of the store finds nothing, and nothing comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from tests.integration.conftest import Scripted
from tests.integration.framework.client import User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import Call, Request, Say, ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack
from tests.integration.framework.stores import STORES

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARKER = "xyzzy-marker"
WHO = "erica-the-erased"
SETTLED = 3.0
Rows = Callable[[], Iterator[str]]


def _script(request: Request) -> Say | Call:
    """The model repeats the message; for 'remember' it stores it as the user's name first."""
    text = last_user_message(request)
    if text.startswith("remember") and request["messages"][-1]["role"] == "user":
        return Call((("remember_preference", {"key": "name", "value": MARKER}),))
    return Say(f"you said: {text}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def erasing(dapr_runtime: None, kept_in: None) -> AsyncIterator[Scripted]:
    """One stack for all of them: each has users of its own, and leaves nothing of them."""
    with ScriptedModel(_script) as model:
        async with Stack(env=model.env) as stack:
            yield Scripted(stack, model)


def _found(rows: Rows, *texts: str) -> int:
    return sum(any(text in row for text in texts) for row in rows())


async def _erase_everything(stack: Stack, model: ScriptedModel, rows: Rows) -> None:
    """Fill two sessions beyond their limits, leave a turn hanging and one waiting, erase, let the model go on."""
    model.script = _script
    user, other = User(stack, WHO, f"{WHO} one"), User(stack, "somebody-else", "other")
    for number in range(112):
        await user.call("POST", "/chat", json={"message": f"{MARKER} {number}", **user.ids})
    await user.ask("remember me")
    await User(stack, WHO, f"{WHO} two").ask(f"{MARKER} again")
    await other.ask("keep this")
    await user.call("PATCH", f"/users/{WHO}", json={"note": MARKER})
    model.hold(lambda request: "hang" in last_user_message(request))
    await user.start(f"{MARKER} hang")
    await user.start(f"{MARKER} wait")
    await poll_until(lambda: [r for r in model.requests if "hang" in last_user_message(r)], 10, "the model hangs")
    assert _found(rows, MARKER) > 100
    began = time.monotonic()
    answer = await user.call("DELETE", f"/users/{WHO}")
    assert answer.status_code == 200, answer.text
    counts = answer.json()
    assert counts["sessions"] == 2
    assert counts["turns"] == 103, "the 100 that are kept, the two under way, and one of the other session"
    assert counts["workflows"] == 116
    print(f"erased in {time.monotonic() - began:.2f} s")
    model.release()
    await poll_until(lambda: _found(rows, MARKER, WHO) == 0, 10, "no row holds anything of the user")
    await asyncio.sleep(SETTLED)
    assert _found(rows, MARKER, WHO) == 0, "and nothing comes back"
    assert (await user.call("GET", f"/users/{WHO}")).json()["total_interactions"] == 0
    assert (await user.call("GET", f"/sessions/{WHO} one/history")).status_code == 404
    assert (await user.call("DELETE", f"/users/{WHO}")).json() == {"sessions": 0, "turns": 0, "workflows": 0}
    assert len(await other.history("other")) == 1
    assert await user.ask("hello again") == "you said: hello again"
    prompt = model.requests[-1]["messages"]
    assert [m["content"] for m in prompt if m["role"] == "user"] == ["hello again"]
    assert MARKER not in str(prompt)


@pytest.mark.stores(
    *STORES, gate=("redis",), because="each has its own rows, and what is gone from one may stay in another"
)
async def test_a_user_is_erased(erasing: Scripted) -> None:
    """After DELETE /users/{id} no row holds the user's texts or name, a hung turn's included."""
    stack, model = erasing.stack, erasing.model
    await _erase_everything(stack, model, stack.kept_in.rows)


async def test_one_session_is_erased_and_the_others_stay(erasing: Scripted) -> None:
    """DELETE /sessions/{id} takes that session only; the same idempotency key is a new turn afterwards."""
    stack = erasing.stack
    gone, stays = User(stack, "sam", "gone"), User(stack, "sam", "stays")
    first = await gone.start(MARKER, key="k")
    await gone.finished(first)
    await stays.ask("hello")
    answer = await gone.call("DELETE", "/sessions/gone?user_id=sam")
    assert answer.json() == {"sessions": 1, "turns": 1, "workflows": 1}
    assert (await gone.call("GET", f"/workflows/{first}")).status_code == 404
    assert _found(stack.kept_in.rows, MARKER) == 0
    listed = (await gone.call("GET", "/sessions?user_id=sam")).json()["sessions"]
    assert [session["session_id"] for session in listed] == ["stays"]
    again = await gone.start("hello", key="k")
    assert (await gone.finished(again))["response"] == "you said: hello"


@pytest.mark.parametrize("what", ["session", "user"])
async def test_messages_sent_while_erasing_are_answered_or_refused(erasing: Scripted, what: str) -> None:
    """Messages that arrive while a user or session is erased end as a stored turn or with an error, never both."""
    stack = erasing.stack
    user = User(stack, "busy", "busy")
    await user.ask("first")
    path = "/users/busy" if what == "user" else "/sessions/busy?user_id=busy"
    accepted: list[str] = []

    async def send(number: int) -> None:
        body = {"task": f"message {number}", **user.ids}
        answer = await user.call("POST", "/start-workflow", json=body)
        assert answer.status_code in {202, 409, 503}, answer.text
        if answer.status_code == 202:
            accepted.append(answer.json()["workflow_instance_id"])

    async def erase() -> None:
        for _ in range(3):
            assert (await user.call("DELETE", path)).status_code in {200, 404}

    await asyncio.gather(*(send(number) for number in range(30)), erase())
    await user.ask("last")

    async def at_rest() -> bool:
        session = (await user.call("GET", "/sessions/busy/history?limit=100")).json()
        known = [turn["workflow_instance_id"] for turn in session["turns"]]
        open_turns = [
            turn
            for turn in accepted
            if turn not in known and (await user.call("GET", f"/workflows/{turn}")).status_code == 200
        ]
        return not open_turns

    await poll_until(at_rest, 40, "every accepted turn is stored, or erased")
