"""What tools may know of their caller, for each call anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import JsonValue

from travelbuddy.adapters.ports import UserRecords
from travelbuddy.flights.provider import FlightProvider
from travelbuddy.preferences import today_for
from travelbuddy.settings import Settings
from travelbuddy.tools.base import ToolContext
from travelbuddy.tools.desks import Desks
from travelbuddy.workflow.contracts import CallToolInput
from travelbuddy.workflow.toolcalls import ToolContextFactory, UserContext


def tool_contexts(
    settings: Settings,
    users: UserRecords,
    flights: FlightProvider,
    clock: Callable[[], datetime],
    desks: Desks | None = None,
) -> ToolContextFactory:
    """What makes the context of each call."""
    open_desks = desks or Desks()

    async def make(turn_id: str, request: CallToolInput, known: UserContext | None) -> ToolContext:
        async def context() -> UserContext:
            if known is not None:
                return known
            user = await users.user(request.user_id, request.user_version)
            return user.context if user is not None else {}

        async def preferences() -> Mapping[str, str]:
            return {key: str(value) for key, value in (await context()).items()}

        async def remember(changes: Mapping[str, JsonValue]) -> None:
            await users.merge_user(request.user_id, changes)

        return ToolContext(
            user_id=request.user_id,
            session_id=request.session_id,
            workflow_instance_id=turn_id,
            key=request.key(turn_id),
            today=today_for(await context(), clock, settings.today),
            default_origin=settings.default_origin if settings.assume_missing else None,
            flights=flights,
            preferences=preferences,
            remember=remember,
            desks=open_desks,
        )

    return make
