"""What generators wait by: the time as the history has it, and an event that may not come."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from dapr.ext.workflow import DaprWorkflowContext
from dapr.ext.workflow._durabletask.task import Task  # not re-exported by dapr.ext.workflow


def now(ctx: DaprWorkflowContext) -> datetime:
    """The time, the same in every replay; the SDK's is UTC and does not say so."""
    time: datetime = ctx.current_utc_datetime
    return time.replace(tzinfo=UTC)


def event_or_timeout(ctx: DaprWorkflowContext, event: str, seconds: float) -> Generator[Task[Any], Any, None]:
    """Wait until the event comes, or for ``seconds``."""
    try:
        yield ctx.wait_for_external_event(event, timeout=timedelta(seconds=seconds))
    except TimeoutError:
        return
