"""Holds and watches that Dapr cannot carry on, or that an earlier version has begun, go on by themselves."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.framework import torn
from tests.integration.framework.client import Json, User
from tests.integration.framework.polling import poll_until
from tests.integration.framework.rows import sqlite_keys
from tests.integration.framework.scripted_model import ScriptedModel, last_user_message
from tests.integration.framework.stack import Stack
from tests.integration.framework.webhook_receiver import WebhookReceiver
from tests.integration.suite.test_bookings import Agency, _books
from tests.integration.suite.test_fare_watch import QUICK, Market, Watching

pytestmark = pytest.mark.asyncio(loop_scope="function")

BEFORE = Path(torn.__file__).parent / "version_before"
WITHIN = 30.0
"""Seconds in which a job goes on, counted from the return of the processes or from its due time."""
WAITING = 20
ONE_STORE = "which instances there are, and what is due, is decided by the same code on every store"


class Jobs:
    """A stack that holds and watches, seen without calling a route that could help it."""

    def __init__(self, stack: Stack, market: Market, receiver: WebhookReceiver, model: ScriptedModel) -> None:
        self.stack = stack
        self.market = market
        self.agency = Agency(stack, model, market)
        self.watching = Watching(stack, market, receiver, model)

    async def record(self, kind: str, job_id: str) -> Json:
        """The job's record, from the store; empty while the sidecar is not there."""
        try:
            async with httpx.AsyncClient(base_url=self.stack.dapr_url, timeout=10) as http:
                answer = await http.get(f"/v1.0/state/conversationstore/{kind}:{job_id}")
        except httpx.TransportError:
            return {}
        found: Json = answer.json() if answer.status_code == 200 else {}
        return found

    async def watch(self, name: str, every: float) -> str:
        """A watch that has looked once."""
        watch_id = await self.watching.watch(User(self.stack, name, f"{name} trip"), every=every)
        await poll_until(lambda: self._has(watch_id, "checks", 1), 15, "it has looked")
        return watch_id

    async def looks_again(self, watch_id: str, within: float) -> None:
        """Wait until it has looked once more than by now."""
        known = (await self.record("fare_watch", watch_id))["checks"]
        await poll_until(lambda: self._has(watch_id, "checks", known + 1), within, "it looks again")

    async def is_held(self, approval: Json, within: float) -> None:
        """Wait until the hold's outcome was told."""
        booking_id = approval["approval_id"]
        await poll_until(lambda: self._held(booking_id), within, "it is held, and that is told")
        assert self.market.orders_per_offer()[approval["offer"]["id"]] == 1

    async def due_in(self, watch_id: str) -> float:
        """Seconds until its next look is due."""
        due = datetime.fromisoformat((await self.record("fare_watch", watch_id))["next_check_at"])
        return (due - datetime.now(UTC)).total_seconds()

    async def _has(self, watch_id: str, field: str, least: int) -> bool:
        record = await self.record("fare_watch", watch_id)
        return int(record.get(field, 0)) >= least

    async def _held(self, booking_id: str) -> bool:
        record = await self.record("booking", booking_id)
        return record.get("status") == "held" and record.get("told") is True


@asynccontextmanager
async def _stack(**env: str) -> AsyncIterator[Jobs]:
    with Market() as market, WebhookReceiver() as receiver, ScriptedModel(_books) as model:
        settings = {**model.env, **market.env, **receiver.env, **QUICK, **env}
        async with Stack(env=settings) as stack:
            yield Jobs(stack, market, receiver, model)


async def _dapr(jobs: Jobs, path: str, body: Any) -> None:
    async with httpx.AsyncClient(base_url=jobs.stack.dapr_url, timeout=15) as http:
        (await http.post(f"/v1.0/workflows/dapr/{path}", json=body)).raise_for_status()


async def test_jobs_whose_instances_cannot_be_read_go_on() -> None:
    """Killed at work, a row of the instance gone: a hold is one order, told, and a watch looks, 30 s after the return.

    Erasing is not held up by such an instance: only its own rows are left.
    """
    async with _stack() as jobs:
        watch_id = await jobs.watch("torn-watch", 3.0)
        holds = {row: await jobs.agency.asked(f"torn-{row}") for row in ("history", "inbox")}
        orders = jobs.market.arm("slow_after", "order", times=2, seconds=20)
        for approval in holds.values():
            await jobs.agency.decide(approval)
        await poll_until(lambda: orders.fired >= 2, 10, "the supplier is asked for both")
        look = jobs.market.arm("slow", "offer_requests", seconds=20)
        await poll_until(lambda: look.fired, 10, "it looks")
        os.kill(jobs.stack.pid("app"), signal.SIGSTOP)  # what comes while no worker is there stays in the inbox
        await _dapr(jobs, f"{holds['inbox']['approval_id']}/raiseEvent/anything", {})
        await jobs.stack.kill_all()
        for row, job_id in [*((row, hold["approval_id"]) for row, hold in holds.items()), ("history", watch_id)]:
            torn.tear(jobs.stack.kept_in, jobs.stack.data_dir, job_id, row)
        await jobs.stack.start()
        began = time.monotonic()
        await asyncio.gather(
            *(jobs.is_held(approval, WITHIN) for approval in holds.values()), jobs.looks_again(watch_id, WITHIN)
        )
        print(f"all went on {time.monotonic() - began:.1f} s after the processes were back")
        for approval in holds.values():
            assert (await jobs.record("booking", approval["approval_id"]))["run"] == 1
        await poll_until(lambda: jobs._has(watch_id, "run", 1), WITHIN, "a successor looks")
        await jobs.looks_again(watch_id, WITHIN)
        erased = await User(jobs.stack, "torn-watch").call("DELETE", "/users/torn-watch")
        assert erased.status_code == 200, erased.text
        assert await jobs.record("fare_watch", watch_id) == {}
        left = [key.name for key in jobs.stack.kept_in.all_keys() if watch_id in key.name]
        assert [name for name in left if f"{watch_id}-r" in name or "dapr.internal." not in name] == []


