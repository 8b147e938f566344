"""TravelBuddy's tools for agents of your own, built with dapr-agents: no service has to run for them.

    agent = DurableAgent(name="Planner", tools=travel_tools(), …)

Arguments are validated here and what a model can repair comes back as a value, both as in the service itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from dapr_agents.tool.base import AgentTool

from travelbuddy.flights.provider import FlightProvider
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.tools.base import Tool, ToolContext
from travelbuddy.tools.search_flights import search_flights

__all__ = ["travel_tools"]
USER = "dapr-agents"


class TravelTool(AgentTool):  # type: ignore[misc]
    """A tool whose own validation says what is wrong, instead of the framework's."""

    def _validate_and_prepare_args(self, func: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Whatever the model gave; the tool looks at it."""
        return kwargs


def travel_tools(
    flights: FlightProvider | None = None, *, default_origin: str = "LHR", today: date | None = None
) -> list[AgentTool]:
    """The tools that need no user's record: ``search_flights``, over the sample timetable unless told otherwise.

    ``default_origin`` is where a trip begins when the model names no place; ``today`` fixes the calendar.
    """
    provider = flights or SampleFlights()

    async def preferences() -> Mapping[str, str]:
        return {}

    async def remember(changes: Mapping[str, str | None]) -> None:
        return

    def context() -> ToolContext:
        return ToolContext(
            user_id=USER,
            session_id=USER,
            workflow_instance_id=USER,
            key="",
            today=today or datetime.now(UTC).date(),
            default_origin=default_origin,
            flights=provider,
            preferences=preferences,
            remember=remember,
        )

    def adapted(tool: Tool) -> AgentTool:
        async def run(**arguments: Any) -> str:
            return await tool.run(context(), json.dumps(arguments))

        run.__name__ = tool.name
        return TravelTool(name=tool.name, description=tool.description, args_model=tool.arguments, func=run)

    return [adapted(search_flights)]
