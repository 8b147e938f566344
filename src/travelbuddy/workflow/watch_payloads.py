"""What travels in the payloads of ``fare_watch``. As with a turn's, fields may be added with a default, no more."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from travelbuddy.workflow.contracts import OwnedPayload

FARE_WATCH = "fare_watch"
CHECK_FARE, TELL_FARE, SEND_WEBHOOK, END_WATCH = "check_fare", "tell_fare", "send_webhook", "end_watch"


class WatchInput(OwnedPayload):
    """The look of this number. All else is in the watch's record; the other fields are what earlier versions need."""

    grid: datetime
    every: float
    ends_at: datetime
    number: int = 0


class LookInput(OwnedPayload):
    """One execution of an activity for the look of this number.

    ``last_attempt`` is of earlier versions: the record counts the attempts.
    """

    number: int
    last_attempt: bool = False


class LookResult(BaseModel):
    """What came of it.

    ``done``: nothing is left to do now. ``tell``: the traveller must be told. ``webhook``: told, and a webhook wants to
    know as well. ``end``: its last day is over. ``over``: the watch is. ``retry``: it was not done, and is due still.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["done", "tell", "webhook", "end", "over", "retry"] = "done"
    retry_after: float | None = None
