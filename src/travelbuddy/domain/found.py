"""What a turn has found, told in words of ours where the model fails to tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from pydantic import ValidationError

from travelbuddy.domain.answers import searches
from travelbuddy.domain.messages import Message
from travelbuddy.domain.travel import FlightQuery, Offer, SearchResult, Slice

BEST, MOST_SEARCHES = 3, 4
"""Offers told of each search, and searches told of one turn."""


def told_offers(messages: Sequence[Message]) -> str | None:
    """A reply made of the turn's own searches: what was searched, how many offers, the best few, the notes.

    None where no search has found an offer. A journey that was searched more than once is told as it was found last.
    """
    found = {result.query: result for result in _results(messages)}
    if not any(result.offers for result in found.values()):
        return None
    parts = [_told(result) for result in [*found.values()][-MOST_SEARCHES:]]
    return "\n\n".join(parts)


def _results(messages: Sequence[Message]) -> Iterator[SearchResult]:
    for data in searches(messages):
        try:
            yield SearchResult.model_validate(data)
        except ValidationError:  # not one of ours
            continue


def _told(result: SearchResult) -> str:
    count = len(result.offers)
    head = f"Flights {_journey(result.query)}: {_many(count, 'offer')}{_shown(count)}"
    offers = [f"{place}. {_offer(offer)}" for place, offer in enumerate(result.offers[:BEST], start=1)]
    return "\n".join((head, *offers, *(f"Note: {note}" for note in result.notes)))


def _shown(count: int) -> str:
    if count == 0:
        return "."
    return f", of which the first {BEST}:" if count > BEST else ":"


def _journey(query: FlightQuery) -> str:
    back = f", back on {_day(query.return_date)}" if query.return_date is not None else ""
    cabin = "" if query.cabin == "economy" else f", {query.cabin.replace('_', ' ')}"
    people = "" if query.passengers == 1 else f", {query.passengers} passengers"
    return f"from {query.origin} to {query.destination} on {_day(query.departure_date)}{back}{people}{cabin}"


def _offer(offer: Offer) -> str:
    ways = "; back ".join(map(_way, offer.slices))
    return f"{offer.owner.name}, {ways}, {offer.total_amount} {offer.total_currency}"


def _way(way: Slice) -> str:
    """One direction, its times on the clocks of its airports."""
    leaves, arrives = way.segments[0].departing_at, way.segments[-1].arriving_at
    stops = "nonstop" if way.stops == 0 else _many(way.stops, "stop")
    days = (arrives.date() - leaves.date()).days
    other_day = f" ({days:+} day{'s' if abs(days) > 1 else ''})" if days else ""
    return f"{way.origin} {_day(leaves)} {_clock(leaves)} to {way.destination} {_clock(arrives)}{other_day}, {stops}"


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M}"


def _many(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
