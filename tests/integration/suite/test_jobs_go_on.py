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
from tests.integration.framework.scripted_model import ScriptedModel
from tests.integration.framework.stack import Stack
from tests.integration.framework.webhook_receiver import WebhookReceiver
from tests.integration.suite.test_bookings import Agency, _books
from tests.integration.suite.test_fare_watch import QUICK, Market, Watching

pytestmark = pytest.mark.asyncio(loop_scope="function")

BEFORE = Path(torn.__file__).parent / "version_before"
WITHIN = 30.0
"""Seconds in which a job goes on, counted from the return of the processes or from its due time."""
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

    async def kill_all(self) -> None:
        """SIGKILL to everything at once, the supervisor included."""
        parts = self.stack.processes().values()
        self.stack.process.kill()
        for pid in parts:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        await asyncio.to_thread(self.stack.process.wait, 10)

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


@pytest.mark.parametrize("row", ["history", "inbox"])
async def test_a_hold_whose_instance_cannot_be_read_is_held(row: str) -> None:
    """Killed while the supplier is asked, a row of the instance gone: one order, told, 30 s after all is back."""
    async with _stack() as jobs:
        approval = await jobs.agency.asked("torn-hold")
        fault = jobs.market.arm("slow_after", "order", seconds=20)
        await jobs.agency.decide(approval)
        await poll_until(lambda: fault.fired, 10, "the supplier is asked")
        if row == "inbox":  # what comes while no worker is there stays in the inbox
            os.kill(jobs.stack.pid("app"), signal.SIGSTOP)
            await _dapr(jobs, f"{approval['approval_id']}/raiseEvent/anything", {})
        await jobs.kill_all()
        torn.tear(jobs.stack.kept_in, jobs.stack.data_dir, approval["approval_id"], row)
        await jobs.stack.start()
        began = time.monotonic()
        await jobs.is_held(approval, WITHIN)
        print(f"{row}: held and told {time.monotonic() - began:.1f} s after the processes were back")
        assert (await jobs.record("booking", approval["approval_id"]))["run"] == 1


async def test_a_watch_whose_instance_cannot_be_read_looks() -> None:
    """Killed while it looks, a row of the instance gone: it looks 30 s after all is back."""
    async with _stack() as jobs:
        watch_id = await jobs.watch("torn-watch", 3.0)
        fault = jobs.market.arm("slow", "offer_requests", seconds=20)
        await poll_until(lambda: fault.fired, 10, "it looks")
        await jobs.kill_all()
        torn.tear(jobs.stack.kept_in, jobs.stack.data_dir, watch_id, "history")
        await jobs.stack.start()
        began = time.monotonic()
        await jobs.looks_again(watch_id, WITHIN)
        print(f"looked {time.monotonic() - began:.1f} s after the processes were back")
        await poll_until(lambda: jobs._has(watch_id, "run", 1), WITHIN, "a successor looks")
        await jobs.looks_again(watch_id, WITHIN)


@pytest.mark.stores("sqlite", because="the scheduler's data is no part of the store")
@pytest.mark.parametrize("while_it_runs", [False, True])
async def test_jobs_go_on_when_the_schedulers_data_is_lost(while_it_runs: bool) -> None:
    """A watch that looks, one that is due soon, a hold that is being made and one that waits: all go on."""
    async with _stack() as jobs:
        later = await jobs.watch("lost-later", 8.0)
        being_held, waiting = await jobs.agency.asked("lost-held"), await jobs.agency.asked("lost-waiting")
        slow_hold = jobs.market.arm("slow_after", "order", seconds=20)
        await jobs.agency.decide(being_held)
        await poll_until(lambda: slow_hold.fired, 10, "the supplier is asked to hold")
        looking = await jobs.watch("lost-looking", 3.0)
        slow_look = jobs.market.arm("slow", "offer_requests", seconds=20)
        await poll_until(lambda: slow_look.fired, 10, "a watch looks")
        folder = jobs.stack.data_dir / "scheduler"
        if while_it_runs:
            old = jobs.stack.pid("scheduler")
            os.kill(old, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)
            await poll_until(lambda: jobs.stack.processes().get("scheduler", old) != old, 15, "the scheduler is back")
        else:
            await jobs.kill_all()
            shutil.rmtree(folder)
            await jobs.stack.start()
        began = time.monotonic()
        jobs.market.faults.clear()
        await asyncio.gather(
            jobs.is_held(being_held, WITHIN),
            jobs.looks_again(looking, WITHIN),
            jobs.looks_again(later, max(await jobs.due_in(later), 0) + WITHIN),
        )
        print(f"all went on {time.monotonic() - began:.1f} s after")
        await jobs.agency.decide(waiting)
        await jobs.is_held(waiting, WITHIN)


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
        await jobs.kill_all()
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


@pytest.mark.stores("sqlite", because=ONE_STORE)
async def test_erasing_is_not_held_up_by_what_dapr_cannot_read() -> None:
    """A user with an instance that nobody can read or purge is erased; only that instance's rows are left."""
    async with _stack() as jobs:
        watch_id = await jobs.watch("erased-torn", 3.0)
        fault = jobs.market.arm("slow", "offer_requests", seconds=20)
        await poll_until(lambda: fault.fired, 10, "it looks")
        await jobs.kill_all()
        torn.tear(jobs.stack.kept_in, jobs.stack.data_dir, watch_id, "history")
        await jobs.stack.start()
        await poll_until(lambda: jobs._has(watch_id, "run", 1), WITHIN, "a successor looks")
        erased = await User(jobs.stack, "erased-torn").call("DELETE", "/users/erased-torn")
        assert erased.status_code == 200, erased.text
        assert await jobs.record("fare_watch", watch_id) == {}
        left = [key.name for key in sqlite_keys(jobs.stack.data_dir / "state.sqlite") if watch_id in key.name]
        assert [name for name in left if f"{watch_id}-r" in name or not name.startswith("dapr.internal.")] == []


@pytest.mark.stores("sqlite", because=ONE_STORE)
async def test_erasing_finds_the_successors_of_jobs_too() -> None:
    """Nothing is left of a watch that was taken over once its user is erased, in the engine's rows either."""
    async with _stack() as jobs:
        watch_id = await jobs.watch("erased-watch", 3.0)
        fault = jobs.market.arm("slow", "offer_requests", seconds=20)
        await poll_until(lambda: fault.fired, 10, "it looks")
        await jobs.kill_all()
        shutil.rmtree(jobs.stack.data_dir / "scheduler")
        await jobs.stack.start()
        await jobs.looks_again(watch_id, WITHIN)
        user = User(jobs.stack, "erased-watch", "erased-watch trip")
        assert (await user.call("DELETE", "/users/erased-watch")).status_code == 200
        left = [key.name for key in sqlite_keys(jobs.stack.data_dir / "state.sqlite") if watch_id in key.name]
        assert left == []
