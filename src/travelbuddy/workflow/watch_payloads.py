"""What travels in the payloads of ``fare_watch``. As with a turn's, fields may be added with a default, no more."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from travelbuddy.domain.watch import due_at, next_number
from travelbuddy.workflow.contracts import OwnedPayload

FARE_WATCH = "fare_watch"
CHECK_FARE, TELL_FARE, SEND_WEBHOOK, END_WATCH = "check_fare", "tell_fare", "send_webhook", "end_watch"


class WatchInput(OwnedPayload):
    """The look that is to come. All else is in the watch's record: payloads outlast changes of it."""

    grid: datetime
    every: float
    ends_at: datetime
    number: int = 0

    @property
    def due(self) -> datetime:
        """When to look; not later than the end."""
        return min(due_at(self.grid, self.every, self.number), self.ends_at)

    @property
    def ending(self) -> bool:
        """Whether the watch ends before this look."""
        return self.due >= self.ends_at

    def after(self, now: datetime) -> WatchInput:
        """The look after this one."""
        return self.model_copy(update={"number": next_number(self.grid, self.every, self.number, now)})


class LookInput(OwnedPayload):
    """One execution of an activity for the look of this number."""

    number: int
    last_attempt: bool = False


class LookResult(BaseModel):
    """What came of it.

    ``done``: nothing is left to do for this look. ``tell``: the traveller must be told. ``over``: the watch is.
    ``webhook``: told, and a webhook wants to know as well. ``retry``: try again, not before ``retry_after`` seconds.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["done", "tell", "webhook", "over", "retry"] = "done"
    retry_after: float | None = None
