"""JSON-RPC 2.0 as MCP has it over HTTP: one message a request. What is no such message is told so, with its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic_core import from_json

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
METHODS = ("initialize", "ping", "tools/list", "tools/call")
"""What is served; everything else that wants an answer is no method of ours."""
_MOST_NAME = 60


@dataclass(frozen=True)
class Asked:
    """A message that is to be answered. ``streamed``: its sender wants to hear how it goes on."""

    message: dict[str, Any]
    streamed: bool

    def refused(self, text: str) -> JSONResponse:
        """The answer to a message whose parameters do not fit its method."""
        return _error(200, INVALID_PARAMS, text, _id(self.message))


def read(body: bytes, accepts: str) -> Asked | Response:
    """The message, or what to answer at once: an error, or 202 for what wants no answer.

    Read here before the SDK does: this parser refuses endless nesting and lone surrogates, and repeats no input.
    """
    try:
        message = from_json(body)
    except ValueError:
        return _error(400, PARSE_ERROR, "Parse error: the body is not valid JSON.")
    if (wrong := _wrong(message)) is not None:
        return _error(400, INVALID_REQUEST, f"Invalid request: {wrong}.", _id(message))
    if "id" not in message or "method" not in message:  # no session, so there is nobody here to take it in
        return Response(status_code=202)
    if message["method"] not in METHODS:
        name = message["method"][:_MOST_NAME]
        return _error(
            200, METHOD_NOT_FOUND, f"Method not found: {name!r}; there are {', '.join(METHODS)}.", _id(message)
        )
    meta = message.get("params", {}).get("_meta")
    progress = isinstance(meta, dict) and meta.get("progressToken") is not None
    return Asked(message, streamed=progress and "text/event-stream" in accepts)


def _wrong(message: Any) -> str | None:
    """What keeps this JSON value from being one message."""
    if not isinstance(message, dict):
        return "send one JSON object; batches are not served"
    if message.get("jsonrpc") != "2.0":
        return '"jsonrpc" must be "2.0"'
    if "id" in message and _id(message) is None:
        return '"id" must be a string or a whole number'
    if "method" not in message:
        return None if "result" in message or "error" in message else '"method" is missing'
    if not isinstance(message["method"], str):
        return '"method" must be a string'
    return None if isinstance(message.get("params", {}), dict) else '"params" must be an object'


def _id(message: Any) -> str | int | None:
    found = message.get("id") if isinstance(message, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _error(status: int, code: int, text: str, message_id: str | int | None = None) -> JSONResponse:
    return JSONResponse({"jsonrpc": "2.0", "id": message_id, "error": {"code": code, "message": text}}, status)
