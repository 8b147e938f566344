"""The activities of a booking. All run at least once, and each looks first what the record says."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from travelbuddy.adapters.work_ports import Errands
from travelbuddy.domain.booking import Booking, expired, failed, held, not_held_yet, outcome_told
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
from travelbuddy.workflow.executing import Execute, for_errand, plain

log = structlog.get_logger(__name__)

Accept = Callable[[Incoming], Awaitable[object]]
OVER = BookingResult(kind="over")


class BookingActivities:
    """``accept`` takes in the notice that tells the outcome; ``changed`` is told of each change of a record."""

    def __init__(
        self,
        bookings: Errands[Booking],
        flights: HoldsFlights,
        accept: Accept,
        clock: Callable[[], datetime],
        changed: Callable[[Booking], None],
    ) -> None:
        self._changed = changed
        self._bookings = bookings
        self._flights = flights
        self._accept = accept
        self._clock = clock

    def by_name(self) -> dict[str, Execute]:
        """What the worker carries out. Where the store is away the instance ends: the job is due until it is done."""
        activities = {LOOK_AT_BOOKING: self.look, HOLD_OFFER: self.hold, TELL_BOOKING: self.tell}
        return {name: plain(name, BookingStep, for_errand(run, _retry)) for name, run in activities.items()}

    async def look(self, booking_id: str, asked: BookingStep) -> BookingResult:
        """What is to be done now; a booking whose time is up expires here, unless its traveller was faster."""
        booking = await self._change(booking_id, lambda known: expired(known, self._clock()))
        if booking is None:
            return OVER
        if booking.told:
            return OVER
        if booking.over:
            return BookingResult(kind="tell")
        return BookingResult(kind="hold" if self._is_due(booking) else "wait")

    async def hold(self, booking_id: str, asked: BookingStep) -> BookingResult:
        """Hold the approved offer, once: the supplier knows a repetition by the booking's id."""
        found = await self._bookings.find(booking_id)
        if found is None:
            return OVER
        booking = found[0]
        if booking.status != "approved":
            return BookingResult(kind="tell")
        if not self._is_due(booking):
            return BookingResult(kind="wait")
        try:
            hold = await self._held(booking)
        except Transient as trouble:
            log.warning("booking.not_held_yet", booking=booking_id, reason=str(trouble))
            problem, pause, now = str(trouble), trouble.retry_after, self._clock()
            after = await self._change(booking_id, lambda known: not_held_yet(known, problem, now, pause))
        except ToolError as refused:
            problem = str(refused)
            log.warning("booking.refused", booking=booking_id, kind=refused.kind)
            after = await self._change(booking_id, lambda known: failed(known, problem))
        else:
            after = await self._change(booking_id, lambda known: held(known, hold))
            log.info("booking.held", booking=booking_id, erased=after is None)
        if after is None:
            return OVER
        return BookingResult(kind="tell" if after.over else "wait")

    def _is_due(self, booking: Booking) -> bool:
        """Whether the offer is to be held now: it is approved, and the supplier need not be left alone any more."""
        due = booking.due
        return booking.status == "approved" and due is not None and due <= self._clock()

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
        await self._change(booking_id, outcome_told)
        return OVER

    async def _change(self, booking_id: str, change: Callable[[Booking], Booking]) -> Booking | None:
        """The booking after this change, under its guard; None when it was erased."""
        while (found := await self._bookings.find(booking_id)) is not None:
            changed = change(found[0])
            if changed == found[0]:
                return changed
            if await self._bookings.replace(changed, found[1]):
                self._changed(changed)
                return changed
        return None


def _retry(after: float | None) -> BookingResult:
    return BookingResult(kind="retry", seconds=after)