@pytest.mark.stores("sqlite", because="the scheduler's data is no part of the store")
@pytest.mark.parametrize("while_it_runs", [pytest.param(False, marks=pytest.mark.full_size), True])
async def test_all_go_on_when_the_schedulers_data_is_lost(while_it_runs: bool) -> None:
    """Twenty turns that wait, watches at work and due, holds being made and not yet decided: all go on in 30 s.

    Nothing is left of what was taken over once its user is erased, in the engine's rows either.
    """
    async with _stack() as jobs:
        stack, model, turns = jobs.stack, jobs.agency.model, User(jobs.stack, "lost-turns", "unscheduled")
        later = await jobs.watch("lost-later", 8.0)
        being_held, waiting = await jobs.agency.asked("lost-held"), await jobs.agency.asked("lost-waiting")
        slow_hold = jobs.market.arm("slow_after", "order", seconds=20)
        await jobs.agency.decide(being_held)
        await poll_until(lambda: slow_hold.fired, 10, "the supplier is asked to hold")
        looking = await jobs.watch("lost-looking", 3.0)
        model.hold(lambda request: last_user_message(request).startswith("message"))
        ids = [await turns.start(f"message {number}") for number in range(WAITING)]
        slow_look = jobs.market.arm("slow", "offer_requests", seconds=20)
        await poll_until(lambda: slow_look.fired, 10, "a watch looks")
        folder = stack.data_dir / "scheduler"
        if while_it_runs:
            old = stack.pid("scheduler")
            os.kill(old, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)
            await poll_until(lambda: stack.processes().get("scheduler", old) != old, 15, "the scheduler is back")
        else:
            await stack.kill_all()
            shutil.rmtree(folder)
            await stack.start()
        began = time.monotonic()
        jobs.market.faults.clear()
        model.release()
        await asyncio.gather(
            _asked_about(model, [f"message {number}" for number in range(WAITING)]),
            jobs.is_held(being_held, WITHIN),
            jobs.looks_again(looking, WITHIN),
            jobs.looks_again(later, max(await jobs.due_in(later), 0) + WITHIN),
        )
        print(f"all went on {time.monotonic() - began:.1f} s after")
        await jobs.agency.decide(waiting)
        await jobs.is_held(waiting, WITHIN)
        await poll_until(lambda: _stored(turns, WAITING), 10, "all turns are stored")
        told = await turns.history("unscheduled")
        assert [turn["workflow_instance_id"] for turn in told] == ids
        assert {turn["outcome"] for turn in told} == {"answered"}
        for name, known in (("lost-turns", ids), ("lost-looking", [looking])):
            assert (await User(stack).call("DELETE", f"/users/{name}")).status_code == 200
            kept = [key.name for key in sqlite_keys(stack.data_dir / "state.sqlite")]
            assert [key for key in kept if any(each in key for each in known)] == []


async def _asked_about(model: ScriptedModel, texts: list[str]) -> None:
    """Wait until the model has been asked about each text, which no route of the service is called for."""
    await poll_until(lambda: all(model.asked(text) for text in texts), WITHIN, f"the model is asked about {texts}")


async def _stored(user: User, number: int) -> bool:
    return len(await user.history("unscheduled")) == number


@pytest.mark.stores("sqlite", because=ONE_STORE)
async def test_jobs_of_the_version_before_go_on() -> None:
    """Its workflows wait on timers and events, and no index has its jobs: they are taken over, nobody has to look."""
    before = {"PYTHONPATH": str(BEFORE)}
    async with _stack(**before) as jobs:
        approved, waiting = await jobs.agency.asked("old-approved"), await jobs.agency.asked("old-waiting")
        for approval in (approved, waiting):
            booking_id = approval["approval_id"]
            await _dapr(jobs, f"booking/start?instanceID={booking_id}", {"user_id": approval["user_id"]})
        user = User(jobs.stack, "old-watch", "old-watch trip")
        watch_id = await jobs.watching.watch(user, every=6.0)
        watch = await jobs.record("fare_watch", watch_id)
        payload = {"user_id": "old-watch", "grid": watch["created_at"], "every": 6.0, "ends_at": watch["ends_at"]}
        await _dapr(jobs, f"fare_watch/start?instanceID={watch_id}", payload)
        await poll_until(lambda: jobs._has(watch_id, "checks", 1), 15, "the old workflow looks")
        await jobs.agency.decide(approved)  # and its door dies before it has told the workflow
        await asyncio.sleep(0.5)
        assert (await jobs.record("booking", approved["approval_id"]))["status"] == "approved"
        await jobs.stack.kill_all()
        del jobs.stack._env["PYTHONPATH"]
        await jobs.stack.start()
        began = time.monotonic()
        await jobs.is_held(approved, WITHIN)
        await jobs.looks_again(watch_id, WITHIN)
        print(f"taken over {time.monotonic() - began:.1f} s after the processes were back")
        await jobs.agency.decide(waiting)
        await jobs.is_held(waiting, WITHIN)
        await poll_until(lambda: jobs.record("jobs", "migrated"), WITHIN, "that is noted")
        assert (await user.call("DELETE", f"/watches/{watch_id}")).json()["status"] == "cancelled"
