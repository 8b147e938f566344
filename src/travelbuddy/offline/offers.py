"""A search result in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from pydantic import BaseModel, JsonValue, ValidationError

from travelbuddy.offline.gazetteer import described

SHOWN, SHOWN_BRIEFLY = 5, 3
UNREADABLE = "The flight search answered something I cannot read, so I have no flights to show. Please try again."

_ISO_DURATION = re.compile(r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:\d+(?:\.\d+)?S)?)?")


class Carrier(BaseModel):
    """An airline."""

    iata_code: str = ""
    name: str = ""


class Segment(BaseModel):
    """One flight."""

    origin: str
    destination: str
    departing_at: datetime
    arriving_at: datetime
    marketing_carrier: Carrier = Carrier()
    flight_number: str = ""


class Slice(BaseModel):
    """One direction."""

    duration: str = ""
    segments: list[Segment]


class Offer(BaseModel):
    """An offer, as far as it is told."""

    id: str = ""
    total_amount: str
    total_currency: str = ""
    owner: Carrier = Carrier()
    slices: list[Slice]


class Query(BaseModel):
    """What a search, or a watch, understood."""

    origin: str
    destination: str
    departure_date: date
    return_date: date | None = None
    passengers: int = 1
    cabin: str = "economy"
    max_stops: int | None = None
    max_price: float | None = None
    sort: str | None = None


class Result(BaseModel):
    """What a search answered."""

    query: Query
    offers: list[Offer]
    source: str = ""
    notes: list[str] = []


def read_result(result: Mapping[str, JsonValue]) -> Result | None:
    """What a search answered; None when it answered something else."""
    try:
        return Result.model_validate(result)
    except ValidationError:
        return None


def describe(result: Mapping[str, JsonValue], *, briefly: bool = False) -> str:
    """The offers as a numbered list, with what was asked, what was assumed and where the fares come from."""
    found = read_result(result)
    if found is None:
        return UNREADABLE
    lines = [_headline(found)]
    shown = found.offers[: SHOWN_BRIEFLY if briefly else SHOWN]
    lines += [f"{rank}. {one_line(offer)}" for rank, offer in enumerate(shown, 1)]
    if len(found.offers) > len(shown):
        lines.append(f"These are {len(shown)} of {len(found.offers)} offers.")
    if not found.offers and not found.notes:
        lines.append("You could try another date, more stops or a higher price.")
    lines += [note if note.endswith((".", "!")) else f"{note}." for note in found.notes]
    if found.source == "sample" and found.offers and not any("sample" in note.lower() for note in found.notes):
        lines.append("These are sample fares from a made-up timetable, not real ones.")
    return "\n".join(lines)


def journey(query: Query) -> str:
    """From where to where, and when."""
    trip = f"from {described(query.origin)} to {described(query.destination)} on {_day(query.departure_date)}"
    return f"{trip}, back on {_day(query.return_date)}" if query.return_date else trip


def _headline(found: Result) -> str:
    query, trip = found.query, journey(found.query)
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
    return f"{opening} {trip} for {people} {', '.join(limits)}{listed}"


def one_line(offer: Offer) -> str:
    """The offer in a line: airline, flights, times and price."""
    price = f"{offer.total_amount} {offer.total_currency} in total"
    legs = [_slice(one) for one in offer.slices if one.segments]
    if len(legs) == 2:
        legs = [f"out {legs[0]}", f"back {legs[1]}"]
    return f"{offer.owner.name}: {'; '.join(legs)} — {price}" if offer.owner.name else f"{'; '.join(legs)} — {price}"


def in_full(offer: Offer, rank: int) -> str:
    """All that is known of one offer, flight by flight, and what is not."""
    seller = f", sold by {offer.owner.name}" if offer.owner.name else ""
    lines = [f"Offer {rank} is {offer.total_amount} {offer.total_currency} in total{seller}:"]
    for one in offer.slices:
        lines.append(f"- {_slice(one)}")
        lines += [f"  {_flight(segment)}" for segment in one.segments]
    return "\n".join([*lines, "What baggage and meals are included, and whether it can be changed, I do not know."])


def _flight(one: Segment) -> str:
    carrier = one.marketing_carrier
    times = f"leaves {one.origin} {one.departing_at:%H:%M}, lands {one.destination} {one.arriving_at:%H:%M}"
    return f"{carrier.name or carrier.iata_code} {carrier.iata_code}{one.flight_number} {times} (local times)"


def _slice(one: Slice) -> str:
    first, last = one.segments[0], one.segments[-1]
    flights = " + ".join(f"{s.marketing_carrier.iata_code}{s.flight_number}" for s in one.segments)
    days = (last.arriving_at.date() - first.departing_at.date()).days
    later = f" ({days:+d} day{'s' if abs(days) > 1 else ''})" if days else ""
    times = f"{first.origin} {first.departing_at:%H:%M} → {last.destination} {last.arriving_at:%H:%M}{later}"
    via = [segment.destination for segment in one.segments[:-1]]
    stops = f"{_count(len(via), 'stop')} via {', '.join(via)}" if via else "direct"
    return ", ".join(part for part in (flights, times, _duration(one.duration), stops) if part)


def duration_minutes(iso: str) -> int:
    """The minutes of an ISO 8601 duration; 0 for what is none."""
    match = _ISO_DURATION.fullmatch(iso[:60])
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    return (24 * days + hours) * 60 + minutes


def _duration(iso: str) -> str:
    hours, minutes = divmod(duration_minutes(iso), 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B %Y}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
