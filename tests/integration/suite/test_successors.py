"""What Dapr cannot run any more: its turn is carried on by a successor, under its first id, with no reader's help."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest
from tests.integration.framework.client import User
from tests.integration.framework.invariants import check_whole
from tests.integration.framework.polling import poll_until
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack
from tests.integration.framework.torn import tear

WITHIN = 30.0
"""Seconds in which a turn goes on whose instance Dapr has lost, counted from the return of the processes (V5)."""
ROWS = ("history", "inbox")


async def _answered(stack: Stack, model: ScriptedModel, texts: list[str], within: float) -> None:
    """Wait until the model has been asked about each text, which no route of the service is called for."""

    async def asked() -> bool:
        last = [request["messages"][-1] for request in model.requests]
        return {message["content"] for message in last if message["role"] == "user"} >= set(texts)

    await poll_until(asked, within, f"the model is asked about all of {texts}")


async def _raise_event(stack: Stack, turn_id: str) -> None:
    """Raise an event at the turn; what the engine stores of it comes before its answer, which may not come at all."""
    with suppress(httpx.TimeoutException):
        async with httpx.AsyncClient(timeout=3) as http:
            await http.post(f"{stack.dapr_url}/v1.0/workflows/dapr/{turn_id}/raiseEvent/anything", json={})


@pytest.mark.stores(
    *("sqlite", "redis", "postgres"),
    gate=("sqlite", "postgres"),
    because="each keeps an instance's rows in its own way",
)
async def test_waiting_turns_whose_instances_cannot_be_read_are_answered() -> None:
    """A row of their instances is gone: 30 s after the processes are back they are answered, under their ids."""
    with ScriptedModel() as model:
        async with Stack(env=model.env) as stack:
            users = {row: User(stack, "ada", f"torn {row}") for row in ROWS}
            model.hold(lambda request: True)
            ids = {row: [await user.start(f"{row} {n}") for n in (1, 2)] for row, user in users.items()}
            for row, (_, second) in ids.items():
                await poll_until(partial(_queued, users[row], second), 15, "the second turn waits")
            os.kill(stack.pid("app"), signal.SIGSTOP)  # what comes while no worker is there stays in the inbox
            await _raise_event(stack, ids["inbox"][1])
            await stack.kill_all()
            for row, (_, second) in ids.items():
                tear(stack.kept_in, stack.data_dir, second, row)
            model.requests.clear()
            await stack.start()
            began = time.monotonic()
            model.release()
            await _answered(stack, model, [f"{row} {n}" for row in ROWS for n in (1, 2)], WITHIN)
            print(f"asked {time.monotonic() - began:.1f} s after the processes were back")
            for row, of_session in ids.items():
                turns = await poll_until(partial(_all, users[row], f"torn {row}", 2), 5, "both turns are stored")
                assert [turn["workflow_instance_id"] for turn in turns] == of_session
                assert [turn["outcome"] for turn in turns] == ["answered", "answered"]
                for turn in turns:
                    check_whole(turn["messages"])
                view = await users[row].finished(of_session[1], 1)
                assert view["response"] == f"Flights to Paris for: {row} 2"


@pytest.mark.stores("sqlite", because="a reader is kept waiting by the engine, not by the store")
async def test_readers_do_not_wait_for_a_turn_that_stands_still() -> None:
    """While a session's head cannot be read by Dapr, its history, its turns and the list of sessions are shown."""
    with ScriptedModel() as model:
        async with Stack(env=model.env) as stack:
            user = User(stack, "ada", "still")
            model.hold(lambda request: True)
            head, second = await user.start("head"), await user.start("second")
            await poll_until(lambda: _queued(user, second), 15, "the second turn waits")
            await stack.kill_all()
            tear(stack.kept_in, stack.data_dir, head, "history")
            await stack.start()
            paths = ("/sessions/still/history", f"/workflows/{head}", f"/workflows/{second}", "/sessions?user_id=ada")
            for path in paths:
                began = time.monotonic()
                answer = await user.call("GET", path)
                assert answer.status_code == 200, (path, answer.text)
                assert time.monotonic() - began < 3, path
            model.release()
            assert (await user.finished(head, WITHIN))["status"] == "answered"
            assert (await user.finished(second, 10))["status"] == "answered"


async def _queued(user: User, turn_id: str) -> bool:
    view: dict[str, Any] = (await user.call("GET", f"/workflows/{turn_id}")).json()
    return view.get("status") == "queued"


async def _all(user: User, session: str, number: int) -> list[dict[str, Any]] | None:
    turns = await user.history(session)
    return turns if len(turns) == number else None
