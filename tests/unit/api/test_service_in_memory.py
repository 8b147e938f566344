"""The whole app over a store and an engine in memory: its document, its doors, and what they answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from tests.property.simulation import (
    MemoryClaims,
    MemoryEngine,
    MemoryRecords,
    MemoryWaits,
    ModelLog,
    NoIndex,
    QuietLink,
    Replies,
    one_by_one,
)
from tests.unit.spine.jobs_in_memory import Engine, jobs_over

from travelbuddy.access.callers import Anybody
from travelbuddy.access.gate import Gate
from travelbuddy.adapters.dapr_erasure import DaprErasableRecords
from travelbuddy.adapters.dapr_forks import DaprForks
from travelbuddy.adapters.dapr_replicas import DaprReplicaLink
from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.adapters.dapr_store import Delete, Put, Stored
from travelbuddy.adapters.dapr_watch import EngineWatch
from travelbuddy.admission import Admission
from travelbuddy.app import create_app
from travelbuddy.bootstrap import Services
from travelbuddy.domain.turn import Limits
from travelbuddy.erasure import Erasure
from travelbuddy.errors import StoreUnavailable
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.following import Following
from travelbuddy.forking import Forking
from travelbuddy.lanes import Lanes
from travelbuddy.listing import SessionList
from travelbuddy.live import LiveTurns
from travelbuddy.live_notices import merged
from travelbuddy.readiness import Readiness
from travelbuddy.reconcile import Reconciler
from travelbuddy.settings import Settings
from travelbuddy.telemetry.metrics import Metrics
from travelbuddy.tools.base import Toolbox, ToolContext
from travelbuddy.turn_policy import TurnPolicy
from travelbuddy.turns import Turns
from travelbuddy.workflow.activities import TurnActivities
from travelbuddy.workflow.contracts import CallModelInput, CallToolInput
from travelbuddy.workflow.runtime import WorkflowWorker
from travelbuddy.workflow.toolcalls import ToolCalls, UserContext

ROUTES = {
    ("post", "/start-workflow"),
    ("post", "/chat"),
    ("post", "/chat/stream"),
    ("get", "/workflows/{instance_id}/stream"),
    ("post", "/workflows/{instance_id}/pause"),
    ("post", "/workflows/{instance_id}/resume"),
    ("post", "/workflows/{instance_id}/cancel"),
    ("get", "/workflows/{instance_id}"),
    ("get", "/sessions"),
    ("patch", "/sessions/{session_id}"),
    ("delete", "/sessions/{session_id}"),
    ("get", "/sessions/{session_id}/history"),
    ("get", "/users/{user_id}"),
    ("patch", "/users/{user_id}"),
    ("delete", "/users/{user_id}"),
    ("get", "/users/{user_id}/export"),
    ("get", "/about"),
    ("get", "/flights/days"),
    ("post", "/watches"),
    ("get", "/watches"),
    ("get", "/watches/{watch_id}"),
    ("delete", "/watches/{watch_id}"),
    ("get", "/health"),
    ("get", "/ready"),
    ("get", "/metrics"),
}


class Store(MemoryRecords):
    """A store that can be switched off."""

    def __init__(self) -> None:
        super().__init__(applies_refused=False)
        self.down = self.full = False

    async def read(self, *keys: str) -> list[Stored]:
        self._check()
        return await super().read(*keys)

    async def write(self, put: Put, *others: Put) -> bool:
        self._check()
        return await super().write(put, *others)

    async def delete(self, key: str, etag: str | None = None) -> bool:
        self._check()
        if etag is not None and self._stored(key).etag != etag:
            return False
        self._apply(Delete(key))
        return True

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailable("the state store is not available", retry_after=2)

    async def written(self) -> None:
        """Readiness has written, if that goes."""
        self._check()
        if self.full:
            raise StoreUnavailable("the state store is not available: OOM command not allowed when used memory > limit")


class Link(Sidecar):
    """A sidecar that is up or not, as told."""

    def __init__(self) -> None:
        self.up = True

    @property
    def connected(self) -> bool:
        return self.up

    async def run(self, serve: Callable[[], Awaitable[None]]) -> None:
        return


class Worker(WorkflowWorker):
    """A worker that takes work or not, as told."""

    def __init__(self) -> None:
        self.up = True

    @property
    def running(self) -> bool:
        return self.up

    async def stop(self, *, wait: bool = False) -> None:
        return


class Service:
    """The app, a client of it, and the means to run its turns and to break what it depends on."""

    def __init__(self, max_turns: int = 100, gate: Gate | None = None, **chosen: Any) -> None:
        self.store, self.engine, self.link, self.worker = Store(), MemoryEngine(), Link(), Worker()
        self.memory = DaprStateStorage(self.store, self._now)
        self.live = LiveTurns(QuietLink())
        erasable = DaprErasableRecords(self.store, self._now)
        policy, waits = TurnPolicy("offline-travel-1", tuple, Limits()), MemoryWaits(self.engine)
        lanes = Lanes(self.memory, self.engine, self._now, waits, policy, one_by_one, self.live.done, erasable)
        self.turns = Turns(self.memory, self.engine, lanes, policy, self._now)
        claims = MemoryClaims(self.engine)
        self.replies = Replies()
        self.activities = TurnActivities(
            lanes=lanes,
            users=self.memory,
            model=ModelLog(),
            tools=ToolCalls(Toolbox([]), _no_tools, self.live, self._now),
            publisher=self.replies,
            feed=self.live,
            clock=self._now,
            today=lambda context: date(2026, 1, 1),
        )
        settings = Settings(_env_file=None, **chosen)
        self.warnings: list[str] = []
        self.admission = Admission(max_turns)
        self.live.on_over(self.admission.over)
        services = Services(
            settings=settings,
            gate=gate or Gate(Anybody()),
            turns=self.turns,
            admission=self.admission,
            following=Following(self.live, self.turns),
            link=DaprReplicaLink(self.link, "only", merged),
            lanes=lanes,
            records=self.memory,
            sessions=SessionList(self.memory, self.memory, self._now),
            forking=Forking(self.memory, DaprForks(self.store), lanes, self._now),
            memory=self.memory,
            metrics=Metrics(),
            users=self.memory,
            erasure=Erasure(erasable, self.engine, self.live.close, lambda user_id: None),
            publisher=self.replies,
            flights=SampleFlights(),
            sidecar=self.link,
            worker=self.worker,
            reconciler=Reconciler(
                self.memory,
                self.engine,
                lanes.keeper,
                waits,
                claims,
                NoIndex(),
                QuietLink(),
                lambda trouble: None,
                one_by_one,
            ),
            readiness=Readiness(self.store.written, self.store.read, self._warnings, every=0),
            jobs=jobs_over(self.store, Engine(), self._now),
            watch=EngineWatch(self.link, self.engine.status, self.store.read, lambda: True),
            close=self._close,
        )
        self.app: FastAPI = create_app(settings, services)
        self.app.state.services = services
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False), base_url="http://localhost"
        )

    async def start(self, task: str, key: str | None = None, **ids: str) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key is not None else {}
        return await self.http.post("/start-workflow", json={"task": task, **ids}, headers=headers)

    async def run_turns(self) -> None:
        """Let every started turn be answered."""
        for turn_id, instance in self.engine.instances.items():
            while instance.state == "running" and instance.waiting[0] == "activity":
                call = CallModelInput.model_validate(instance.waiting[1])
                result = await self.activities.call_model(turn_id, call)
                instance.resume(result.model_dump(mode="json", exclude_defaults=True))

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(path, params=query or None)

    def _now(self) -> datetime:
        return datetime.now(UTC)

    async def _warnings(self) -> list[str]:
        return self.warnings

    async def _close(self) -> None:
        return


async def _no_tools(turn_id: str, request: CallToolInput, known: UserContext | None) -> ToolContext:
    raise AssertionError("no tool is offered")


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A service to which nobody has talked yet."""
    service = Service()
    yield service
    await service.http.aclose()


