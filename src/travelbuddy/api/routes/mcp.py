"""The agent as an MCP server: the Model Context Protocol over streamable HTTP, without sessions of its own."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from travelbuddy.api import jsonrpc
from travelbuddy.api.access import CallerDep
from travelbuddy.api.deps import ServicesDep
from travelbuddy.api.schemas import Identifier

router = APIRouter(include_in_schema=False)  # MCP describes itself, by tools/list
SERVER = "travelbuddy.api.mcp_server"
"""Loaded with the first request: the SDK takes half a second and 15 MB, and most services never need it."""


@router.post("/mcp")
async def mcp(
    request: Request,
    caller: CallerDep,
    services: ServicesDep,
    user_id: Annotated[Identifier | None, Query(description="where no credential names the user")] = None,
) -> Response:
    """One message of a client. Everything it needs comes with it, so any replica serves any of them."""
    user = caller.acts_as(user_id) or "default"
    body = await request.body()
    asked = jsonrpc.read(body, request.headers.get("accept", ""))
    if isinstance(asked, Response):
        return asked
    server = await asyncio.to_thread(import_module, SERVER)
    answer: Response = server.answer(server.Visit(request, services, caller, user), asked, body)
    return answer
