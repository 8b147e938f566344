"""A user of the tools whose preferences live in a dict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from travelbuddy.flights.provider import FlightProvider
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.tools import default_toolbox
from travelbuddy.tools.base import ToolContext

TODAY = date(2026, 7, 1)


class ToolUser:
    """Calls tools as a model does, with JSON text, on Wednesday 1 July 2026."""

    def __init__(self) -> None:
        self.stored: dict[str, str] = {}
        self.default_origin = "LHR"
        self.flights: FlightProvider = SampleFlights()
        self.today = TODAY

    async def _preferences(self) -> Mapping[str, str]:
        return self.stored

    async def _remember(self, changes: Mapping[str, str | None]) -> None:
        for key, value in changes.items():
            self.stored.pop(key, None)
            if value is not None:
                self.stored[key] = value

    def context(self) -> ToolContext:
        """What a tool is told of this user."""
        return ToolContext(
            user_id="ada",
            session_id="s",
            workflow_instance_id="w",
            key="w/1.0",
            today=self.today,
            default_origin=self.default_origin,
            flights=self.flights,
            preferences=self._preferences,
            remember=self._remember,
        )

    async def text(self, name: str, arguments: str) -> str:
        """The tool's answer to this JSON text."""
        return await default_toolbox(SampleFlights()).run(self.context(), name, arguments)

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The tool's answer to these arguments, read."""
        answer = json.loads(await self.text(name, json.dumps(arguments)))
        assert isinstance(answer, dict)
        return answer

    async def search(self, **arguments: Any) -> dict[str, Any]:
        """The answer of a flight search."""
        return await self.call("search_flights", **arguments)

    async def refused(self, **arguments: Any) -> dict[str, Any]:
        """The error that a flight search answers with."""
        error = (await self.search(**arguments))["error"]
        assert isinstance(error, dict)
        return error


@pytest.fixture
def user() -> ToolUser:
    """Someone new."""
    return ToolUser()