def _problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:travelbuddy:problem:{kind}"
    return body


async def test_the_document_of_the_interface_is_whole(service: Service) -> None:
    """The OpenAPI document builds, holds every promised route with a description, and none of the broker's."""
    document = (await service.get("/openapi.json")).json()
    routes = {(method, path): route for path, methods in document["paths"].items() for method, route in methods.items()}
    assert routes.keys() >= ROUTES
    assert not any("message" in path or "dead" in path for _, path in routes)
    assert all(route.get("description") for route in routes.values())


async def test_a_started_turn_can_be_followed(service: Service) -> None:
    """202 with the ids and an address that answers at once."""
    response = await service.start("Paris to Nice")
    started = response.json()
    assert response.status_code == 202
    assert started["session_id"] == "default"
    assert response.headers["location"] == started["status_url"]
    view = (await service.get(urlsplit(started["status_url"]).path)).json()
    assert view["workflow_instance_id"] == started["workflow_instance_id"]
    assert (view["status"], view["queue_position"], view["response"]) == ("running", 0, None)


async def test_turns_of_a_session_queue_up(service: Service) -> None:
    """The second message waits behind the first and says so."""
    await service.start("one")
    second = (await service.start("two")).json()["workflow_instance_id"]
    view = (await service.get(f"/workflows/{second}")).json()
    assert (view["status"], view["queue_position"]) == ("queued", 1)


