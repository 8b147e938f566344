"""The activities of a booking. All run at least once, and each looks first what the record says."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from travelbuddy.adapters.work_ports import Errands
from travelbuddy.domain.booking import Booking, expired, failed, held
from travelbuddy.domain.booking_words import metadata, outcome_text
from travelbuddy.domain.travel import Hold
from travelbuddy.errors import Permanent, ToolError, Transient
from travelbuddy.flights.provider import HoldsFlights
from travelbuddy.incoming import Incoming
from travelbuddy.workflow.booking_payloads import (
    HOLD_OFFER,
    LOOK_AT_BOOKING,
    TELL_BOOKING,
    BookingResult,
    BookingStep,
)
from travelbuddy.workflow.contracts import ReplyTo
from travelbuddy.workflow.executing import Execute, or_retry, plain

log = structlog.get_logger(__name__)

Accept = Callable[[Incoming], Awaitable[object]]
OVER = BookingResult(kind="over")


class BookingActivities:
    """``accept`` takes in the notice that tells the outcome."""

    def __init__(
        self, bookings: Errands[Booking], flights: HoldsFlights, accept: Accept, clock: Callable[[], datetime]
    ) -> None:
        self._bookings = bookings
        self._flights = flights
        self._accept = accept
        self._clock = clock

    def by_name(self) -> dict[str, Execute]:
        """What the worker carries out. That the store is away is a value: the workflow decides when to try again."""
        activities = {LOOK_AT_BOOKING: self.look, HOLD_OFFER: self.hold, TELL_BOOKING: self.tell}
        return {name: plain(name, BookingStep, or_retry(run, _retry)) for name, run in activities.items()}

    async def look(self, booking_id: str, asked: BookingStep) -> BookingResult:
        """What is to be done now; a booking whose time is up expires here, unless its traveller was faster."""
        booking = await self._change(booking_id, lambda known: expired(known, self._clock()))
        if booking is None:
            return OVER
        if booking.status == "waiting":
            return BookingResult(kind="wait", seconds=(booking.expires_at - self._clock()).total_seconds())
        return BookingResult(kind="hold" if booking.status == "approved" else "tell")

    async def hold(self, booking_id: str, asked: BookingStep) -> BookingResult:
        """Hold the approved offer, once: the supplier knows a repetition by the booking's id."""
        found = await self._bookings.find(booking_id)
        if found is None:
            return OVER
        booking = found[0]
        if booking.status != "approved":
            return BookingResult(kind="tell")
        try:
            hold = await self._held(booking)
        except Transient as trouble:
            log.warning("booking.not_held_yet", booking=booking_id, reason=str(trouble))
            if not asked.last_attempt:
                return BookingResult(kind="retry", seconds=trouble.retry_after)
            problem = f"The supplier did not answer for a long time, the last time it was: {trouble}."
            after = await self._change(booking_id, lambda known: failed(known, problem))
        except ToolError as refused:
            problem = str(refused)
            log.warning("booking.refused", booking=booking_id, kind=refused.kind)
            after = await self._change(booking_id, lambda known: failed(known, problem))
        else:
            after = await self._change(booking_id, lambda known: held(known, hold))
            log.info("booking.held", booking=booking_id, erased=after is None)
        return OVER if after is None else BookingResult(kind="tell")

    async def _held(self, booking: Booking) -> Hold:
        """Ask the supplier. What nobody foresaw is trouble too, told by its kind: its text may say who travels."""
        try:
            return await self._flights.hold(booking.offer, booking.passengers, booking.id)
        except (Transient, ToolError):
            raise
        except Exception as unforeseen:  # noqa: BLE001 - no log and no history may have its text
            place = traceback.extract_tb(unforeseen.__traceback__)[-1]
            kind = type(unforeseen).__name__
            log.error("booking.broke_down", booking=booking.id, kind=kind, file=place.filename, line=place.lineno)
            raise Transient(f"an unforeseen {kind}") from None

    async def tell(self, booking_id: str, asked: BookingStep) -> BookingResult:
        """Tell the outcome in the conversation; the same key tells it once."""
        found = await self._bookings.find(booking_id)
        if found is None:
            return OVER
        booking = found[0]
        notice = Incoming(
            user_id=booking.user_id,
            session_id=booking.session_id,
            text=outcome_text(booking),
            key=f"{booking.id}-{booking.status}",
            notice=metadata(booking),
            reply_to=ReplyTo(recipient=booking.user_id, in_reply_to=booking.id),
            door="booking",
            since=booking.decided_at or booking.expires_at,
        )
        try:
            await self._accept(notice)
        except Permanent as refused:  # the session was erased, or its id is another user's by now
            log.warning("booking.not_told", booking=booking.id, reason=str(refused))
        return OVER

    async def _change(self, booking_id: str, change: Callable[[Booking], Booking]) -> Booking | None:
        """The booking after this change, under its guard; None when it was erased."""
        while (found := await self._bookings.find(booking_id)) is not None:
            changed = change(found[0])
            if changed == found[0] or await self._bookings.replace(changed, found[1]):
                return changed
        return None


def _retry(after: float | None) -> BookingResult:
    return BookingResult(kind="retry", seconds=after)
