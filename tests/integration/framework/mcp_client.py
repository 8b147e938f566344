"""A client of `/mcp`: the official SDK's own, and its wire for what that client would never send."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from tests.integration.framework.http_client import http_client

from travelbuddy.api.mcp_tools import IDEMPOTENCY_KEY

HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@asynccontextmanager
async def client(url: str, headers: Mapping[str, str] | None = None, **query: str) -> AsyncIterator[ClientSession]:
    """A client that has said hello to the service at this address."""
    address = str(httpx.URL(f"{url}/mcp", params=query or None))
    async with (
        http_client(headers=headers, timeout=30) as http,
        streamable_http_client(address, http_client=http) as (read, write, _),
        ClientSession(read, write) as it,
    ):
        await it.initialize()
        yield it


async def ask(
    session: ClientSession, message: str, session_id: str | None = None, key: str | None = None, **more: Any
) -> CallToolResult:
    """Call ask_travelbuddy."""
    arguments = {"message": message, **({"session_id": session_id} if session_id else {})}
    meta = {IDEMPOTENCY_KEY: key} if key is not None else None
    return await session.call_tool("ask_travelbuddy", arguments, meta=meta, **more)


async def send(url: str, body: bytes | Mapping[str, Any], **headers: str) -> httpx.Response:
    """One message as it is on the wire."""
    async with http_client(timeout=30, headers={**HEADERS, **headers}) as http:
        if isinstance(body, bytes):
            return await http.post(f"{url}/mcp", content=body)
        return await http.post(f"{url}/mcp", json={"jsonrpc": "2.0", "id": 1, **body})