async def test_an_answered_turn_shows_its_reply(service: Service) -> None:
    """The view holds the reply and the timeline, and the history the turn as it was said."""
    turn_id = (await service.start("hello")).json()["workflow_instance_id"]
    await service.run_turns()
    view = (await service.get(f"/workflows/{turn_id}")).json()
    assert (view["status"], view["progress"], view["response"]) == ("answered", "done", "reply 1")
    assert [step["name"] for step in view["timeline"]] == ["call_model"]
    history = (await service.get("/sessions/default/history")).json()
    assert (history["session_id"], history["next"]) == ("default", None)
    (turn,) = history["turns"]
    assert (turn["workflow_instance_id"], turn["outcome"]) == (turn_id, "answered")
    assert [(message["role"], message["content"]) for message in turn["messages"]] == [
        ("user", "hello"),
        ("assistant", "reply 1"),
    ]
    assert not any("tool_calls" in message or "tool_call_id" in message for message in turn["messages"])


async def test_a_turn_outlives_the_engine_s_memory(service: Service) -> None:
    """The view still answers after the engine has purged the instance."""
    turn_id = (await service.start("hello")).json()["workflow_instance_id"]
    await service.run_turns()
    before = (await service.get(f"/workflows/{turn_id}")).json()
    service.engine.instances.clear()
    assert (await service.get(f"/workflows/{turn_id}")).json() == before


async def test_the_same_key_is_the_same_turn(service: Service) -> None:
    """A repetition, before or after the answer, gets the first id and adds nothing to the history."""
    first = (await service.start("hello", key="k")).json()
    assert (await service.start("hello", key="k")).json() == first
    await service.run_turns()
    assert (await service.start("hello", key="k")).json() == first
    assert len((await service.get("/sessions/default/history")).json()["turns"]) == 1


@pytest.mark.parametrize("answered", [True, False])
async def test_a_key_is_not_for_two_messages(service: Service, answered: bool) -> None:
    """Another message, or another session, under a used key is refused instead of swallowed."""
    await service.start("hello", key="k", user_id="ada", session_id="one")
    if answered:
        await service.run_turns()
    _problem(await service.start("bye", key="k", user_id="ada", session_id="one"), 409, "idempotency-key-reused")
    _problem(await service.start("hello", key="k", user_id="ada", session_id="two"), 409, "idempotency-key-reused")


async def test_users_share_no_key(service: Service) -> None:
    """The same key of two users is two turns."""
    one = await service.start("hello", key="k", user_id="ada")
    two = await service.start("hello", key="k", user_id="bob")
    assert one.json()["workflow_instance_id"] != two.json()["workflow_instance_id"]


async def test_a_session_has_one_owner(service: Service) -> None:
    """Another user can neither talk into a session nor read it, nor see its turns."""
    turn_id = (await service.start("hello", user_id="ada", session_id="s")).json()["workflow_instance_id"]
    _problem(await service.start("hello", user_id="bob", session_id="s"), 404, "session-not-yours")
    for answered in (False, True):
        if answered:
            await service.run_turns()
        _problem(await service.get(f"/workflows/{turn_id}", user_id="bob"), 404, "not-found")
        _problem(await service.get("/sessions/s/history", user_id="bob"), 404, "not-found")
        assert (await service.get(f"/workflows/{turn_id}", user_id="ada")).status_code == 200
        assert (await service.get("/sessions/s/history", user_id="ada")).status_code == 200


async def test_a_long_history_is_read_page_by_page(service: Service) -> None:
    """Following ``next`` gives every turn once, oldest first within a page, also those that left the window."""
    started = []
    for number in range(23):
        started.append((await service.start(f"m{number}")).json()["workflow_instance_id"])
        await service.run_turns()
    seen: list[str] = []
    before: Mapping[str, str] = {}
    while True:
        page = (await service.get("/sessions/default/history", limit=7, **before)).json()
        seen = [turn["workflow_instance_id"] for turn in page["turns"]] + seen
        assert len(page["turns"]) <= 7
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert seen == started


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/workflows/unknown", 404),
        ("/workflows/bad%20id", 422),
        ("/workflows/" + "x" * 129, 422),
        ("/sessions/unknown/history", 404),
        ("/sessions/default/history?before=unknown", 404),
        ("/sessions/default/history?limit=0", 422),
        ("/sessions/default/history?limit=101", 422),
        ("/sessions/default/history?limit=x", 422),
        ("/sessions/default/history?user_id=", 422),
        ("/sessions/%00/history", 422),
    ],
)
async def test_what_does_not_exist_is_said_so(service: Service, path: str, status: int) -> None:
    """Unknown ids are 404 and impossible ones 422, as problem documents."""
    await service.start("hello")
    response = await service.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_impossible_key_is_refused(service: Service, key: str) -> None:
    """An empty or endless idempotency key is the client's mistake, and starts nothing."""
    assert (await service.start("hello", key=key)).status_code == 422
    assert not service.engine.instances


