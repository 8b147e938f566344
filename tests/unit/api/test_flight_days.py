"""GET /flights/days: the prices around a day, as clients ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from tests.unit.api.test_service_in_memory import Service

from travelbuddy.domain.travel import FlightQuery, Offer

ASKED: dict[str, Any] = {"origin": "LON", "destination": "NYC", "departure_date": "2026-06-30"}


class OtherFlights:
    """A provider that can only search."""

    name = "other"
    local = False

    async def search(self, query: FlightQuery) -> list[Offer]:
        return []


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service on a day in June."""
    service = Service(today=date(2026, 6, 1))
    yield service
    await service.http.aclose()


async def test_the_days_around_a_day_have_their_cheapest_price(service: Service) -> None:
    """Three before and three after, in order, each with money as text; what was asked is repeated."""
    answer = (await service.get("/flights/days", **ASKED)).json()
    assert {key: answer[key] for key in ("origin", "destination", "currency", "source")} == {
        "origin": "LON",
        "destination": "NYC",
        "currency": "EUR",
        "source": "sample",
    }
    assert [day["date"] for day in answer["days"]] == [
        *(f"2026-06-{day}" for day in (27, 28, 29, 30)),
        *(f"2026-07-0{day}" for day in (1, 2, 3)),
    ]
    assert all(float(day["price"]) > 0 for day in answer["days"])
    for two in ({"passengers": 2}, {"cabin": "business"}, {"return_date": "2026-07-07"}):
        dearer = (await service.get("/flights/days", **ASKED, **two)).json()
        pairs = zip(answer["days"], dearer["days"], strict=True)
        assert all(float(more["price"]) > float(less["price"]) for less, more in pairs)


async def test_past_days_are_left_out_and_those_not_on_sale_have_no_price(service: Service) -> None:
    """Nobody leaves yesterday; nothing is sold for next year; the calendar ends somewhere."""
    today = (await service.get("/flights/days", **ASKED | {"departure_date": "2026-06-01"}, days=2)).json()["days"]
    assert [day["date"] for day in today] == ["2026-06-01", "2026-06-02", "2026-06-03"]
    assert (await service.get("/flights/days", **ASKED | {"departure_date": "2020-01-01"})).json()["days"] == []
    late = (await service.get("/flights/days", **ASKED | {"departure_date": "2027-04-27"}, days=1)).json()["days"]
    assert [day["price"] is not None for day in late] == [True, True, False]
    for end in ("0001-01-01", "9999-12-31"):
        assert (await service.get("/flights/days", **ASKED | {"departure_date": end})).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"origin": "London"}, "origin"),
        ({"origin": "lon"}, "origin"),
        ({"origin": "QQQ"}, "origin"),
        ({"destination": "QQQ"}, "destination"),
        ({"destination": "LON"}, "destination"),
        ({"destination": "LHR"}, "destination"),
        ({"departure_date": "soon"}, "departure_date"),
        ({"return_date": "2026-06-29"}, "return_date"),
        ({"cabin": "deck"}, "cabin"),
        ({"passengers": 0}, "passengers"),
        ({"passengers": 10}, "passengers"),
        ({"days": 0}, "days"),
        ({"days": 8}, "days"),
    ],
)
async def test_what_makes_no_sense_is_named(service: Service, wrong: dict[str, Any], field: str) -> None:
    """422 with the field, for a form that is wrong and for a place that is none."""
    refused = await service.get("/flights/days", **{**ASKED, **wrong})
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, [field])


async def test_a_provider_that_cannot_tell_cheaply_says_so(service: Service) -> None:
    """404 of its own type, so that a client hides the days instead of showing an error."""
    service.app.state.services = replace(service.app.state.services, flights=OtherFlights())
    refused = await service.get("/flights/days", **ASKED)
    assert (refused.status_code, refused.json()["type"]) == (404, "urn:travelbuddy:problem:not-offered")
