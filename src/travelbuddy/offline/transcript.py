"""Everything the offline model knows, read from the messages of one request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Protocol

from pydantic import JsonValue

from travelbuddy.offline.desk import Desk
from travelbuddy.offline.errands import TOOL_OF
from travelbuddy.offline.frame import Errand, ErrandKind, Intent, Understanding
from travelbuddy.offline.journeys import several
from travelbuddy.offline.language import understand
from travelbuddy.offline.profile import KEYS
from travelbuddy.offline.questions import EVERYTHING
from travelbuddy.offline.text import EXAMINED_CHARS, sendable
from travelbuddy.offline.trip import Trip, advance
from travelbuddy.offline.trip_results import after_search

SEARCH, REMEMBER, FORGET = "search_flights", "remember_preference", "forget_preference"
WATCH, CANCEL = TOOL_OF[ErrandKind.WATCH], TOOL_OF[ErrandKind.CANCEL]

HISTORY_CHARS = 30_000  # of earlier user messages; the service itself sends ten turns
_LEAST_COST = 50
PROMPT_CHARS = 100_000

_ASKS = re.compile(r"\bbefore you search, ask for what is missing\b", re.I)
_TODAY = re.compile(r"Today is (\d{4}-\d{2}-\d{2})")
_MEMORY_HEADING = "what you remember about this user:"
_CONTEXT_HEADING = "context of this request:"


@dataclass(frozen=True)
class Call:
    """A call of a tool; ``id`` ties it to its result in a transcript and is empty in a reply."""

    name: str
    arguments: dict[str, JsonValue]
    id: str = ""

    def json(self) -> str:
        """The arguments as the protocol carries them."""
        return sendable(json.dumps(self.arguments, ensure_ascii=False))


@dataclass(frozen=True)
class Message:
    """One message of the request; ``role`` is system, user, assistant or tool."""

    role: str
    text: str = ""
    calls: tuple[Call, ...] = ()
    call_id: str | None = None


@dataclass(frozen=True)
class Step:
    """A tool call of the turn in progress and what it answered."""

    call: Call
    result: Mapping[str, JsonValue]


@dataclass(frozen=True)
class Conversation:
    """The state of the conversation at the message to be answered.

    ``trip`` includes that message; ``trip_before`` and ``desk`` do not. ``trips`` are what to search for: ``trip``, or
    several. ``remembered`` is what the system prompt lists,
    ``facts`` also what the request's context and the conversation told; both are from before the message.
    """

    message: str
    said: Understanding
    trip_before: Trip
    trip: Trip
    trips: tuple[Trip, ...]
    desk: Desk
    remembered: Mapping[str, str]
    facts: Mapping[str, str]
    steps: tuple[Step, ...]
    tools_forbidden: bool


def read_conversation(messages: Sequence[Message], tools: frozenset[str] = frozenset()) -> Conversation:
    """The conversation as the messages tell it; the last user message is the one to answer.

    What the assistant said is not read: its questions follow from the user's messages, and what it adds unasked (the
    outcome of a hold, a fare that fell) changes nothing in what the user means. Errands are those of the ``tools``,
    and of those that were called before.
    """
    tools |= {call.name for message in messages for call in message.calls}
    prompts = [message.text for message in messages if message.role == "system"]
    remembered, context = _sections(prompts)
    last_user = max((at for at, message in enumerate(messages) if message.role == "user"), default=len(messages))
    results = {message.call_id: _json(message.text) for message in messages if message.role == "tool"}
    past = _SoFar(
        Trip(needed=_needed(prompts, {**remembered, **context}), home="home_airport" in {**remembered, **context}),
        Desk(holds=TOOL_OF[ErrandKind.HOLD] in tools),
        partial(understand, today=_today(prompts), tools=tools),
    )
    for message in messages[_first_read(messages, last_user) : last_user]:
        if message.role == "user":
            past.hear(message.text)
        for call in message.calls:
            past.see(call, results.get(call.id))
    text = messages[last_user].text if last_user < len(messages) else ""
    said = past.meant(text)
    before = past.known(said)
    trip = advance(before, said, text)
    return Conversation(
        message=text,
        said=said,
        trip_before=before,
        trip=trip,
        trips=(said.errand is None and several(before, text, past.read)) or (trip,),
        desk=past.desk,
        remembered=remembered,
        facts={**past.told, **remembered, **context},  # what is stored now outdates what was said before
        steps=tuple(Step(c, results[c.id]) for m in messages[last_user:] for c in m.calls if c.id in results),
        tools_forbidden=Intent.NO_TOOLS in said.intents
        or any(Intent.NO_TOOLS in understand(prompt).intents for prompt in prompts[1:]),
    )


class _Read(Protocol):
    def __call__(self, message: str, *, in_sight: bool = False) -> Understanding: ...


@dataclass
class _SoFar:
    """What the messages have come to; ``read`` understands one by itself."""

    trip: Trip
    desk: Desk
    read: _Read
    told: dict[str, str] = field(default_factory=dict)

    def meant(self, text: str) -> Understanding:
        """What a message of the user says at this point."""
        return self.desk.completed(self.read(text, in_sight=bool(self.desk.offers)), text)

    def known(self, said: Understanding) -> Trip:
        """The trip, which needs no origin once a home was told."""
        home = "home_airport" in {**self.told, **said.remember}
        return replace(self.trip, needed=self.trip.needed - {"origin"}, home=True) if home else self.trip

    def hear(self, text: str) -> None:
        """Take in a message of the user."""
        said = self.meant(text)
        self.trip = advance(self.known(said), said, text)
        self.told, self.desk = _learn(self.told, said), self.desk.after(said, self.trip)

    def see(self, call: Call, result: Mapping[str, JsonValue] | None) -> None:
        """Take in a tool call and what it answered, if it did."""
        if result is not None:
            self.trip, self.desk = _after_call(self.trip, self.desk, call, result)
        self.told = _told_by_call(self.told, call, refused="error" in (result or {}))


def _after_call(trip: Trip, desk: Desk, call: Call, result: Mapping[str, JsonValue]) -> tuple[Trip, Desk]:
    """The trip and the desk after a tool has answered; a watch that was refused is still to be set up."""
    if call.name == SEARCH:
        return after_search(trip, call.arguments, result), desk.found(result)
    if call.name == WATCH and isinstance(result.get("error"), dict):
        query = {name: value for name, value in call.arguments.items() if name != "max_price"}
        limit = call.arguments.get("max_price")
        known = float(limit) if isinstance(limit, int | float) and not isinstance(limit, bool) else None
        return after_search(trip, query, result), replace(desk, open=Errand(ErrandKind.WATCH, limit=known))
    return trip, replace(desk, open=None) if call.name == CANCEL else desk


def _first_read(messages: Sequence[Message], end: int) -> int:
    """Where reading starts, so that a history of any length costs a bounded time: the latest messages count."""
    cost = 0
    for at in range(end - 1, -1, -1):
        cost += _LEAST_COST + (min(len(messages[at].text), EXAMINED_CHARS) if messages[at].role == "user" else 0)
        if cost > HISTORY_CHARS:
            return at + 1
    return 0


def _needed(prompts: list[str], facts: Mapping[str, str]) -> frozenset[str]:
    """What a search must be told: nothing but the destination, unless the prompt says to ask."""
    if not any(_ASKS.search(prompt[:PROMPT_CHARS]) for prompt in prompts):
        return frozenset()
    return frozenset({"departure_date"} if "home_airport" in facts else {"origin", "departure_date"})


def _today(prompts: list[str]) -> date | None:
    for prompt in prompts:
        if found := _TODAY.search(prompt):
            try:
                return date.fromisoformat(found[1])
            except ValueError:
                continue
    return None


def _sections(prompts: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The preferences under the memory heading, and those under the heading of the request's context."""
    found: dict[str, dict[str, str]] = {_MEMORY_HEADING: {}, _CONTEXT_HEADING: {}}
    section: dict[str, str] | None = None
    for line in "\n".join(prompt[:PROMPT_CHARS] for prompt in prompts).splitlines():
        words = line.strip()
        heading = next((heading for heading in found if words.lower().startswith(heading)), None)
        key, colon, value = words.removeprefix("- ").partition(":")
        if heading:
            section = found[heading]
            inline = _json(words[len(heading) :])
            section.update({key: str(value) for key, value in inline.items() if key in KEYS})
        elif section is not None and words.startswith("- ") and colon:
            if key.strip() in KEYS and value.strip():
                section[key.strip()] = value.strip()
        elif words:
            section = None
    return found[_MEMORY_HEADING], found[_CONTEXT_HEADING]


def _learn(facts: Mapping[str, str], said: Understanding) -> dict[str, str]:
    forgotten = set(KEYS if said.forget == (EVERYTHING,) else said.forget)
    return {key: value for key, value in facts.items() if key not in forgotten} | said.remember


def _told_by_call(facts: dict[str, str], call: Call, *, refused: bool) -> dict[str, str]:
    """The facts after a call; one whose value the tool refused is no fact."""
    key, value = call.arguments.get("key"), call.arguments.get("value")
    if call.name == REMEMBER and not refused and isinstance(key, str) and isinstance(value, str):
        return {**facts, key: value}
    if call.name == FORGET or (call.name == REMEMBER and refused):
        return {name: value for name, value in facts.items() if name != key}
    return facts


def _json(text: str) -> dict[str, JsonValue]:
    """The JSON object in ``text``, or an empty one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