async def test_a_store_that_is_away_accepts_nothing(service: Service) -> None:
    """503 with the time to come back, and no turn was started."""
    service.store.down = True
    response = await service.start("hello")
    _problem(response, 503, "unavailable")
    assert response.headers["retry-after"] == "2"
    assert not service.engine.instances


async def test_a_live_process_is_healthy_whatever_is_down(service: Service) -> None:
    """Liveness depends on nothing else, or a broken store would have every replica restarted."""
    service.store.down, service.link.up, service.worker.up = True, False, False
    assert (await service.get("/health")).json()["status"] == "healthy"


@pytest.mark.parametrize(
    ("link", "worker", "store", "down"),
    [
        (False, True, True, "sidecar"),
        (True, False, True, "workflow worker"),
        (True, True, False, "state store"),
        (True, False, False, "workflow worker, state store"),
    ],
)
async def test_readiness_names_what_is_down(service: Service, link: bool, worker: bool, store: bool, down: str) -> None:
    """503 that says which part is missing; ready again as soon as all are back."""
    service.link.up, service.worker.up, service.store.down = link, worker, not store
    assert _problem(await service.get("/ready"), 503, "not-ready")["detail"] == f"down: {down}"
    service.link.up, service.worker.up, service.store.down = True, True, False
    assert (await service.get("/ready")).json() == {"status": "ready", "warnings": []}


async def test_a_store_that_is_full_is_named_and_still_read(service: Service) -> None:
    """Readiness writes: a store that can only be read is no place for a message, and says why in words of ours."""
    service.store.full = True
    said = _problem(await service.get("/ready"), 503, "not-ready")["detail"]
    assert said == "down: state store: cannot be written: its memory is full"
    assert (await service.get("/sessions/none/history")).status_code == 404
    service.store.full = False
    service.warnings.append("state store: Redis evicts keys")
    assert (await service.get("/ready")).json() == {"status": "ready", "warnings": service.warnings}


async def test_a_full_service_sends_messages_away_until_a_turn_is_over() -> None:
    """At the limit every HTTP door answers 503 with Retry-After and accepts nothing; a turn's end makes room again."""
    service = Service(max_turns=2)
    for number in range(2):
        assert (await service.start("hello", session_id=f"s{number}")).status_code == 202
    for path, body in (
        ("/start-workflow", {"task": "too much"}),
        ("/chat", {"user_id": "u", "session_id": "s", "message": "too much"}),
        ("/chat/stream", {"user_id": "u", "session_id": "s", "message": "too much"}),
    ):
        refused = await service.http.post(path, json=body)
        _problem(refused, 503, "overloaded")
        assert int(refused.headers["Retry-After"]) >= 1
    assert len(service.engine.instances) == 2
    await service.run_turns()
    assert service.admission.in_progress == 0
    assert (await service.start("now", session_id="s2")).status_code == 202
    await service.http.aclose()


async def test_a_repeated_message_takes_no_place_of_its_own() -> None:
    """The same key again is the same turn, and counts once; a refused message gives its place back."""
    service = Service(max_turns=5)
    for _ in range(3):
        assert (await service.start("hello", key="k", session_id="s")).status_code == 202
    assert service.admission.in_progress == 1
    assert (await service.start("another", key="k", session_id="s")).status_code == 409
    assert service.admission.in_progress == 1
    await service.http.aclose()


async def test_a_replica_that_leaves_is_not_ready_and_still_accepts(service: Service) -> None:
    """It says that it is draining; who did not hear of it is served as ever, because accepting waits for nothing."""
    service.app.state.services.drain.begin(5)
    assert "draining" in _problem(await service.get("/ready"), 503, "not-ready")["detail"]
    turn_id = (await service.start("hello")).json()["workflow_instance_id"]
    assert (await service.get(f"/workflows/{turn_id}")).json()["status"] == "running"
