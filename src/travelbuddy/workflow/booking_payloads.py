"""What travels in the payloads of ``booking``. As with a turn's, fields may be added with a default, no more."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from travelbuddy.workflow.contracts import OwnedPayload

BOOKING = "booking"
LOOK_AT_BOOKING, HOLD_OFFER, TELL_BOOKING = "look_at_booking", "hold_offer", "tell_booking"


class BookingInput(OwnedPayload):
    """All else is in the booking's record, and who travels must not be in any history."""


class BookingStep(OwnedPayload):
    """One execution of an activity. ``last_attempt`` is of earlier versions: the record counts the attempts."""

    last_attempt: bool = False


class BookingResult(BaseModel):
    """How the booking stands.

    ``wait``: nothing is due now; the record says when it will be. ``hold``: it is approved. ``tell``: it has ended,
    which is to be told. ``over``: nothing is left to do. ``retry``: the store is away; it is due until it is done.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["wait", "hold", "tell", "over", "retry"]
    seconds: float | None = None
