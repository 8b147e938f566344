"""What MCP clients can call: the flight search itself, and a whole turn of the agent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import Request
from mcp import types
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from travelbuddy.access.callers import Caller
from travelbuddy.api.deps import let_in
from travelbuddy.api.problems import field_errors, problem_of, summary
from travelbuddy.api.routes.workflows import started
from travelbuddy.api.schemas import Identifier, Key, Text, default_session
from travelbuddy.bootstrap import Services
from travelbuddy.domain.answers import chat_answer
from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.messages import ToolCall
from travelbuddy.domain.progress import Cursor
from travelbuddy.domain.travel import SearchResult
from travelbuddy.errors import Transient, TravelBuddyError
from travelbuddy.incoming import Incoming
from travelbuddy.tool_context import tool_contexts
from travelbuddy.tools.base import error_value
from travelbuddy.tools.search_flights import search_flights
from travelbuddy.turns import Accepted
from travelbuddy.workflow.contracts import CallToolInput
from travelbuddy.workflow.toolcalls import TOOL_TIMEOUT

IDEMPOTENCY_KEY = "travelbuddy/idempotency-key"
"""Where in ``_meta`` a client puts the key by which a repeated call is known: the same key is the same turn."""
MALFORMED = ("bad_json", "bad_arguments")
"""Errors of the call itself: told as the protocol's, not as the tool's."""
Progress = Callable[[int, str], Awaitable[None]]
"""Tells the client how far it is: a number that grows, and what happens now."""


@dataclass(frozen=True)
class Visit:
    """One request of a client, and in whose name it is."""

    request: Request
    services: Services
    caller: Caller
    user_id: str


@dataclass(frozen=True)
class McpTool:
    """A tool as it is listed, and what runs it. ``run`` raises ValueError for a call that is malformed."""

    described: types.Tool
    run: Callable[[Visit, types.CallToolRequestParams, Progress | None], Awaitable[types.CallToolResult]]


class Ask(BaseModel):
    """The arguments of ask_travelbuddy."""

    model_config = ConfigDict(extra="forbid")

    message: Text = Field(description="What to ask, in plain words.")
    session_id: Identifier | None = Field(None, description="The conversation to go on with; default: the user's own.")


async def _search(visit: Visit, asked: types.CallToolRequestParams, tell: Progress | None) -> types.CallToolResult:
    services, arguments = visit.services, json.dumps(asked.arguments or {})
    call = ToolCall(id=uuid4().hex, name=asked.name, arguments=arguments)
    context = tool_contexts(services.settings, services.users, services.flights, lambda: datetime.now(UTC))
    request = CallToolInput(user_id=visit.user_id, session_id="mcp", call=call)
    try:
        async with asyncio.timeout(TOOL_TIMEOUT):
            content = await search_flights.run(await context("mcp", request, None), arguments)
    except TimeoutError:
        content = error_value("timeout", f"{asked.name} took longer than {TOOL_TIMEOUT:g} s")
    except Transient as down:
        content = error_value("unavailable", str(down))
    found = json.loads(content)
    error = found.get("error")
    if error is not None and error["type"] in MALFORMED:
        raise ValueError(error["message"])
    return _result(content, found, is_error=error is not None)


async def _ask(visit: Visit, asked: types.CallToolRequestParams, tell: Progress | None) -> types.CallToolResult:
    ask = _checked(Ask, asked.arguments or {})
    meta = asked.meta.model_dump() if asked.meta is not None else {}
    message = Incoming(
        user_id=visit.user_id,
        session_id=ask.session_id or default_session(visit.user_id),
        text=ask.message,
        key=_key(meta[IDEMPOTENCY_KEY]) if IDEMPOTENCY_KEY in meta else None,
        follower=visit.services.settings.replica if tell is not None else None,
        door="mcp",
    )
    try:
        accepted = await let_in(visit.services, visit.caller, message)
        record = await _ended(visit.services, accepted, tell)
    except TravelBuddyError as refused:
        problem, _ = problem_of(refused)
        content = error_value(problem["type"].rpartition(":")[2], str(refused))
        return _result(content, json.loads(content), is_error=True)
    if record is not None:
        return _result(record.reply.content, chat_answer(record), is_error=record.outcome != "answered")
    later = started(visit.request, accepted)
    text = f"Still at work. The answer will be at {later.status_url}; with its idempotency key this call asks again."
    return _result(text, later.model_dump())


async def _ended(services: Services, accepted: Accepted, tell: Progress | None) -> TurnRecord | None:
    """The turn's record; None when it takes longer than CHAT_WAIT."""
    following, wait = services.following, services.settings.chat_wait
    if tell is None:
        return await following.ended(accepted.turn_id, wait, ask=accepted.repeated)
    number, said, ended = 0, "", None
    try:
        async with asyncio.timeout(wait):
            async for event, record in following.events(accepted.turn_id, Cursor(), ask=accepted.repeated):
                ended = record if event.name == "message" else None
                text = _doing(event.name, event.data)
                if text and text != said:
                    number, said = number + 1, text
                    await tell(number, text)
    except TimeoutError:
        return None
    return ended


