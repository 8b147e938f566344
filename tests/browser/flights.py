"""Search results for the cards: the real sample provider's, through the real models, and ones nobody would wish for."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import cache
from typing import Any

from travelbuddy.domain.travel import FlightQuery, SearchResult
from travelbuddy.flights.sample import SampleFlights

DAY = date(2026, 12, 4)
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> {{7*7}} \u202e"


@cache
def _found(query: FlightQuery, notes: tuple[str, ...]) -> str:
    with ThreadPoolExecutor(1) as apart:  # beside Playwright, whose own loop runs in this thread
        offers = apart.submit(asyncio.run, SampleFlights().search(query)).result()[:5]
    result = SearchResult(query=query, offers=tuple(offers), source="sample", notes=notes)
    return result.model_dump_json(exclude_none=True)


def found(*notes: str, **query: Any) -> dict[str, Any]:
    """What a search answers for a journey from Boston to Paris, or as ``query`` changes it."""
    asked = {"origin": "BOS", "destination": "PAR", "departure_date": DAY, **query}
    answer: dict[str, Any] = json.loads(_found(FlightQuery(**asked), notes))
    return answer


def days_around(**query: Any) -> dict[str, Any]:
    """The cheapest price of each of seven days, as the service tells it."""
    days = [
        (day, [offer["total_amount"] for offer in found(**{**query, "departure_date": day})["offers"]])
        for day in (DAY + timedelta(days=shift) for shift in range(-3, 4))
    ]
    return {
        "origin": "BOS",
        "destination": "PAR",
        "currency": "EUR",
        "source": "sample",
        "days": [{"date": day.isoformat(), "price": min(prices, key=float, default=None)} for day, prices in days],
    }


def offer(**changes: Any) -> dict[str, Any]:
    """A direct flight from Paris to Osaka that takes twelve hours, with some of it changed."""
    carrier = {"iata_code": "SH", "name": "SkyHighAir"}
    segment = {
        "origin": "CDG", "destination": "KIX", "duration": "PT12H", "marketing_carrier": carrier, "flight_number": "12",
        "departing_at": "2026-12-04T13:00:00+01:00", "arriving_at": "2026-12-05T09:00:00+09:00",
    }  # fmt: skip
    slices = [{"origin": "CDG", "destination": "KIX", "duration": "PT12H", "stops": 0, "segments": [segment]}]
    whole = {
        "id": "off_1",
        "total_amount": "812.00",
        "total_currency": "EUR",
        "cabin": "economy",
        "owner": carrier,
        "slices": slices,
    }
    return {**whole, **changes}


def result(*offers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A search result with just these offers."""
    query = {"origin": "PAR", "destination": "OSA", "departure_date": "2026-12-04", "passengers": 1, "cabin": "economy"}
    return {"query": query, "offers": list(offers), "source": "duffel", "notes": [], **changes}
