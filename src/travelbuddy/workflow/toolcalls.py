"""Running the tools that the model asked for. What goes wrong is an error value for the model, never an exception."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from pydantic import JsonValue

from travelbuddy.domain.messages import Message
from travelbuddy.domain.standing import Admitted
from travelbuddy.domain.steps import finished_step
from travelbuddy.domain.turn import ToolResult
from travelbuddy.errors import Transient
from travelbuddy.live import LiveTurns
from travelbuddy.telemetry import families, spans
from travelbuddy.tools.base import Toolbox, ToolContext, error_value
from travelbuddy.workflow.contracts import CallModelInput, CallToolInput

log = structlog.get_logger(__name__)

TOOL_TIMEOUT = 30.0
ERROR = '{"error": '
"""How error values begin."""
Measured = Callable[[str, bool, float], None]
UserContext = Mapping[str, JsonValue]
ToolContextFactory = Callable[[str, CallToolInput, UserContext | None], Awaitable[ToolContext]]
"""From the turn's id, the call, and the user's context where it is known already."""


class ToolCalls:
    """The calls of one answer of the model: each in an activity of its own, or all at once where they are local."""

    def __init__(
        self,
        toolbox: Toolbox,
        context: ToolContextFactory,
        feed: LiveTurns,
        clock: Callable[[], datetime],
        measured: Measured = lambda tool, failed, seconds: None,
    ) -> None:
        """``measured`` is told of each run: which tool, whether it was told an error, seconds."""
        self._measured = measured
        self._toolbox = toolbox
        self._context = context
        self._feed = feed
        self._clock = clock

    def schemas(self, names: tuple[str, ...]) -> list[dict[str, JsonValue]]:
        """What the model is told of these tools."""
        return self._toolbox.schemas(names)

    async def run(self, turn_id: str, request: CallToolInput, known: UserContext | None = None) -> ToolResult:
        """Run one call."""
        began = self._clock()
        call = request.call
        name = families.known(call.name, self._toolbox.names)
        with spans.tool(name, call.id) as used:
            content = await self._content(turn_id, request, known)
            spans.tool_said(used, content)
        now = self._clock()
        self._measured(name, content.startswith(ERROR), (now - began).total_seconds())
        message = Message(role="tool", content=content, timestamp=now, tool_call_id=call.id)
        step = finished_step(call.name, began, now, asked_at=request.asked_at)
        self._feed.result(turn_id, request.step, message, request.follower, step)
        return ToolResult(message=message, step=step)

    async def _content(self, turn_id: str, request: CallToolInput, known: UserContext | None) -> str:
        """What the tool says, or an error that stands for it."""
        call = request.call
        try:
            async with asyncio.timeout(TOOL_TIMEOUT):
                context = await self._context(turn_id, request, known)
                content = await self._toolbox.run(context, call.name, call.arguments, request.tools)
        except TimeoutError:
            content = error_value("timeout", f"{call.name} took longer than {TOOL_TIMEOUT:g} s")
        except Transient as down:
            content = error_value("unavailable", str(down))
        except Exception:
            log.exception("tool.broke_down", tool=call.name, turn=turn_id)
            content = error_value("tool_failed", f"{call.name} could not be run")
        return content

    async def run_local(
        self, turn_id: str, call: CallModelInput, asked: Message, admitted: Admitted
    ) -> tuple[ToolResult, ...]:
        """The results of the calls in ``asked`` if all of them are local, else none: they need a durable step each."""
        calls = asked.tool_calls or ()
        if not all(self._toolbox.local(one.name) for one in calls):
            return ()
        turn, known = call.turn, admitted.user.context if admitted.user is not None else {}
        requests = [
            CallToolInput(
                user_id=turn.user_id,
                session_id=turn.session_id,
                call=one,
                step=call.step,
                follower=turn.follower,
                tools=turn.tools,
                place=place,
            )
            for place, one in enumerate(calls)
        ]
        return tuple([await self.run(turn_id, request, known) for request in requests])
