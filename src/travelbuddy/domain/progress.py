"""The events of one turn as a client follows it, and the place in them that a client has reached.

A turn's events are a function of what the model and the tools have said so far, and a cursor names a place in them
with a checksum of what came before in that step. So any replica, and after the end the stored record, can go on where
another broke off; when an execution was repeated and said something else, that is noticed and told.

    step 1: token … tool_call … tool_result …   step 2: token …   message
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from zlib import crc32

from pydantic import JsonValue

from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.messages import Message, ToolCall

Phase = Literal["t", "c", "r", "m"]
EventName = Literal["status", "token", "tool_call", "tool_result", "message"]
_ORDER = "tcrm"
CURSOR = re.compile(r"^(\d{1,4})([tcrm])(\d{1,9})\.([0-9a-f]{8})$", re.ASCII)
"""An event's ``id``."""


class Cursor(NamedTuple):
    """Seen so far: ``seen`` characters of text (t), tool calls (c) or results (r) of ``step``, or the message (m)."""

    step: int = 0
    phase: Phase = "t"
    seen: int = 0
    check: int = 0

    @property
    def id(self) -> str:
        """The cursor as the ``id`` of a server-sent event."""
        return f"{self.step}{self.phase}{self.seen}.{self.check:08x}"

    @property
    def ended(self) -> bool:
        """True after the message: nothing more will come."""
        return self.phase == "m"


def parse_cursor(text: str) -> Cursor:
    """The cursor of an event's ``id``. Raises ValueError for anything else."""
    match = CURSOR.fullmatch(text)
    if match is None:
        raise ValueError("Last-Event-ID: send the id of an event of this stream")
    step, phase, index, check = match.groups()
    known: dict[str, Phase] = {"t": "t", "c": "c", "r": "r", "m": "m"}
    return Cursor(int(step), known[phase], int(index), int(check, 16))


@dataclass
class Said:
    """What came of one question to the model: text, and tool calls with their results so far, by call id."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """True when its calls and all their results are known; the text is known whole with the calls."""
        return bool(self.calls) and len(_known_results(self)) == len(self.calls)


class Event(NamedTuple):
    """One event, and the cursor after it."""

    name: EventName
    data: dict[str, JsonValue]
    cursor: Cursor


def steps_of(messages: Sequence[Message]) -> list[Said]:
    """A turn's messages as steps; the user's own message is none of them."""
    steps: list[Said] = []
    for message in messages:
        if message.role == "assistant":
            steps.append(Said(message.content, message.tool_calls or ()))
        elif message.role == "tool" and steps:
            steps[-1].results[message.tool_call_id or ""] = message.content
    return steps


def events_after(steps: Sequence[Said], cursor: Cursor, record: TurnRecord | None = None) -> list[Event]:
    """The events that a client at ``cursor`` has still to get; with the stored record all of them, to the end.

    The tokens of the last step, after its last ``restarted``, are together the reply.
    """
    if cursor.ended:
        return []
    if record is not None:
        steps = steps_of(record.messages)
    return list(_events(steps, cursor, record))


def _events(steps: Sequence[Said], cursor: Cursor, record: TurnRecord | None) -> Iterator[Event]:
    first = max(cursor.step, 1)
    if record is not None and first > len(steps):
        first, cursor = max(len(steps), 1), Cursor(len(steps), "t", -1)
    for number in range(first, len(steps) + 1):
        said = steps[number - 1]
        settled = record is not None or said.complete
        at = cursor if cursor.step == number else Cursor(number)
        fits = _fits(said, at)
        if fits is None and not settled:
            return  # what the client has seen is being said again
        if not fits:
            at = Cursor(number)
            yield Event("status", {"state": "restarted", "step": number}, at)
        for event in _rest(number, said, at):
            yield event
            at = event.cursor
        if not settled:
            return  # what is missing of it comes late, or with the record; nothing is told out of its order
    if record is not None:
        reply = {"response": record.reply.content, "outcome": record.outcome}
        yield Event("message", {**reply}, Cursor(max(len(steps), 1), "m", 1))


def _fits(said: Said, at: Cursor) -> bool | None:
    """Whether the step begins with what the cursor has seen; None when it has not come that far yet."""
    if at.seen < 0:
        return False
    have = {"t": len(said.text), "c": len(said.calls), "r": len(_known_results(said))}
    if have.get(at.phase, 0) < at.seen:
        return None
    return at.seen == 0 or _check(said, at.phase, at.seen) == at.check


def _rest(step: int, said: Said, at: Cursor) -> Iterator[Event]:
    phase = _ORDER.index(at.phase)
    if phase == 0 and len(said.text) > at.seen:
        after = Cursor(step, "t", len(said.text), _check(said, "t", len(said.text)))
        yield Event("token", {"text": said.text[at.seen :], "step": step}, after)
    for i, call in enumerate(said.calls[at.seen if phase == 1 else 0 :] if phase <= 1 else ()):
        index = i + 1 + (at.seen if phase == 1 else 0)
        data: dict[str, JsonValue] = {"id": call.id, "name": call.name, "arguments": call.arguments, "step": step}
        yield Event("tool_call", data, Cursor(step, "c", index, _check(said, "c", index)))
    known = _known_results(said)
    for index in range((at.seen if phase == 2 else 0) + 1, len(known) + 1):
        call = known[index - 1]
        data = {"tool_call_id": call.id, "name": call.name, "result": _parsed(said.results[call.id]), "step": step}
        yield Event("tool_result", data, Cursor(step, "r", index, _check(said, "r", index)))


def _known_results(said: Said) -> list[ToolCall]:
    """The calls whose results can be told: in the order of the calls, up to the first that is still missing."""
    known = []
    for call in said.calls:
        if call.id not in said.results:
            break
        known.append(call)
    return known


def _check(said: Said, phase: Phase, index: int) -> int:
    seen = said.text[:index] if phase == "t" else ",".join(call.id for call in said.calls[:index])
    return crc32(seen.encode())


def _parsed(content: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(content)
    except ValueError:
        return content
    return value
