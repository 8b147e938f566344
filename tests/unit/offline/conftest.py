"""A person talking to the offline model, with the service's side played by a few lines that record the calls."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from travelbuddy.domain.dates import parse_date
from travelbuddy.errors import ToolError
from travelbuddy.flights.airports import find_place
from travelbuddy.offline.dialogue import respond
from travelbuddy.offline.transcript import Call, Message

ALL_TOOLS = frozenset({"search_flights", "remember_preference", "forget_preference"})
ERRAND_TOOLS = frozenset({"hold_flight", "watch_fare", "list_requests", "cancel_watch"})


def offer(query: dict[str, Any], amount: str = "412.50") -> dict[str, Any]:
    """One sample offer with a stop at AMS that lands the next day."""
    airline = {"iata_code": "SH", "name": "SkyHighAir"}
    origin, destination, day = query["origin"], query["destination"], query["departure_date"]
    next_day = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    segments = [
        {"origin": origin, "destination": "AMS", "departing_at": f"{day}T22:10:00+01:00",
         "arriving_at": f"{day}T23:40:00+01:00", "marketing_carrier": airline, "flight_number": "123"},
        {"origin": "AMS", "destination": destination, "departing_at": f"{day}T23:55:00+01:00",
         "arriving_at": f"{next_day}T01:05:00+01:00", "marketing_carrier": airline,
         "flight_number": "456"},
    ]  # fmt: skip
    journey = {"origin": origin, "destination": destination, "duration": "PT2H55M", "stops": 1, "segments": segments}
    return {"id": "off_1", "total_amount": amount, "total_currency": "EUR", "cabin": query["cabin"], "owner": airline,
            "slices": [journey], "source": "sample"}  # fmt: skip


def search(arguments: dict[str, Any]) -> dict[str, Any]:
    """The search tool's answer: two offers, or the error of a date or place that is unknown or ambiguous."""
    notes = [] if "departure_date" in arguments else ["No date was given, so the search is for 7 December."]
    query: dict[str, Any] = {"departure_date": "2026-12-07", "passengers": 1, "cabin": "economy", **arguments}
    for slot in ("origin", "destination"):
        try:
            query[slot] = find_place(query.get(slot, "LHR")).code
        except ToolError as problem:
            error = {"type": problem.kind, "field": slot, "message": str(problem),
                     "suggestions": list(problem.suggestions)}  # fmt: skip
            return {"error": error}
    try:
        query["departure_date"] = parse_date(query["departure_date"], date(2026, 11, 23)).isoformat()
    except ValueError as problem:
        return {"error": {"type": "bad_arguments", "field": "departure_date", "message": str(problem)}}
    offers = [offer(query), {**offer(query, "530.00"), "id": "off_2"}]
    return {"query": query, "offers": offers, "source": "sample", "notes": notes}


@dataclass
class Talk:
    """A conversation: ``say`` plays one whole turn and returns the reply; ``calls`` are that turn's tool calls."""

    memory: dict[str, str] = field(default_factory=dict)
    tools: frozenset[str] = ALL_TOOLS
    messages: list[Message] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    rounds: int = 0
    parallel: bool = True

    def say(self, text: str) -> str:
        """The reply to ``text``, after whatever tools the model wanted."""
        self.messages.append(Message("user", text))
        self.calls, self.rounds = [], 0
        while (reply := respond([self.prompt(), *self.messages], self.tools, parallel=self.parallel)).calls:
            self.rounds += 1
            calls = tuple(Call(c.name, c.arguments, f"{len(self.messages)}-{i}") for i, c in enumerate(reply.calls))
            self.messages.append(Message("assistant", calls=calls))
            self.messages += [Message("tool", json.dumps(self.run(c)), call_id=c.id) for c in calls]
            self.calls += calls
            assert self.rounds < 5, "the model keeps calling tools"
        assert reply.text
        self.messages.append(Message("assistant", reply.text))
        return reply.text

    def prompt(self) -> Message:
        """The system prompt, in the service's form."""
        facts = "".join(f"\n- {key}: {value}" for key, value in sorted(self.memory.items()))
        heading = "\nWhat you remember about this user:" if facts else ""
        return Message("system", f"You are TravelBuddy.\nToday is 2026-11-23 (Monday).{heading}{facts}")

    def run(self, call: Call) -> dict[str, Any]:
        """The result of a tool call, with the effect it has on the memory."""
        if call.name == "search_flights":
            return search(call.arguments)
        key = str(call.arguments["key"])
        if call.name == "remember_preference":
            value = str(call.arguments["value"])
            try:
                self.memory[key] = find_place(value).code if key == "home_airport" else value
            except ToolError as problem:
                return {"error": {"type": problem.kind, "field": "value", "message": str(problem)}}
            return {"remembered": {key: self.memory[key]}}
        return {"forgotten": self.memory.pop(key, None) is not None}

    def named(self, name: str) -> list[dict[str, Any]]:
        """The arguments of this turn's calls of one tool."""
        return [call.arguments for call in self.calls if call.name == name]

    @property
    def searched(self) -> dict[str, Any]:
        """The arguments of this turn's one search."""
        (arguments,) = self.named("search_flights")
        return arguments

    def remembered(self) -> dict[str, Any]:
        """What this turn's calls asked to remember."""
        return {call["key"]: call["value"] for call in self.named("remember_preference")}


@pytest.fixture
def talk() -> Talk:
    """A new conversation with a user of whom nothing is known."""
    return Talk()


def names(calls: Iterable[Call]) -> list[str]:
    """The tools called, in order."""
    return [call.name for call in calls]
