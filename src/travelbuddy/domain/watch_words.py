"""What a fare watch says: in the conversation, and to a webhook."""

from __future__ import annotations

from pydantic import JsonValue

from travelbuddy.domain.travel import FlightQuery
from travelbuddy.domain.watch import Told, Watch

FELL, ENDED = "fare_watch.fell", "fare_watch.ended"


def fell_text(watch: Watch, told: Told) -> str:
    """The notice that the price has fallen."""
    return (
        f"The fare you watch has fallen: {journey(watch.query)} costs {told.price} {watch.currency} now, below your "
        f"limit of {watch.limit} {watch.currency}. Fares change quickly; ask me to search for it to see the offers."
    )


def ended_text(watch: Watch) -> str:
    """The notice that the watch is over and had nothing to tell."""
    lowest = f"The lowest price I saw was {watch.lowest_price} {watch.currency}" if watch.lowest_price else None
    unit = f" {watch.currency}" if watch.currency else ""
    return (
        f"I no longer watch {journey(watch.query)}: its last day, {watch.until.isoformat()}, is over. "
        f"{lowest or 'I saw no offer'}; it did not fall below your limit of {watch.limit}{unit}."
    )


def metadata(watch: Watch, event: str, told: Told | None = None) -> dict[str, JsonValue]:
    """What the notice carries."""
    return {"kind": watch.kind, "event": event.partition(".")[2], **_facts(watch, told)}


def webhook_body(watch: Watch, told: Told) -> dict[str, JsonValue]:
    """What the webhook is sent: only what it needs."""
    data = {**_facts(watch, told), "session_id": watch.session_id}
    return {"type": FELL, "timestamp": told.at.isoformat(), "data": data}


def journey(query: FlightQuery) -> str:
    """The journey in a few words."""
    back = f", back on {query.return_date.isoformat()}" if query.return_date is not None else ""
    return f"{query.origin} to {query.destination} on {query.departure_date.isoformat()}{back}"


def _facts(watch: Watch, told: Told | None) -> dict[str, JsonValue]:
    query = watch.query.model_dump(mode="json", exclude={"max_price", "sort"})
    price = {"price": told.price} if told is not None else {}
    return {"watch_id": watch.id, **price, "currency": watch.currency, "limit": watch.limit, "query": query}
