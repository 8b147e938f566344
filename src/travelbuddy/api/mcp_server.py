"""The MCP server behind ``/mcp``, on the official SDK. A new one for each request: nothing is kept between two."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import anyio
import structlog
from fastapi import Response
from mcp import McpError, types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import StreamableHTTPServerTransport
from pydantic import BaseModel, ValidationError
from starlette.types import Message, Receive, Scope, Send

from travelbuddy import __version__
from travelbuddy.api.jsonrpc import Asked
from travelbuddy.api.mcp_tools import TOOLS, Progress, Visit
from travelbuddy.api.problems import field_errors, summary

__all__ = ["Visit", "answer"]
log = structlog.get_logger(__name__)

SHAPES: Mapping[str, type[BaseModel]] = {
    "initialize": types.InitializeRequest,
    "ping": types.PingRequest,
    "tools/list": types.ListToolsRequest,
    "tools/call": types.CallToolRequest,
}
INSTRUCTIONS = (
    "TravelBuddy is a travel agent. Ask it in plain words with ask_travelbuddy: it remembers the conversation of a "
    "session_id. Or search flights yourself with search_flights; say what an offer's `source` is."
)


class _Answer(Response):
    """Lets the SDK answer one request whose body has been read."""

    def __init__(self, server: Server[object], body: bytes, *, streamed: bool) -> None:
        super().__init__()
        self._server = server
        self._body = body
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request. A client that hangs up ends this, and leaves an accepted turn alone."""
        read = False

        async def again() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": self._body, "more_body": False}

        transport = StreamableHTTPServerTransport(None, is_json_response_enabled=not self._streamed)
        options = self._server.create_initialization_options()
        async with transport.connect() as (incoming, outgoing), anyio.create_task_group() as tasks:
            tasks.start_soon(partial(self._server.run, incoming, outgoing, options, stateless=True))
            await transport.handle_request(scope, again, send)
            tasks.cancel_scope.cancel()


def answer(visit: Visit, asked: Asked, body: bytes) -> Response:
    """The answer to this visitor's message: one JSON object, or a stream that ends with it."""
    try:
        SHAPES[asked.message["method"]].model_validate(asked.message)
    except ValidationError as invalid:  # told here, because the SDK would log it whole, with what people wrote
        return asked.refused(f"Invalid request parameters: {summary(field_errors(invalid.errors()))}")
    return _Answer(_server(visit), body, streamed=asked.streamed)


def _server(visit: Visit) -> Server[object]:
    server: Server[object] = Server("TravelBuddy", version=__version__, instructions=INSTRUCTIONS)

    async def listed(_: types.ListToolsRequest) -> types.ServerResult:
        return types.ServerResult(types.ListToolsResult(tools=[tool.described for tool in TOOLS.values()]))

    async def called(request: types.CallToolRequest) -> types.ServerResult:
        asked = request.params
        if (tool := TOOLS.get(asked.name)) is None:
            raise _invalid(f"Unknown tool: {asked.name[:60]!r}; there are {', '.join(TOOLS)}.")
        try:
            return types.ServerResult(await tool.run(visit, asked, _progress(server)))
        except ValueError as bad:
            raise _invalid(f"Invalid arguments: {bad}") from None
        except Exception as error:
            log.exception("mcp.broke_down", tool=asked.name)
            text = "Something broke on our side; it has been logged."
            raise McpError(types.ErrorData(code=types.INTERNAL_ERROR, message=text)) from error

    server.request_handlers[types.ListToolsRequest] = listed
    server.request_handlers[types.CallToolRequest] = called
    return server


def _invalid(text: str) -> McpError:
    return McpError(types.ErrorData(code=types.INVALID_PARAMS, message=text))


def _progress(server: Server[object]) -> Progress | None:
    """Tells the client of progress, where it asked for that."""
    context = server.request_context
    token = context.meta.progressToken if context.meta is not None else None
    if token is None:
        return None

    async def tell(number: int, text: str) -> None:
        await context.session.send_progress_notification(
            token, number, message=text, related_request_id=str(context.request_id)
        )

    return tell
