"""Approvals: what the agent may only do once its traveller has decided."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from travelbuddy.api.access import OwnerDep
from travelbuddy.api.deps import ServicesDep
from travelbuddy.api.document import BODY, problems
from travelbuddy.api.schemas import Identifier, InstanceId
from travelbuddy.bookings import Bookings, Choice
from travelbuddy.domain.booking import Booking, BookingStatus, Verdict
from travelbuddy.domain.travel import Offer, Passenger
from travelbuddy.errors import NotOffered, ToolError
from travelbuddy.listing import NOBODYS

router = APIRouter(tags=["approvals"])
ApprovalId = Annotated[InstanceId, Path()]


class Changes(BaseModel):
    """What is approved instead."""

    model_config = ConfigDict(extra="forbid")

    offer_id: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(description="another offer")


class DecisionBody(BaseModel):
    """Body of ``POST /approvals/{id}``."""

    model_config = ConfigDict(extra="forbid")

    decision: Verdict = Field(description="`edit` approves with `changes`")
    changes: Changes | None = None
    passengers: list[Passenger] = Field(
        default=[], max_length=9, description="who travels, where the approval says `needs_passengers`; not kept"
    )
    note: str | None = Field(None, max_length=300)


class DecisionView(BaseModel):
    """A decision as people see it."""

    decision: Verdict
    by: str
    note: str | None
    changes: Changes | None


class HoldView(BaseModel):
    """What is held."""

    reference: str
    pay_by: datetime | None
    total_amount: str
    total_currency: str
    source: str


class Approval(BaseModel):
    """An offer that waits for a decision, and what became of it."""

    approval_id: str
    session_id: str
    user_id: str
    status: BookingStatus = Field(description="`approved`: it is being held")
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    offer: Offer
    passengers: int = Field(description="how many travel")
    needs_passengers: bool = Field(description="whether approving must say who")
    note: str | None
    decision: DecisionView | None
    hold: HoldView | None
    error: str | None = Field(description="why it is not held")


class Approvals(BaseModel):
    """A user's approvals, newest first."""

    approvals: list[Approval]


@router.get("/approvals", responses=problems(404))
async def list_approvals(
    services: ServicesDep,
    owner: OwnerDep,
    session_id: Annotated[Identifier | None, Query(description="only what this session asked for")] = None,
    status: Annotated[BookingStatus | None, Query(description="only those of this status")] = None,
) -> Approvals:
    """The user's approvals, newest first; without a credential and a ``user_id`` those of user ``default``."""
    found = await _desk(services).of(owner or NOBODYS)
    shown = [b for b in found if session_id in {None, b.session_id} and status in {None, b.status}]
    return Approvals(approvals=[view_of(booking) for booking in shown])


@router.get("/approvals/{approval_id}", responses=problems(404))
async def get_approval(approval_id: ApprovalId, services: ServicesDep, owner: OwnerDep) -> Approval:
    """How it stands."""
    return view_of(await _desk(services).find(approval_id, owner))


@router.post("/approvals/{approval_id}", responses=problems(*BODY, 404, 409))
async def decide(approval_id: ApprovalId, body: DecisionBody, services: ServicesDep, owner: OwnerDep) -> Approval:
    """Decide, once: the first decision counts, and the same one sent again is answered as the first time."""
    if (body.changes is not None) is not (body.decision == "edit"):
        raise _invalid("changes", "give it with decision `edit`, and only there")
    choice = Choice(
        decision=body.decision,
        offer_id=body.changes.offer_id if body.changes is not None else None,
        passengers=tuple(body.passengers),
        note=body.note,
    )
    try:
        return view_of(await _desk(services).decide(approval_id, choice, owner))
    except ToolError as error:
        raise _invalid(error.field or "decision", str(error)) from error


def view_of(booking: Booking) -> Approval:
    """The booking as people see it: nothing of who travels."""
    decided, hold = booking.decided, booking.hold
    return Approval(
        approval_id=booking.id,
        passengers=booking.offer.passengers,
        decision=None
        if decided is None
        else DecisionView(
            decision=decided.decision,
            by=decided.by,
            note=decided.note,
            changes=Changes(offer_id=decided.offer_id) if decided.offer_id is not None else None,
        ),
        hold=HoldView(**hold.model_dump(exclude={"order_id"})) if hold is not None else None,
        **booking.model_dump(
            include={"session_id", "user_id", "status", "created_at", "expires_at", "decided_at", "needs_passengers"}
        ),
        offer=booking.offer,
        note=booking.note,
        error=booking.error,
    )


def _desk(services: ServicesDep) -> Bookings:
    if not isinstance(services.desks.bookings, Bookings):
        raise NotOffered("the flight provider holds no flights")
    return services.desks.bookings


def _invalid(field: str, message: str) -> RequestValidationError:
    where = ("body", "changes", field) if field == "offer_id" else ("body", field)
    return RequestValidationError([{"type": "value_error", "loc": where, "msg": message, "input": None}])
