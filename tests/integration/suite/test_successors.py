"""What Dapr cannot run any more: its turn is carried on by a successor, under its first id, with no reader's help."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from contextlib import suppress
from typing import Any

import httpx
import pytest
from tests.integration.framework.client import User
from tests.integration.framework.invariants import check_whole
from tests.integration.framework.polling import poll_until
from tests.integration.framework.rows import sqlite_keys
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack
from tests.integration.framework.torn import tear

WITHIN = 30.0
"""Seconds in which a turn goes on whose instance Dapr has lost, counted from the return of the processes (V5)."""
WAITING = 20


async def _kill_all(stack: Stack) -> None:
    """SIGKILL to everything at once, the supervisor included."""
    parts = stack.processes().values()
    stack.process.kill()
    for pid in parts:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    await asyncio.to_thread(stack.process.wait, 10)


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


@pytest.mark.parametrize("row", ["history", "inbox"])
@pytest.mark.stores("sqlite", "redis", "postgres", because="each keeps an instance's rows in its own way")
async def test_a_waiting_turn_whose_instance_cannot_be_read_is_answered(row: str) -> None:
    """A row of its instance is gone: 30 s after the processes are back it is answered, by itself, under its id."""
    with ScriptedModel() as model:
        async with Stack(env=model.env) as stack:
            user = User(stack, "ada", "torn")
            model.hold(lambda request: True)
            first, second = await user.start("first"), await user.start("second")
            await poll_until(lambda: _queued(user, second), 15, "the second turn waits")
            if row == "inbox":  # what comes while no worker is there stays in the inbox
                os.kill(stack.pid("app"), signal.SIGSTOP)
                await _raise_event(stack, second)
            await _kill_all(stack)
            tear(stack.kept_in, stack.data_dir, second, row)
            model.requests.clear()
            await stack.start()
            began = time.monotonic()
            model.release()
            await _answered(stack, model, ["first", "second"], WITHIN)
            print(f"{row}: asked {time.monotonic() - began:.1f} s after the processes were back")
            turns = await poll_until(lambda: _all(user, "torn", 2), 5, "both turns are stored")
            assert [turn["workflow_instance_id"] for turn in turns] == [first, second]
            assert [turn["outcome"] for turn in turns] == ["answered", "answered"]
            for turn in turns:
                check_whole(turn["messages"])
            assert (await user.finished(second, 1))["response"] == "Flights to Paris for: second"


@pytest.mark.stores("sqlite", because="the scheduler's data is no part of the store")
@pytest.mark.parametrize("while_it_runs", [False, True])
async def test_turns_go_on_when_the_schedulers_data_is_lost(while_it_runs: bool) -> None:
    """Twenty turns that wait are answered in their order, though every reminder for them is gone."""
    with ScriptedModel() as model:
        async with Stack(env=model.env) as stack:
            user = User(stack, "ada", "unscheduled")
            model.hold(lambda request: True)
            ids = [await user.start(f"message {number}") for number in range(WAITING)]
            await poll_until(lambda: _queued(user, ids[-1]), 15, "the last turn waits")
            folder = stack.data_dir / "scheduler"
            if while_it_runs:
                old = stack.pid("scheduler")
                os.kill(old, signal.SIGKILL)
                shutil.rmtree(folder, ignore_errors=True)
                await poll_until(lambda: stack.processes().get("scheduler", old) != old, 15, "the scheduler is back")
            else:
                await _kill_all(stack)
                shutil.rmtree(folder)
                await stack.start()
            began = time.monotonic()
            model.release()
            await _answered(stack, model, [f"message {number}" for number in range(WAITING)], WITHIN)
            print(f"all asked {time.monotonic() - began:.1f} s after")
            turns = await poll_until(lambda: _all(user, "unscheduled", WAITING), 10, "all turns are stored")
            assert [turn["workflow_instance_id"] for turn in turns] == ids
            assert {turn["outcome"] for turn in turns} == {"answered"}


@pytest.mark.stores("sqlite", because="a reader is kept waiting by the engine, not by the store")
async def test_readers_do_not_wait_for_a_turn_that_stands_still() -> None:
    """While a session's head cannot be read by Dapr, its history, its turns and the list of sessions are shown."""
    with ScriptedModel() as model:
        async with Stack(env=model.env) as stack:
            user = User(stack, "ada", "still")
            model.hold(lambda request: True)
            head, second = await user.start("head"), await user.start("second")
            await poll_until(lambda: _queued(user, second), 15, "the second turn waits")
            await _kill_all(stack)
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


@pytest.mark.stores("sqlite", because="erasing is the same on every store")
async def test_erasing_finds_successors_too() -> None:
    """Nothing is left of a turn that was taken over once its session is erased, in the engine's rows either."""
    with ScriptedModel() as model:
        async with Stack(env=model.env) as stack:
            user = User(stack, "ada", "erased")
            model.hold(lambda request: True)
            turn_id = await user.start("forget me")
            await poll_until(lambda: model.requests, 10, "the model is asked")
            await _kill_all(stack)
            shutil.rmtree(stack.data_dir / "scheduler")
            await stack.start()
            model.release()
            await user.finished(turn_id, WITHIN)
            assert (await user.call("DELETE", "/sessions/erased")).status_code == 200
            left = [key.name for key in sqlite_keys(stack.data_dir / "state.sqlite") if turn_id in key.name]
            assert not left


async def _queued(user: User, turn_id: str) -> bool:
    view: dict[str, Any] = (await user.call("GET", f"/workflows/{turn_id}")).json()
    return view.get("status") == "queued"


async def _all(user: User, session: str, number: int) -> list[dict[str, Any]] | None:
    turns = await user.history(session)
    return turns if len(turns) == number else None
