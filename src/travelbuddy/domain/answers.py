"""The answer of a turn as chat clients get it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.messages import Message

SEARCH = "search_flights"
SHOWN = ("model", "tokens_used", "processing_time", "tools_used", "outcome", "fallback")


def chat_answer(turn: TurnRecord) -> dict[str, JsonValue]:
    """``{"response", "session_id", "metadata", "timestamp"}``; the timestamp is when the reply was stored."""
    reply = turn.reply
    metadata: dict[str, JsonValue] = {
        "model": None,
        "tokens_used": 0,
        "processing_time": round((turn.completed_at - turn.created_at).total_seconds(), 3),
        "tools_used": [],
        "outcome": turn.outcome,
        **{key: value for key, value in reply.metadata.items() if key in SHOWN},
        "workflow_instance_id": turn.workflow_instance_id,
        "offers": offers_of(turn),
    }
    if turn.error is not None:
        metadata["error"] = turn.error
    return {
        "response": reply.content,
        "session_id": turn.session_id,
        "metadata": metadata,
        "timestamp": turn.completed_at.isoformat(),
    }


def offers_of(turn: TurnRecord) -> dict[str, JsonValue] | None:
    """What the turn's last search found, ``{"query", "offers", "source"}``, the searches before it as ``earlier``."""
    found = list(searches(turn.messages))
    if not found:
        return None
    last = found.pop()
    return {**last, "earlier": [*found]} if found else last


def searches(messages: Sequence[Message]) -> Iterator[dict[str, JsonValue]]:
    """The results of the searches among a turn's messages, without those that failed."""
    calls = {call.id: call.name for message in messages for call in message.tool_calls or ()}
    for message in messages:
        if message.role != "tool" or calls.get(message.tool_call_id or "") != SEARCH:
            continue
        try:
            result = json.loads(message.content)
        except ValueError:
            continue
        if isinstance(result, dict) and isinstance(result.get("offers"), list):
            yield result