def _doing(kind: str, data: Mapping[str, Any]) -> str:
    """What an event says of a turn's progress, in words; nothing for the reply's own words."""
    if kind == "status":
        return str(data.get("doing") or data.get("state") or "")
    return f"{kind.replace('_', ' ')}: {data.get('name', '')}".rstrip(": ") if kind.startswith("tool_") else ""


def _key(value: object) -> str:
    try:
        return TypeAdapter(Key).validate_python(value, strict=True)
    except ValidationError as invalid:
        raise ValueError(f"_meta[{IDEMPOTENCY_KEY!r}]: {invalid.errors()[0]['msg']}") from None


def _checked(shape: type[Ask], arguments: dict[str, Any]) -> Ask:
    try:
        return shape.model_validate(arguments)
    except ValidationError as invalid:
        raise ValueError(summary(field_errors(invalid.errors()))) from None


def _result(text: str, found: dict[str, Any], *, is_error: bool = False) -> types.CallToolResult:
    """Text for a model, the same as data for programs."""
    content: list[types.ContentBlock] = [types.TextContent(type="text", text=text)]
    return types.CallToolResult(content=content, structuredContent=found, isError=is_error)


_ANSWER = {
    "type": "object",
    "description": "The reply; or, when it takes longer than the service waits, where it will be.",
    "properties": {
        "session_id": {"type": "string"},
        "response": {"type": "string"},
        "metadata": {"type": "object"},
        "timestamp": {"type": "string"},
        "workflow_instance_id": {"type": "string"},
        "status_url": {"type": "string"},
    },
    "required": ["session_id"],
}
_SEARCH = search_flights.schema["function"] | {"parameters": search_flights.parameters}
TOOLS: Mapping[str, McpTool] = {
    "search_flights": McpTool(
        types.Tool(
            name="search_flights",
            title="Search flights",
            description=_SEARCH["description"],
            inputSchema=_SEARCH["parameters"],
            outputSchema=SearchResult.model_json_schema(),
            annotations=types.ToolAnnotations(readOnlyHint=True, openWorldHint=True),
        ),
        _search,
    ),
    "ask_travelbuddy": McpTool(
        types.Tool(
            name="ask_travelbuddy",
            title="Ask TravelBuddy",
            description=(
                "Send one message to the travel agent and get its reply. It searches flights, remembers the "
                "conversation and the user's preferences, and holds an offer only after the user approved."
            ),
            inputSchema={k: v for k, v in Ask.model_json_schema().items() if k not in {"title", "description"}},
            outputSchema=_ANSWER,
            annotations=types.ToolAnnotations(readOnlyHint=False, destructiveHint=False, idempotentHint=False),
        ),
        _ask,
    ),
}
