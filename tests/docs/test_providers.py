"""The page on providers shows one that works."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.tools.conftest import ToolUser

from travelbuddy.domain.travel import FlightQuery
from travelbuddy.errors import ToolError
from travelbuddy.flights import duffel, duffel_client, duffel_offers
from travelbuddy.flights.provider import FlightProvider

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text(encoding="utf-8")
QUERY = FlightQuery(origin="BGO", destination="OSL", departure_date=date(2026, 7, 10), passengers=2)


@pytest.fixture
def balloons() -> FlightProvider:
    """The provider as the page has it."""
    (code,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(code, "docs/providers.md", "exec"), names)  # noqa: S102  our own page
    provider: FlightProvider = names["BalloonFlights"]()
    return provider


async def test_the_example_is_a_provider(balloons: FlightProvider) -> None:
    """It keeps to what the page asks of one: the query's limits, an empty list, an error that names its argument."""
    (offer,) = await balloons.search(QUERY)
    assert (offer.total_amount, offer.total_currency, offer.source) == ("190.00", "NOK", balloons.name)
    assert await balloons.search(QUERY) == [offer]
    assert await balloons.search(QUERY.model_copy(update={"max_price": Decimal(189)})) == []
    assert await balloons.search(QUERY.model_copy(update={"destination": "TRD"})) == []
    with pytest.raises(ToolError) as told:
        await balloons.search(QUERY.model_copy(update={"origin": "OSL"}))
    assert told.value.field == "origin"


async def test_the_agent_finds_flights_with_it(balloons: FlightProvider) -> None:
    """Words in, its offers out, by the same tool."""
    user = ToolUser()
    user.flights = balloons
    found = await user.search(origin="Bergen", destination="Oslo", departure_date="2026-07-10", passengers=2)
    assert found["source"] == "balloon"
    assert found["offers"][0]["total_amount"] == "190.00"


def test_its_figures_are_the_ones_in_the_code() -> None:
    """Times, limits and words of the tables."""
    for said in (
        f"{duffel.SEARCH_SECONDS:g} s, of which the airlines have {duffel.SEARCH_SECONDS - duffel.AIRLINES_LESS:g}",
        f"up to {duffel.HOLD_SECONDS:g} s",
        f"at most {duffel_offers.MOST_OFFERS} offers",
    ):
        assert said in PAGE
    assert (duffel_client.THRESHOLD, duffel_client.OPEN_FOR) == (5, 10)
    assert "Five such troubles in a row open the breaker `duffel` for ten seconds" in PAGE
    source = "".join(Path(str(part.__file__)).read_text() for part in (duffel, duffel_client))
    kinds = set(re.findall(r'ToolError\(\s*"(\w+)"', source))
    assert len(kinds) >= 8
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in PAGE] == []
