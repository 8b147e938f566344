"""An offer as a supplier sells it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from travelbuddy.domain.travel import Carrier, Offer, Segment, Slice

LEAVES = datetime(2027, 3, 12, 9, tzinfo=UTC)
AIRLINE = Carrier(iata_code="SH", name="SkyHighAir")


def an_offer(offer_id: str = "off", price: str = "120.00") -> Offer:
    """One direct flight for one."""
    hop = Segment(
        origin="LHR",
        destination="CDG",
        departing_at=LEAVES,
        arriving_at=LEAVES + timedelta(hours=1),
        duration=timedelta(hours=1),
        marketing_carrier=AIRLINE,
        flight_number="12",
    )
    way = Slice(origin="LHR", destination="CDG", duration=hop.duration, stops=0, segments=(hop,))
    return Offer(
        id=offer_id,
        total_amount=price,
        total_currency="EUR",
        cabin="economy",
        owner=AIRLINE,
        slices=(way,),
        source="test",
    )
