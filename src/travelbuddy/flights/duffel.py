"""Flights that Duffel sells: searching, an offer as it is sold now, and holding one. docs/providers.md."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import structlog

from travelbuddy.domain.travel import FlightQuery, Hold, Offer, Passenger
from travelbuddy.errors import ToolError, Transient
from travelbuddy.flights import duffel_wire as wire
from travelbuddy.flights.duffel_client import DuffelClient, Failed, Refused
from travelbuddy.flights.duffel_offers import choice, our_offer, read_offers, source_of
from travelbuddy.resilience import Guard

log = structlog.get_logger(__name__)

URL = "https://api.duffel.com"
TEST_TOKEN = "duffel_test_"  # noqa: S105  how they begin
SEARCH_SECONDS = 25.0
"""Within the 30 s that a tool has."""
AIRLINES_LESS = 5.0
"""How much less than that the airlines have, in seconds, before Duffel answers with what it has."""
READ_SECONDS = 10.0
HOLD_SECONDS = 130.0
"""Airlines may take 120 s to make an order, says Duffel."""
LOOK_AGAIN = (1.0, 3.0)
"""Pauses before looking again for an order that should be there."""
SOON = 30.0
ATTEMPTED = "order_creation_already_attempted"
_TAKEN = {"offer_request_already_booked", "duplicate_booking", ATTEMPTED}
ONE_A_SEARCH = "An offer of the same search is booked already, and the supplier sells one of each; search again."


class DuffelFlights:
    """A ``FlightProvider`` that ``HoldsFlights`` as well."""

    local = False
    needs_passengers = True

    def __init__(
        self, url: str, token: str, *, search_seconds: float = SEARCH_SECONDS, look_again: Sequence[float] = LOOK_AGAIN
    ) -> None:
        """``look_again``: pauses in seconds before an order is looked for once more."""
        self.name = "duffel-test" if token.startswith(TEST_TOKEN) else "duffel"
        self._client = DuffelClient(url, token)
        self._search_seconds = search_seconds
        self._look_again = look_again

    @property
    def guard(self) -> Guard:
        """The breaker around the supplier."""
        return self._client.guard

    async def search(self, query: FlightQuery) -> list[Offer]:
        """See FlightProvider; at most 20 offers, each journey once, in the supplier's currency."""
        airlines = max(2.0, self._search_seconds - AIRLINES_LESS)  # less than 2 s is refused
        params = {"return_offers": "true", "supplier_timeout": str(round(airlines * 1000))}
        asked = wire.offer_request(query)
        data = await self._ask("POST", "/air/offer_requests", self._search_seconds, params=params, data=asked)
        raw = data.get("offers") if isinstance(data, dict) else None
        if not isinstance(raw, list):
            raise ToolError("unavailable", "The flight supplier's answer could not be understood.")
        offers = await asyncio.to_thread(read_offers, raw, self.name, query.cabin)  # there may be thousands
        if len(offers) < len(raw):
            log.warning("duffel.offers_left_out", number=len(raw) - len(offers), of=len(raw))
        if raw and not offers:
            raise ToolError("unavailable", "The flight supplier's offers could not be understood.")
        return choice(offers, query)

    async def offer(self, offer_id: str) -> Offer:
        """See HoldsFlights."""
        sold = await self._sold(offer_id)
        _check_holdable(sold)
        return self._told(sold)

    async def hold(self, offer: Offer, passengers: Sequence[Passenger], key: str) -> Hold:
        """See HoldsFlights. Duffel knows no idempotency key: an order carries ours and is looked for before and after.

        Two that hold at once, or one that was killed and its successor, end with one order, because Duffel sells
        one offer of each search once. See docs/decisions/ARC-021.
        """
        mark = wire.mark_of(key)
        if held := await self._held(offer.id, mark):
            return held
        try:
            sold = await self._sold(offer.id)
        except ToolError:  # it may be gone because it was sold to us a moment ago
            if held := await self._held_by_now(offer.id, mark):
                return held
            raise
        _check(sold, offer, passengers)
        return await self._ordered(sold, passengers, mark)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def _ordered(self, sold: wire.WireOffer, passengers: Sequence[Passenger], mark: str) -> Hold:
        """Make the order; where it is not clear whether there is one, look."""
        data = wire.order_request(sold, passengers, mark)
        trouble: ToolError | Transient = Transient("the airline is still making the hold", SOON)
        try:
            answer = await self._client.ask("POST", "/air/orders", seconds=HOLD_SECONDS, data=data)
            if order := wire.understood(wire.WireOrder, answer.data):
                return self._told_hold(order)
        except Failed as failed:
            message = "The flight supplier broke down while it held the offer. Only it can tell whether it is held"
            trouble = ToolError("unclear", f"{message} (its request {failed.request_id or 'without an id'}).")
        except Refused as no:
            if no.code not in _TAKEN and not no.gone:
                raise
            if no.code != ATTEMPTED:
                trouble = _gone() if no.gone else ToolError("already_booked", ONE_A_SEARCH, field="offer_id")
        except Transient as unclear:
            if unclear.retry_after is not None:  # it was not done: we are asked to wait, or did not ask
                raise
            trouble = unclear
        if held := await self._held_by_now(sold.id, mark):
            return held
        raise trouble

    async def _held_by_now(self, offer_id: str, mark: str) -> Hold | None:
        """The hold with this mark, looked for until it has had time to appear. Raises when the last look fails."""
        for pause in (0.0, *self._look_again):
            await asyncio.sleep(pause)
            failed: Transient | None = None
            try:
                if held := await self._held(offer_id, mark):
                    return held
            except Transient as trouble:
                failed = trouble
        if failed is not None:
            raise failed
        return None

    async def _held(self, offer_id: str, mark: str) -> Hold | None:
        """The hold with this mark; ToolError when the airline has cancelled it."""
        _checked_id(offer_id)
        params = {"offer_id": offer_id, "limit": "50"}
        orders = (await self._client.ask("GET", "/air/orders", seconds=READ_SECONDS, params=params)).data
        if not isinstance(orders, list):
            raise Transient("the flight supplier's orders could not be understood")
        for one in orders:
            if wire.is_marked(one, mark):
                if (order := wire.understood(wire.WireOrder, one)) is None:
                    raise Transient("the order at the flight supplier could not be understood")
                return self._told_hold(order)
        return None

    async def _sold(self, offer_id: str) -> wire.WireOffer:
        """The offer as it is sold now."""
        try:
            data = await self._ask("GET", f"/air/offers/{_checked_id(offer_id)}", READ_SECONDS)
        except Refused as no:
            if no.gone:
                raise _gone() from no
            raise
        if (offer := wire.understood(wire.WireOffer, data)) is None:
            raise ToolError("unavailable", "The flight supplier's offer could not be understood.", field="offer_id")
        if offer.expires_at is not None and offer.expires_at <= datetime.now(UTC):
            raise _gone()
        return offer

    async def _ask(self, method: str, path: str, seconds: float, **more: Any) -> Any:
        """The answer's data. What broke down there is told as unavailable, because it is not to be asked again."""
        try:
            return (await self._client.ask(method, path, seconds=seconds, **more)).data
        except Failed as failed:
            raise ToolError(
                "unavailable", "The flight supplier has broken down; flights cannot be had now."
            ) from failed

    def _told(self, offer: wire.WireOffer) -> Offer:
        try:
            return our_offer(offer, self.name)
        except (ValueError, OverflowError) as odd:
            message = "The flight supplier's offer could not be understood."
            raise ToolError("unavailable", message, field="offer_id") from odd

    def _told_hold(self, order: wire.WireOrder) -> Hold:
        if order.cancelled_at is not None:
            raise ToolError("hold_cancelled", f"The airline has cancelled the hold {order.booking_reference}.")
        return Hold(
            reference=order.booking_reference,
            order_id=order.id,
            pay_by=order.payment_status.payment_required_by if order.payment_status is not None else None,
            total_amount=order.total_amount,
            total_currency=order.total_currency,
            source=source_of(self.name, live=order.live_mode),
        )


