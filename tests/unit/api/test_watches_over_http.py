"""/watches as clients use it: what is answered, what is refused and how."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from tests.unit.api.test_service_in_memory import Service
from tests.unit.spine.jobs_in_memory import Engine, jobs_over
from tests.unit.spine.test_fare_watch import Hook

from travelbuddy.access.callers import Caller
from travelbuddy.access.gate import Gate
from travelbuddy.adapters.dapr_errands import DaprErrands
from travelbuddy.domain.watch import Watch
from travelbuddy.errors import TurnWithdrawn
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.incoming import Incoming
from travelbuddy.tools.desks import Desks
from travelbuddy.watches import Watches, WatchRules

QUERY = {"origin": "LHR", "destination": "JFK", "departure_date": "2026-09-01"}
WISH: dict[str, Any] = {"user_id": "ada", "session_id": "trip", "query": QUERY, "limit": "250.00"}
TODAY = date(2026, 7, 1)


class As:
    """An authenticator that takes the credential for the user's id."""

    async def caller(self, credential: str | None) -> Caller:
        return Caller(credential)


def _with_desk(service: Service) -> Service:
    services, clock = service.app.state.services, lambda: datetime.now(UTC)
    jobs = jobs_over(service.store, Engine(), clock)
    records: DaprErrands[Watch] = DaprErrands(service.store, Watch)
    desk = Watches(records, jobs, SampleFlights(), Hook(), clock, WatchRules(today=TODAY))
    service.app.state.services = replace(services, desks=Desks(watches=desk))
    return service


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service with a desk for watches, on a day in July."""
    service = _with_desk(Service(today=TODAY))
    yield service
    await service.http.aclose()


async def _post(service: Service, **changes: Any) -> httpx.Response:
    headers = changes.pop("headers", {})
    return await service.http.post("/watches", json={**WISH, **changes}, headers=headers)


async def test_a_watch_is_created_seen_and_cancelled(service: Service) -> None:
    """Created with 201 and its address; listed; cancelled as often as one likes; each answer is the whole watch."""
    created = await _post(service, every=900, webhook="https://hooks.example/fares")
    assert created.status_code == 201, created.text
    watch = created.json()
    assert created.headers["Location"] == f"http://localhost/watches/{watch['watch_id']}"
    assert watch == {
        "watch_id": watch["watch_id"],
        "session_id": "trip",
        "user_id": "ada",
        "status": "watching",
        "query": {**QUERY, "return_date": None, "passengers": 1, "cabin": "economy", "max_stops": None},
        "limit": "250.00",
        "currency": None,
        "every": 900,
        "until": "2026-09-01",
        "checks": 0,
        "last_checked_at": None,
        "next_check_at": watch["next_check_at"],
        "last_price": None,
        "lowest_price": None,
        "notified": [],
        "webhook": "https://hooks.example/fares",
        "error": None,
        "created_at": watch["created_at"],
    }
    assert (await service.http.get(created.headers["Location"])).json() == watch
    for _ in range(2):
        cancelled = await service.http.delete(f"/watches/{watch['watch_id']}", params={"user_id": "ada"})
        assert cancelled.status_code == 200
        assert cancelled.json() == {**watch, "status": "cancelled", "next_check_at": None}


async def test_the_list_is_the_users_newest_first(service: Service) -> None:
    """Narrowed by session and status."""
    made = [(await _post(service, session_id=name)).json()["watch_id"] for name in ("a", "b", "a")]
    await _post(service, user_id="bob", session_id="c")
    await service.http.delete(f"/watches/{made[0]}")

    async def listed(**params: str) -> list[str]:
        answer = await service.get("/watches", **params)
        return [watch["watch_id"] for watch in answer.json()["watches"]]

    assert await listed(user_id="ada") == made[::-1]
    assert await listed(user_id="ada", session_id="a") == [made[2], made[0]]
    assert await listed(user_id="ada", session_id="a", status="watching") == [made[2]]
    assert await listed(user_id="nobody") == []
    assert (await service.get("/watches", status="asleep")).status_code == 422


async def test_the_same_key_is_the_same_watch(service: Service) -> None:
    """Sent again it is answered as the first time; with another body it is refused."""
    key = {"Idempotency-Key": "once"}
    first, again = [await _post(service, headers=key) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    other = await _post(service, headers=key, limit="200.00")
    assert (other.status_code, other.json()["type"]) == (409, "urn:travelbuddy:problem:idempotency-key-reused")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"limit": "0"}, "limit"),
    ({"limit": "0.00"}, "limit"),
    ({"limit": "-1"}, "limit"),
    ({"limit": "1e3"}, "limit"),
    ({"limit": "٣"}, "limit"),
    ({"limit": None}, "limit"),
    ({"every": 1}, "every"),
    ({"every": 10**9}, "every"),
    ({"every": "often"}, "every"),
    ({"until": "2026-09-02"}, "until"),
    ({"until": "2026-06-30"}, "until"),
    ({"webhook": "https://private.example/"}, "webhook"),
    ({"query": {**QUERY, "origin": "lhr"}}, "query.origin"),
    ({"query": {**QUERY, "origin": "QQQ"}}, "query.origin"),
    ({"query": {**QUERY, "destination": "LHR"}}, "query.destination"),
    ({"query": {**QUERY, "departure_date": "2026-06-30"}}, "query.departure_date"),
    ({"query": {**QUERY, "departure_date": "2028-06-30"}}, "query.departure_date"),
    ({"query": {**QUERY, "return_date": "2026-08-30"}}, "query.return_date"),
    ({"query": {**QUERY, "return_date": "2028-08-30"}}, "query.return_date"),
    ({"query": {**QUERY, "passengers": 10}}, "query.passengers"),
    ({"query": {**QUERY, "max_price": 3}}, "query.max_price"),
    ({"query": None}, "query"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("changes", "field"), BAD)
async def test_bad_input_names_the_field(service: Service, changes: dict[str, Any], field: str) -> None:
    """422 with the field and what would do instead; nothing is stored."""
    answer = await _post(service, **changes)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert (await service.get("/watches", user_id="ada")).json() == {"watches": []}


async def test_the_twenty_first_watch_is_refused(service: Service) -> None:
    """409 that says what to do."""
    for _ in range(20):
        assert (await _post(service)).status_code == 201
    refused = await _post(service)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:travelbuddy:problem:too-many-watches")
    assert "cancel one" in refused.json()["detail"]


async def test_a_session_of_another_user_is_refused(service: Service) -> None:
    """Nothing would ever be told there."""
    await service.http.post("/start-workflow", json={"task": "hi", "user_id": "bob", "session_id": "bobs"})
    refused = await _post(service, session_id="bobs")
    assert (refused.status_code, refused.json()["type"]) == (404, "urn:travelbuddy:problem:session-not-yours")


async def test_watches_belong_to_their_users() -> None:
    """With credentials nobody sees, cancels or begins a watch of another user; for them it is not there."""
    service = _with_desk(Service(today=TODAY, gate=Gate(As())))
    ada, bob = {"Authorization": "Bearer ada"}, {"Authorization": "Bearer bob"}
    created = await service.http.post("/watches", json={**WISH, "user_id": None}, headers=ada)
    assert (created.status_code, created.json()["user_id"]) == (201, "ada")
    where = f"/watches/{created.json()['watch_id']}"
    for method in ("GET", "DELETE"):
        assert (await service.http.request(method, where, headers=bob)).status_code == 404
    assert (await service.http.get("/watches", headers=bob)).json() == {"watches": []}
    assert (await service.http.get("/watches", params={"user_id": "ada"}, headers=bob)).status_code == 404
    assert (await service.http.post("/watches", json=WISH, headers=bob)).status_code == 403
    assert (await service.http.get(where, headers=ada)).json()["status"] == "watching"
    await service.http.aclose()


async def test_the_export_has_the_watches(service: Service) -> None:
    """As the list has them."""
    await _post(service)
    exported = (await service.get("/users/ada/export")).json()
    assert exported["watches"] == (await service.get("/watches", user_id="ada")).json()["watches"] != []


async def test_what_was_found_before_the_session_was_erased_is_not_told(service: Service) -> None:
    """It neither brings the session back nor lists it; what is found afterwards is told."""
    await service.http.post("/start-workflow", json={"task": "hi", "user_id": "ada", "session_id": "trip"})
    before = datetime.now(UTC)
    await service.http.delete("/sessions/trip", params={"user_id": "ada"})
    notice = Incoming("ada", "trip", "It fell.", key="w-1", notice={"kind": "fare_watch"}, since=before)
    with pytest.raises(TurnWithdrawn):
        await service.turns.accept(notice)
    assert (await service.get("/users/ada")).json()["sessions"] == 0
    await service.turns.accept(replace(notice, key="w-2", since=datetime.now(UTC)))


async def test_a_service_without_the_desk(service: Service) -> None:
    """Says so."""
    service.app.state.services = replace(service.app.state.services, desks=Desks())
    assert (await service.get("/watches")).json()["type"] == "urn:travelbuddy:problem:not-offered"
