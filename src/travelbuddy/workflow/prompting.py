"""What the model is asked: a turn and the state it is answered from, in the shape of the chat-completions protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from pydantic import JsonValue

from travelbuddy.domain.conversation import WINDOW, earlier_turns
from travelbuddy.domain.messages import Message, for_the_wire
from travelbuddy.domain.prompts import system_prompt
from travelbuddy.domain.request import AgentRequest
from travelbuddy.domain.standing import Admitted
from travelbuddy.workflow.contracts import CallModelInput, TurnInput

TodayFor = Callable[[Mapping[str, JsonValue]], date]
"""The day it is for a user with this context."""


def prompt(
    call: CallModelInput, admitted: Admitted, today: TodayFor, *, assume: bool = True, turns: int = WINDOW
) -> list[dict[str, Any]]:
    """System message, the last ``turns`` of the earlier ones, the message, and this turn's tool calls so far.

    The roles are system, user, assistant, user, … for every server: what the agent told of itself before the first
    message of the user stands in the system message.
    """
    request = _request(call.turn, admitted, turns)
    own = Message(role="user", content=request.message, timestamp=request.timestamp)
    messages = for_the_wire((*request.conversation_history, own, *call.messages))
    first = next(place for place, message in enumerate(messages) if message.role == "user")
    told = [message.content for message in messages[:first]]
    day = today(request.user_context)
    system = {"role": "system", "content": system_prompt(request, day, told=told, assume=assume)}
    return [system, *map(_wire, messages[first:])]


def tools_used(messages: tuple[Message, ...]) -> list[JsonValue]:
    """The names of the tools that were called, each once."""
    names: set[str] = {call.name for message in messages for call in message.tool_calls or ()}
    return [*sorted(names)]


def _request(turn: TurnInput, admitted: Admitted, turns: int) -> AgentRequest:
    """The turn with all the state it is answered from, as one request to the store has read it."""
    session = admitted.session
    earlier = earlier_turns(session)
    history = [message for messages in earlier[max(0, len(earlier) - turns) :] for message in messages]
    return AgentRequest(
        user_id=turn.user_id,
        session_id=turn.session_id,
        message=turn.message,
        timestamp=turn.accepted_at,
        user_context=admitted.user.context if admitted.user is not None else {},
        session_context={**session.metadata, "message_count": session.message_count},
        conversation_history=history,
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