def _check_holdable(sold: wire.WireOffer) -> None:
    """Raise ToolError when the offer can only be bought at once, or needs what we cannot give."""
    if sold.payment_requirements.requires_instant_payment:
        message = "This fare has to be paid at once, so it cannot be held; choose another offer."
        raise ToolError("not_holdable", message, field="offer_id")
    if sold.passenger_identity_documents_required:
        message = "The airline wants passports for this fare, which cannot be given here; choose another offer."
        raise ToolError("not_holdable", message, field="offer_id")


def _check(sold: wire.WireOffer, wanted: Offer, passengers: Sequence[Passenger]) -> None:
    """Raise ToolError when the offer cannot be held, or not for these people, or costs something else by now."""
    _check_holdable(sold)
    if len(passengers) != len(sold.passengers):
        message = f"The offer is for {len(sold.passengers)}, and {len(passengers)} are named; name each traveller once."
        raise ToolError("bad_passengers", message, field="passengers")
    if (Decimal(sold.total_amount), sold.total_currency) != (wanted.amount, wanted.total_currency):
        now, then = (f"{one.total_amount} {one.total_currency}" for one in (sold, wanted))
        raise ToolError("price_changed", f"The offer costs {now} by now, and not {then}.", field="offer_id")


def _checked_id(offer_id: str) -> str:
    """The id, which goes into a path."""
    if not re.fullmatch(wire.ID_FORM, offer_id):
        raise _gone()
    return offer_id


def _gone() -> ToolError:
    return ToolError("offer_gone", "That offer is not sold any more; search again.", field="offer_id")
