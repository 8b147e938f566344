"""Turns for the timeline as the page's reducer has them, at several moments of their lives."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.browser.flights import found

BEGAN = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
TURN_ID = "ufdee430d40bd57de-fa57203a8e0e4d90b0751993f4fa2b6f"
ASKED = {"origin": "Boston", "destination": "Paris", "departure_date": "next Friday", "passengers": 1}


def at(seconds: float) -> str:
    """An instant so long after the turn was accepted."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat()


def step(name: str, start: float, seconds: float, **more: Any) -> dict[str, Any]:
    """One finished step as the service tells it."""
    empty = {"attempt": 1, "tokens": None, "error": None, "held_up_ms": None, "note": None}
    return {"name": name, **empty, "started_at": at(start), "duration_ms": round(seconds * 1000), **more}


def search(**more: Any) -> dict[str, Any]:
    """A call of the flight search with its result."""
    return {"id": "call_1", "name": "search_flights", "arguments": json.dumps(ASKED), "result": found(), **more}


def turn(state: str, **more: Any) -> dict[str, Any]:
    """A turn in this state, with some of it changed."""
    whole: dict[str, Any] = {
        "id": TURN_ID, "key": "k1", "sessionId": "s1", "message": "Flights to Paris?", "state": state,
        "acceptedAt": at(0), "endedAt": None, "queuePosition": None, "doing": None, "step": None, "attempt": None,
        "text": "", "restarted": 0, "steps": [], "timeline": [], "offers": None, "metadata": None, "error": None,
        "lastEventId": None, "connection": [], "before": None,
    }  # fmt: skip
    return {**whole, **more}


def answered(**more: Any) -> dict[str, Any]:
    """A turn with a failed try, a search and a held-up last call, 12 seconds in all."""
    steps = [
        step("call_model", 0.1, 0.4, error="the model's server answered 500"),
        step("call_model", 2.5, 1.1, attempt=2, tokens=412),
        step("search_flights", 3.7, 0.2),
        step("call_model", 10.1, 1.9, tokens=1_534, held_up_ms=6200),
    ]
    said = [{"n": 1, "text": "", "calls": [search()]}, {"n": 2, "text": "Here they are.", "calls": []}]
    metadata = {"tokens_used": 1_946, "processing_time": 12.0, "workflow_instance_id": TURN_ID}
    return turn(
        "answered", timeline=steps, steps=said, endedAt=at(12), text="Here they are.", metadata=metadata, **more
    )
