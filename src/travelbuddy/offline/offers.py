"""A search result in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from pydantic import BaseModel, JsonValue, ValidationError

from travelbuddy.offline.gazetteer import described

SHOWN, SHOWN_BRIEFLY = 5, 3
UNREADABLE = "The flight search answered something I cannot read, so I have no flights to show. Please try again."

_ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:\d+(?:\.\d+)?S)?)?")


class _Carrier(BaseModel):
    iata_code: str = ""
    name: str = ""


class _Segment(BaseModel):
    origin: str
    destination: str
    departing_at: datetime
    arriving_at: datetime
    marketing_carrier: _Carrier = _Carrier()
    flight_number: str = ""


class _Slice(BaseModel):
    duration: str = ""
    segments: list[_Segment]


class _Offer(BaseModel):
    total_amount: str
    total_currency: str = ""
    owner: _Carrier = _Carrier()
    slices: list[_Slice]


class _Query(BaseModel):
    origin: str
    destination: str
    departure_date: date
    return_date: date | None = None
    passengers: int = 1
    cabin: str = "economy"
    max_stops: int | None = None
    max_price: float | None = None
    sort: str | None = None


class _Result(BaseModel):
    query: _Query
    offers: list[_Offer]
    source: str = ""
    notes: list[str] = []


def describe(result: Mapping[str, JsonValue], *, briefly: bool = False) -> str:
    """The offers as a numbered list, with what was asked, what was assumed and where the fares come from."""
    try:
        found = _Result.model_validate(result)
    except ValidationError:
        return UNREADABLE
    lines = [_headline(found)]
    shown = found.offers[: SHOWN_BRIEFLY if briefly else SHOWN]
    lines += [f"{rank}. {_offer(offer)}" for rank, offer in enumerate(shown, 1)]
    if len(found.offers) > len(shown):
        lines.append(f"These are {len(shown)} of {len(found.offers)} offers.")
    if not found.offers and not found.notes:
        lines.append("You could try another date, more stops or a higher price.")
    lines += [note if note.endswith((".", "!")) else f"{note}." for note in found.notes]
    if found.source == "sample" and found.offers and not any("sample" in note.lower() for note in found.notes):
        lines.append("These are sample fares from a made-up timetable, not real ones.")
    return "\n".join(lines)


def _headline(found: _Result) -> str:
    query = found.query
    trip = f"from {described(query.origin)} to {described(query.destination)} on {_day(query.departure_date)}"
    back = f", back on {_day(query.return_date)}" if query.return_date else ""
    people = "1 passenger" if query.passengers == 1 else f"{query.passengers} passengers"
    limits = [f"in {query.cabin.replace('_', ' ')}"]
    if query.max_stops is not None:
        limits.append("direct only" if query.max_stops == 0 else f"at most {_count(query.max_stops, 'stop')}")
    if query.max_price is not None:
        limits.append(f"up to {query.max_price:g}")
    opening = {0: "I found no flights", 1: "I found 1 flight"}.get(
        len(found.offers), f"I found {len(found.offers)} flights"
    )
    order = {"price": "cheapest first", "duration": "fastest first", "departure": "earliest first"}.get(
        query.sort or ""
    )
    listed = f", {order}:" if order and len(found.offers) > 1 else ":" if found.offers else "."
    return f"{opening} {trip}{back} for {people} {', '.join(limits)}{listed}"


def _offer(offer: _Offer) -> str:
    price = f"{offer.total_amount} {offer.total_currency} in total"
    legs = [_slice(one) for one in offer.slices if one.segments]
    if len(legs) == 2:
        legs = [f"out {legs[0]}", f"back {legs[1]}"]
    return f"{offer.owner.name}: {'; '.join(legs)} — {price}" if offer.owner.name else f"{'; '.join(legs)} — {price}"


def _slice(one: _Slice) -> str:
    first, last = one.segments[0], one.segments[-1]
    flights = " + ".join(f"{s.marketing_carrier.iata_code}{s.flight_number}" for s in one.segments)
    days = (last.arriving_at.date() - first.departing_at.date()).days
    later = f" ({days:+d} day{'s' if abs(days) > 1 else ''})" if days else ""
    times = f"{first.origin} {first.departing_at:%H:%M} → {last.destination} {last.arriving_at:%H:%M}{later}"
    via = [segment.destination for segment in one.segments[:-1]]
    stops = f"{_count(len(via), 'stop')} via {', '.join(via)}" if via else "direct"
    return ", ".join(part for part in (flights, times, _duration(one.duration), stops) if part)


def _duration(iso: str) -> str:
    match = _ISO_DURATION.fullmatch(iso)
    if not match:
        return ""
    days, hours, minutes = (int(part or 0) for part in match.groups())
    hours += 24 * days
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B %Y}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
