"""The tools of Dapr's MCPServer resources: the sidecar calls them, in workflows of its own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

import grpc.aio
import structlog
from dapr.ext.workflow import WorkflowStatus
from pydantic_core import from_json

from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.domain.prompts import visible
from travelbuddy.errors import StoreUnavailable
from travelbuddy.tools.base import error_value
from travelbuddy.tools.others import MOST_RESULT, MOST_TOOLS, Schema, result_of, schema_of, text_of

log = structlog.get_logger(__name__)

PREFIX = "dapr.internal.mcp"
LIST_WITHIN, CALL_WITHIN = 10, 25
"""Seconds for a list and for a call; a tool call of a turn may take 30."""
AGAIN, REFRESH = 1.0, 300.0
"""Seconds until servers are asked again: twice as long each time while one of them has not answered, and at most."""
_TRANSPORT = re.compile(r"call-tool: (initial call|retry call|reconnect|session)")
"""How the sidecar begins when it did not reach the server; the rest may hold addresses."""


class DaprMcpServers:
    """The port Others over the sidecar's workflow API."""

    def __init__(self, sidecar: Sidecar, servers: tuple[str, ...]) -> None:
        self._sidecar = sidecar
        self._known: dict[str, Mapping[str, Schema]] = {server: {} for server in servers}

    @property
    def names(self) -> tuple[str, ...]:
        """See Others."""
        return tuple(name for tools in self._known.values() for name in tools)

    def owns(self, name: str) -> bool:
        """See Others. A server's name has no underscore, so the first one ends it."""
        return name.partition("_")[0] in self._known

    def schema(self, name: str) -> Schema | None:
        """See Others."""
        return self._known.get(name.partition("_")[0], {}).get(name)

    async def listen(self) -> None:
        """Keep the lists, for one life of the sidecar. A server that does not answer keeps the list it had."""
        pause = AGAIN
        while self._known:
            found = await asyncio.gather(*map(self._list, self._known))
            pause = REFRESH if all(found) else min(pause * 2, REFRESH)
            await asyncio.sleep(pause)

    async def run(self, turn_id: str, key: str, name: str, arguments: str) -> str:
        """See Others. The workflow's id is made of the key, so a second execution finds the first one's result.

        The name and the arguments are part of it: a successor of the turn asks the model again, which may want
        something else in this place, and must not get the result of what it wanted before.
        """
        server, _, tool = name.partition("_")
        try:
            given = from_json(arguments if arguments.strip() else "{}")
        except ValueError as broken:
            return error_value("bad_json", f"The arguments are not valid JSON: {broken}.")
        if not isinstance(given, dict):
            return error_value("bad_arguments", "The arguments must be one JSON object.")
        instance = f"{turn_id}-mcp-{_digest(key, name, json.dumps(given, sort_keys=True))}"
        state = await self._done(instance, f"{PREFIX}.{server}.CallTool.{tool}", {"arguments": given}, CALL_WITHIN)
        if state is None:
            return error_value("timeout", f"{name} took longer than {CALL_WITHIN} s; it may have been carried out.")
        if state.runtime_status is not WorkflowStatus.COMPLETED:
            log.warning("mcp.call_failed", server=server, tool=tool, instance=instance)
            return error_value("tool_failed", f"{name} could not be run: {server} does not offer it now.")
        return _told(server, json.loads(state.serialized_output or "{}"))

    async def _list(self, server: str) -> bool:
        """Ask one server what it offers; False when it did not answer."""
        instance = f"mcp-list-{server}-{uuid4().hex[:12]}"
        try:
            state = await self._done(instance, f"{PREFIX}.{server}.ListTools", {}, LIST_WITHIN)
        except StoreUnavailable as away:
            log.warning("mcp.not_listed", server=server, reason=str(away))
            return False
        with suppress(StoreUnavailable, grpc.aio.AioRpcError):
            await self._sidecar.connection.workflows.purge_workflow(instance)
        if state is None or state.runtime_status is not WorkflowStatus.COMPLETED:
            log.warning("mcp.not_listed", server=server, reason="the sidecar has no such MCPServer, or cannot reach it")
            return False
        offered = json.loads(state.serialized_output or "{}").get("tools") or []
        schemas = [schema_of(server, tool) for tool in offered if isinstance(tool, dict)]
        known = {schema["function"]["name"]: schema for schema in schemas if schema is not None}
        self._known[server] = dict(list(known.items())[:MOST_TOOLS])
        if len(self._known[server]) < len(offered):
            log.warning("mcp.tools_left_out", server=server, offered=len(offered), taken=len(self._known[server]))
        return True

    async def _done(self, instance: str, workflow: str, payload: dict[str, Any], seconds: int) -> Any:
        """The state of the workflow at its end, begun here unless it has been; None when it takes too long."""
        workflows = self._sidecar.connection.workflows
        try:
            async with asyncio.timeout(seconds):
                if await workflows.get_workflow_state(instance, fetch_payloads=False) is None:
                    await _begun(workflows.schedule_new_workflow(workflow, input=payload, instance_id=instance))
                return await workflows.wait_for_workflow_completion(instance)
        except TimeoutError:
            return None
        except grpc.aio.AioRpcError as error:
            raise StoreUnavailable(f"the workflow engine is not available: {error.details()}", retry_after=1) from error


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


async def _begun(call: Any) -> None:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
            raise


def _told(server: str, result: dict[str, Any]) -> str:
    """An MCP result as the model sees it."""
    content = result.get("content") or []
    if not result.get("isError"):
        return result_of(server, content, result.get("structuredContent"))
    text = text_of(content)
    if _TRANSPORT.match(text):
        log.warning("mcp.server_away", server=server, reason=text)
        return error_value("unavailable", f"{server} cannot be reached now.")
    return error_value("tool_error", visible(text, MOST_RESULT, lines=True))
