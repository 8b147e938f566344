"""Requests to the flight supplier in a trace: how they went, and nothing of what they said."""

from __future__ import annotations

import json
from datetime import date

import pytest
from tests.integration.framework.duffel_stub import TOKEN, DuffelStub
from tests.unit.telemetry.conftest import Recorded

from travelbuddy.domain.travel import FlightQuery
from travelbuddy.errors import ToolError
from travelbuddy.flights.duffel import DuffelFlights

QUERY = FlightQuery(origin="LON", destination="PAR", departure_date=date(2020, 1, 1))


async def test_a_request_is_a_span_with_its_status(recorded: Recorded) -> None:
    """A refusal is marked as one; neither the token, nor the query, nor the supplier's words are in it."""
    with DuffelStub() as duffel:
        flights = DuffelFlights(duffel.url, TOKEN)
        with recorded.otel.enter("tool", "internal", {}, {}), pytest.raises(ToolError, match="departure_date"):
            await flights.search(QUERY)
        await flights.close()
    (asked, _) = recorded.spans()
    told = json.loads(asked.to_json())
    assert (asked.name, asked.kind.name) == ("POST duffel", "CLIENT")
    assert told["attributes"]["http.response.status_code"] == 422
    assert told["status"]["status_code"] == "ERROR"
    assert not any(word in asked.to_json() for word in (TOKEN, "LON", "departure_date", "after today"))
    assert "traceparent" not in json.dumps(duffel.requests)
