"""The way in for bookings: ask for an approval, once for each key; look at a user's; decide.

A booking's record says when something is to be done for it; Jobs starts a workflow then, which does it and ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from pydantic import JsonValue

from travelbuddy.adapters.work_ports import Errands
from travelbuddy.domain.booking import Booking, Decision, Verdict, decided, expired, taken_over
from travelbuddy.domain.travel import Offer, Passenger
from travelbuddy.errors import AlreadyDecided, ApprovalExpired, NotFound, ToolError
from travelbuddy.flights.provider import HoldsFlights
from travelbuddy.incoming import errand_id_for
from travelbuddy.jobs import GOES_ON, JobKind, Jobs
from travelbuddy.telemetry import audit
from travelbuddy.tools.desks import Customer
from travelbuddy.workflow.booking_activities import Accept, BookingActivities
from travelbuddy.workflow.booking_payloads import BOOKING, BookingInput

MOST_OPEN = 20
OVERDUE = timedelta(seconds=10)
"""How late a job may be before whoever sees the booking makes sure that it is noted as open."""
_LAPSED = "this approval has expired; ask for the flight again"


@dataclass(frozen=True)
class Choice:
    """What a traveller chose. ``offer_id`` for ``edit``: the offer that is approved instead."""

    decision: Verdict
    offer_id: str | None = None
    passengers: tuple[Passenger, ...] = ()
    note: str | None = None


class Bookings:
    """The desk for bookings."""

    def __init__(
        self,
        records: Errands[Booking],
        jobs: Jobs,
        flights: HoldsFlights,
        clock: Callable[[], datetime],
        open_for: timedelta,
    ) -> None:
        """``open_for``: how long a traveller has to decide."""
        self._records = records
        self._jobs = jobs
        self._flights = flights
        self._clock = clock
        self._open_for = open_for

    def activities(self, accept: Accept) -> BookingActivities:
        """What its workflows carry out; ``accept`` takes in the notices."""
        goes_on = partial(self._jobs.changed, within=GOES_ON)
        return BookingActivities(self._records, self._flights, accept, self._clock, goes_on)

    async def request(self, customer: Customer, offer_id: str, note: str | None) -> Booking:
        """Ask the traveller to approve holding the offer; with a key that was used before, the booking of then.

        Raises ToolError, and Transient.
        """
        booking_id = errand_id_for(customer.user_id, "booking", customer.key)
        if (found := await self._records.find(booking_id)) is None:
            booking = await self._made(booking_id, customer, offer_id, note)
            await self._jobs.note(booking)
            if not await self._records.create(booking):
                found = await self._records.find(booking_id)
        if found is not None:
            booking = found[0]
        self._jobs.changed(booking)
        return booking

    async def find(self, booking_id: str, user_id: str | None = None) -> Booking:
        """The booking. Raises NotFound for an unknown id, or another user's."""
        return await self._settled((await self._found(booking_id, user_id))[0])

    async def of(self, user_id: str) -> list[Booking]:
        """The user's bookings, newest first."""
        return [await self._settled(booking) for booking in await self._records.of(user_id)]

    async def decide(self, booking_id: str, choice: Choice, user_id: str | None = None) -> Booking:
        """Take the decision in, and have it carried out. The first decision counts; the same one again is as the first.

        Raises NotFound as ``find``, AlreadyDecided, ApprovalExpired, and ToolError that names a field.
        """
        while True:
            known, etag = await self._found(booking_id, user_id)
            decision = Decision(
                decision=choice.decision,
                by=user_id or known.user_id,
                offer_id=choice.offer_id,
                note=choice.note,
            )
            if known.status != "waiting":
                _check_same(known, decision)
                self._jobs.changed(known)
                return known
            offer = await self._chosen(known, choice)
            now = self._clock()
            if now >= known.expires_at:
                raise ApprovalExpired(_LAPSED)
            booking = decided(known, decision, offer, choice.passengers, now)
            await self._jobs.note(booking, decided=True)
            if await self._records.replace(booking, etag):
                audit.record(f"booking.{choice.decision}", [f"booking:{booking_id}"], "done")
                self._jobs.changed(booking)
                return booking

    async def _found(self, booking_id: str, user_id: str | None) -> tuple[Booking, str]:
        found = await self._records.find(booking_id)
        if found is None or user_id not in {None, found[0].user_id}:
            raise NotFound(f"no approval {booking_id!r}")
        return found

    async def _made(self, booking_id: str, customer: Customer, offer_id: str, note: str | None) -> Booking:
        offer = await self._flights.offer(offer_id)
        if sum(not booking.over for booking in await self._records.of(customer.user_id)) >= MOST_OPEN:
            message = f"There are {MOST_OPEN} approvals open already, and no more may be; decide one first."
            raise ToolError("too_many_approvals", message)
        now = self._clock()
        return Booking(
            id=booking_id,
            user_id=customer.user_id,
            session_id=customer.session_id,
            created_at=now,
            offer=offer,
            needs_passengers=self._flights.needs_passengers,
            note=note,
            expires_at=min(now + self._open_for, *_bounds(offer)),
        )

    async def _chosen(self, known: Booking, choice: Choice) -> Offer:
        """The offer that is decided on. Raises ToolError that names a field of the choice."""
        if choice.decision == "reject":
            return known.offer
        offer = known.offer if choice.offer_id is None else await self._flights.offer(choice.offer_id)
        count = len(choice.passengers)
        if known.needs_passengers and count != offer.passengers:
            message = f"the airline needs to know who travels: give {offer.passengers}, not {count}"
            raise ToolError("passengers_needed", message, field="passengers")
        if not known.needs_passengers and count:
            raise ToolError("passengers_unwanted", "nobody needs to know who travels; leave it out", field="passengers")
        return offer

    async def _settled(self, booking: Booking) -> Booking:
        """The booking as it is now; one for which nothing is done although it is due is noted again as open."""
        await self._jobs.seen(booking, OVERDUE)
        return expired(booking, self._clock())


def booking_jobs(records: Errands[Booking], clock: Callable[[], datetime]) -> JobKind:
    """How bookings are carried out when something is due."""
    return JobKind(BOOKING, records, _input, lambda booking: taken_over(booking, clock()))


def _input(booking: Booking) -> dict[str, JsonValue]:
    """What an instance is started with."""
    return BookingInput(user_id=booking.user_id).wire()


def _bounds(offer: Offer) -> tuple[datetime, ...]:
    """Moments from which on the offer cannot be had any more."""
    leaves = offer.slices[0].segments[0].departing_at
    return (leaves,) if offer.expires_at is None else (leaves, offer.expires_at)


def _check_same(known: Booking, decision: Decision) -> None:
    if known.status == "expired":
        raise ApprovalExpired(_LAPSED)
    if not decision.same(known.decided):
        verdict = known.decided.decision if known.decided is not None else known.status
        raise AlreadyDecided(f"this approval is decided already: {verdict}")
