"""What the model is asked: a turn and the state it is answered from, in the shape of the chat-completions protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from pydantic import JsonValue

from travelbuddy.domain.conversation import window
from travelbuddy.domain.messages import Message
from travelbuddy.domain.prompts import system_prompt
from travelbuddy.domain.request import AgentRequest
from travelbuddy.domain.standing import Admitted
from travelbuddy.workflow.contracts import CallModelInput, TurnInput

TodayFor = Callable[[Mapping[str, JsonValue]], date]
"""The day it is for a user with this context."""


def prompt(call: CallModelInput, admitted: Admitted, today: TodayFor, *, assume: bool = True) -> list[dict[str, Any]]:
    """System message, the window of earlier turns, the message, and this turn's tool calls so far."""
    request = _request(call.turn, admitted)
    system = {"role": "system", "content": system_prompt(request, today(request.user_context), assume=assume)}
    own = Message(role="user", content=request.message, timestamp=request.timestamp)
    return [system, *map(_wire, (*request.conversation_history, own, *call.messages))]


def tools_used(messages: tuple[Message, ...]) -> list[JsonValue]:
    """The names of the tools that were called, each once."""
    names: set[str] = {call.name for message in messages for call in message.tool_calls or ()}
    return [*sorted(names)]


def _request(turn: TurnInput, admitted: Admitted) -> AgentRequest:
    """The turn with all the state it is answered from, as one request to the store has read it."""
    session = admitted.session
    return AgentRequest(
        user_id=turn.user_id,
        session_id=turn.session_id,
        message=turn.message,
        timestamp=turn.accepted_at,
        user_context=admitted.user.context if admitted.user is not None else {},
        session_context={**session.metadata, "message_count": session.message_count},
        conversation_history=window(session),
        additional_context=turn.context,
    )


def _wire(message: Message) -> dict[str, Any]:
    """The message in the shape of the chat-completions protocol."""
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire
