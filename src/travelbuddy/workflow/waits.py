"""What generators know of the time."""

from __future__ import annotations

from datetime import UTC, datetime

from dapr.ext.workflow import DaprWorkflowContext


def now(ctx: DaprWorkflowContext) -> datetime:
    """The time, the same in every replay; the SDK's is UTC and does not say so."""
    time: datetime = ctx.current_utc_datetime
    return time.replace(tzinfo=UTC)
