"""Makes a service, started with this folder in PYTHONPATH, carry out holds and watches as version 0.2 did.

Their workflows wait themselves, on durable timers and events; there is no index of open jobs, and nobody reads one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Generator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any


def _booking(ctx: Any, payload: Any) -> Generator[Any, Any, Any]:
    """Look at the record; wait for the event, or for a while; begin anew."""
    step = yield ctx.call_activity("look_at_booking", input=payload)
    if step["kind"] == "wait":
        with suppress(TimeoutError):
            yield ctx.wait_for_external_event("decided", timeout=timedelta(seconds=900))
        ctx.continue_as_new(payload, save_events=True)
    return {}


def _fare_watch(ctx: Any, payload: Any) -> Generator[Any, Any, Any]:
    """Wait until the look is due; look; begin anew with the next one."""
    grid, number = datetime.fromisoformat(payload["grid"]), payload.get("number", 0)
    wait = grid + timedelta(seconds=payload["every"] * number) - ctx.current_utc_datetime.replace(tzinfo=UTC)
    if number and wait > timedelta():
        yield ctx.create_timer(wait)
    yield ctx.call_activity("check_fare", input={"user_id": payload["user_id"], "number": number})
    ctx.continue_as_new({**payload, "number": number + 1}, save_events=False)
    return {}


async def _idle(self: Any) -> None:
    await asyncio.Event().wait()


async def _nothing(self: Any, errand: Any, *, decided: bool = False) -> None:
    return


if sys.argv[:1] == ["-m"]:  # of the service's own processes, `python -m travelbuddy` alone
    from travelbuddy import bootstrap_work
    from travelbuddy.jobs import Jobs

    vars(bootstrap_work).update(booking=_booking, fare_watch=_fare_watch)
    Jobs.run = _idle  # type: ignore[method-assign]
    Jobs.note = _nothing  # type: ignore[method-assign]
