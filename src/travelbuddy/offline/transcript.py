"""Everything the offline model knows, read from the messages of one request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from pydantic import JsonValue

from travelbuddy.offline.desk import Desk
from travelbuddy.offline.errands import TOOL_OF
from travelbuddy.offline.frame import Errand, ErrandKind, Intent, Understanding
from travelbuddy.offline.language import understand
from travelbuddy.offline.profile import KEYS
from travelbuddy.offline.questions import EVERYTHING
from travelbuddy.offline.text import EXAMINED_CHARS, sendable
from travelbuddy.offline.trip import Trip, advance, after_search

SEARCH, REMEMBER, FORGET = "search_flights", "remember_preference", "forget_preference"
WATCH, CANCEL = TOOL_OF[ErrandKind.WATCH], TOOL_OF[ErrandKind.CANCEL]

HISTORY_CHARS = 30_000  # of earlier user messages; the service itself sends ten turns
_LEAST_COST = 50
PROMPT_CHARS = 100_000

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

    ``trip`` includes that message; ``trip_before`` and ``desk`` do not. ``remembered`` is what the system prompt lists,
    ``facts`` also what the request's context and the conversation told; both are from before the message.
    """

    message: str
    said: Understanding
    trip_before: Trip
    trip: Trip
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
    today = _today(prompts)
    remembered, context = _sections(prompts)
    last_user = max((at for at, message in enumerate(messages) if message.role == "user"), default=len(messages))
    results = {message.call_id: _json(message.text) for message in messages if message.role == "tool"}
    trip, told, desk = Trip(), dict[str, str](), Desk(holds=TOOL_OF[ErrandKind.HOLD] in tools)
    for message in messages[_first_read(messages, last_user) : last_user]:
        if message.role == "user":
            said = desk.completed(understand(message.text, today, tools), message.text)
            trip = advance(trip, said, message.text)
            told, desk = _learn(told, said), desk.after(said, trip)
        for call in message.calls:
            if call.id in results:
                trip, desk = _after_call(trip, desk, call, results[call.id])
            told = _told_by_call(told, call, refused="error" in results.get(call.id, {}))
    text = messages[last_user].text if last_user < len(messages) else ""
    said = desk.completed(understand(text, today, tools), text)
    steps = [Step(call, results[call.id]) for m in messages[last_user:] for call in m.calls if call.id in results]
    return Conversation(
        message=text,
        said=said,
        trip_before=trip,
        trip=advance(trip, said, text),
        desk=desk,
        remembered=remembered,
        facts={**told, **remembered, **context},  # what is stored now outdates what was said before
        steps=tuple(steps),
        tools_forbidden=Intent.NO_TOOLS in said.intents
        or any(Intent.NO_TOOLS in understand(prompt).intents for prompt in prompts[1:]),
    )


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
