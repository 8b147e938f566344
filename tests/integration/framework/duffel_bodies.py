"""Offers and orders in the shape that Duffel documents, made from what was asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from travelbuddy.flights.airports import airports_for
from travelbuddy.flights.directory import Airport

Json = dict[str, Any]
AIRLINE = {"id": "arl_00009VME7D6ivUu8dn35WK", "iata_code": "ZZ", "name": "Duffel Airways"}
HUBS = ("BRU", "AMS", "FRA")
CURRENCY = "GBP"
HELD_FOR = timedelta(days=2)


def new_offers(search: int, data: Json) -> list[Json]:
    """Three offers: direct; cheaper with a stop; and the cheapest, which has to be paid at once."""
    direct = [_slice(one, data, 8, stop=False) for one in data["slices"]]
    via = [_slice(one, data, 11, stop=True) for one in data["slices"]]
    travellers, ways = len(data["passengers"]), len(direct)
    made = [
        _offer(f"off_{search:06}_direct", search, direct, 120 * travellers * ways, data, instant=False),
        _offer(f"off_{search:06}_via", search, via, 90 * travellers * ways, data, instant=False),
        _offer(f"off_{search:06}_instant", search, direct, 80 * travellers * ways, data, instant=True),
    ]
    most = data.get("max_connections", 1)
    return [one for one in made if all(len(way["segments"]) <= most + 1 for way in one["slices"])]


def new_order(number: int, offer: Json, data: Json) -> Json:
    """An order of an offer that is held and not paid."""
    now = datetime.now(UTC)
    same = ("total_amount", "total_currency", "tax_amount", "tax_currency", "base_amount", "base_currency", "owner")
    return {
        **{name: offer[name] for name in (*same, "slices", "conditions", "live_mode")},
        "id": f"ord_{number:06}",
        "offer_id": offer["id"],
        "booking_reference": f"RZP{number:03}",
        "type": data["type"],
        "metadata": data.get("metadata") or {},
        "created_at": _utc(now),
        "cancelled_at": None,
        "passengers": [{**one, "type": "adult"} for one in data["passengers"]],
        "services": [],
        "documents": [],
        "payment_status": {
            "awaiting_payment": True,
            "payment_required_by": _utc(now + HELD_FOR),
            "price_guarantee_expires_at": _utc(now + HELD_FOR),
            "paid_at": None,
        },
    }


def _offer(offer_id: str, search: int, slices: list[Json], pounds: int, data: Json, *, instant: bool) -> Json:
    now = datetime.now(UTC)
    until = None if instant else _utc(now + HELD_FOR)
    return {
        "id": offer_id,
        "offer_request_id": f"orq_{search:06}",
        "live_mode": False,
        "partial": False,
        "created_at": _utc(now),
        "updated_at": _utc(now),
        "expires_at": _utc(now + timedelta(minutes=20)),
        "total_amount": f"{pounds}.00",
        "total_currency": CURRENCY,
        "base_amount": f"{pounds - 10}.00",
        "base_currency": CURRENCY,
        "tax_amount": "10.00",
        "tax_currency": CURRENCY,
        "total_emissions_kg": "92",
        "owner": AIRLINE,
        "slices": slices,
        "passengers": _passengers(data),
        "passenger_identity_documents_required": False,
        "conditions": {"refund_before_departure": None, "change_before_departure": None},
        "payment_requirements": {
            "requires_instant_payment": instant,
            "payment_required_by": until,
            "price_guarantee_expires_at": until,
        },
        "available_services": None,
    }


def _passengers(data: Json) -> list[Json]:
    return [{"id": f"pas_{number:06}", "type": "adult"} for number, _ in enumerate(data["passengers"])]


def _slice(asked: Json, data: Json, hour: int, *, stop: bool) -> Json:
    """One direction: direct, or by way of another airport with an hour and a half there."""
    start, end = airports_for(asked["origin"])[0], airports_for(asked["destination"])[0]
    hub = next(code for code in HUBS if code not in {start.code, end.code})
    here = datetime.combine(date.fromisoformat(asked["departure_date"]), time(hour), ZoneInfo(start.tz))
    began, segments, way = here, [], [start, airports_for(hub)[0], end] if stop else [start, end]
    for origin, destination in pairwise(way):
        there = (here.astimezone(UTC) + timedelta(hours=2)).astimezone(ZoneInfo(destination.tz))
        segments.append(_segment(origin, destination, here, there, data))
        here = (there.astimezone(UTC) + timedelta(minutes=90)).astimezone(ZoneInfo(destination.tz))
    took = there.astimezone(UTC) - began.astimezone(UTC)
    return {
        "id": f"sli_{hour:06}",
        "origin_type": "airport",
        "origin": _place(start),
        "destination_type": "airport",
        "destination": _place(end),
        "duration": f"PT{took.seconds // 3600}H{took.seconds // 60 % 60}M",
        "fare_brand_name": "Basic",
        "conditions": {"change_before_departure": None},
        "segments": segments,
    }


def _segment(origin: Airport, destination: Airport, departs: datetime, arrives: datetime, data: Json) -> Json:
    cabin = data.get("cabin_class") or "economy"
    return {
        "id": f"seg_{origin.code}{destination.code}",
        "origin": _place(origin),
        "origin_terminal": "2",
        "destination": _place(destination),
        "destination_terminal": None,
        "departing_at": f"{departs:%Y-%m-%dT%H:%M:%S}",
        "arriving_at": f"{arrives:%Y-%m-%dT%H:%M:%S}",
        "duration": "PT2H",
        "distance": "424.2",
        "stops": [],
        "aircraft": None,
        "marketing_carrier": AIRLINE,
        "marketing_carrier_flight_number": f"{departs.hour:02}{len(origin.name):02}",
        "operating_carrier": AIRLINE,
        "operating_carrier_flight_number": None,
        "passengers": [
            {**one, "passenger_id": one["id"], "cabin_class": cabin, "baggages": []} for one in _passengers(data)
        ],
    }


def _place(airport: Airport) -> Json:
    return {
        "type": "airport",
        "id": f"arp_{airport.code.lower()}_{airport.country.lower()}",
        "iata_code": airport.code,
        "iata_country_code": airport.country,
        "name": airport.name,
        "city_name": airport.city,
        "time_zone": airport.tz,
    }


def _utc(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
