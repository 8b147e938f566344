"""The composition root: settings in, services out. The only file that names concrete adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import openai
from pydantic import JsonValue

from travelbuddy.adapters.caching import CachedUsers
from travelbuddy.adapters.dapr_erasure import DaprErasableRecords
from travelbuddy.adapters.dapr_publisher import DaprPublisher
from travelbuddy.adapters.dapr_records import DaprRecords
from travelbuddy.adapters.dapr_replicas import DaprReplicaLink
from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.adapters.dapr_turns import DaprTurnEngine
from travelbuddy.adapters.openai_chat import OpenAIChat
from travelbuddy.adapters.ports import Publisher, SessionRecords, StateStorage, UserRecords
from travelbuddy.domain.turn import Limits
from travelbuddy.erasure import Erasure
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.following import Following
from travelbuddy.lanes import Lanes
from travelbuddy.live import LiveTurns, merged
from travelbuddy.preferences import today_for
from travelbuddy.settings import Settings
from travelbuddy.tools import default_toolbox
from travelbuddy.tools.base import Toolbox, ToolContext
from travelbuddy.turns import TurnPolicy, Turns
from travelbuddy.workflow.activities import ToolContextFactory, TurnActivities
from travelbuddy.workflow.contracts import CallToolInput
from travelbuddy.workflow.runtime import WorkflowWorker

OFFLINE_MODEL = "offline-travel-1"
OFFLINE_PREFIX = "/offline-model"


@dataclass(frozen=True)
class Services:
    """Everything the doors need, made once and passed on."""

    settings: Settings
    turns: Turns
    following: Following
    link: DaprReplicaLink
    lanes: Lanes
    records: SessionRecords
    memory: StateStorage
    users: UserRecords
    erasure: Erasure
    publisher: Publisher
    sidecar: Sidecar
    worker: WorkflowWorker
    close: Callable[[], Awaitable[None]]

    async def serve(self) -> None:
        """Take work and hear the other replicas, for one life of the sidecar."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.worker.run())
            tasks.create_task(self.link.run())


def build_services(settings: Settings) -> Services:
    """Wire the service. Nothing connects until ``Sidecar.run`` is awaited."""
    clock = _utc_now
    sidecar = Sidecar(settings.dapr_host, settings.dapr_grpc_port, settings.dapr_http_port)
    state = DaprRecords(sidecar)
    memory = DaprStateStorage(state, clock)
    engine = DaprTurnEngine(sidecar)
    link = DaprReplicaLink(sidecar, settings.replica, merged)
    live = LiveTurns(link)
    erasable = DaprErasableRecords(state, clock)
    lanes = Lanes(memory, engine, clock, live.done, erasable)
    users = _cached(memory, link)
    http, toolbox = _model_http(settings), default_toolbox()
    activities = TurnActivities(
        lanes=lanes,
        model=OpenAIChat(_model_client(settings, http), settings.model_timeout),
        users=users,
        toolbox=toolbox,
        publisher=(publisher := DaprPublisher(sidecar)),
        feed=live,
        tool_context=_tool_context_factory(settings, users),
        clock=clock,
        today=lambda context: today_for(context, clock, settings.today),
    )
    turns = Turns(memory, engine, lanes, _policy(settings, toolbox), clock)
    return Services(
        settings=settings,
        turns=turns,
        following=Following(live, turns),
        link=link,
        lanes=lanes,
        records=memory,
        memory=memory,
        users=users,
        erasure=Erasure(erasable, engine, live.close, users.forgotten),
        publisher=publisher,
        sidecar=sidecar,
        worker=WorkflowWorker(activities, settings.dapr_host, settings.dapr_grpc_port),
        close=http.aclose,
    )


def _cached(memory: UserRecords, link: DaprReplicaLink) -> CachedUsers:
    """The users' records, cached; a change is told to the other replicas."""
    users = CachedUsers(memory, lambda user_id: link.broadcast({"kind": "user", "user": user_id}))
    link.on("user", lambda notice: users.forget(str(notice["user"])))
    return users


def _policy(settings: Settings, toolbox: Toolbox) -> TurnPolicy:
    return TurnPolicy(
        model=OFFLINE_MODEL if settings.offline else settings.openai_model,
        tools=toolbox.names,
        limits=Limits(max_steps=settings.max_steps, model_attempts=settings.model_attempts),
    )


def _model_http(settings: Settings) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
    return httpx.AsyncClient(timeout=settings.model_timeout, limits=limits)


def _model_client(settings: Settings, http: httpx.AsyncClient) -> openai.AsyncOpenAI:
    offline_url = f"http://127.0.0.1:{settings.app_port}{OFFLINE_PREFIX}/v1"
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=offline_url if settings.offline else settings.openai_base_url,
        max_retries=0,
        timeout=settings.model_timeout,
        http_client=http,
    )


def _tool_context_factory(settings: Settings, users: UserRecords) -> ToolContextFactory:
    flights = SampleFlights()

    async def make(turn_id: str, request: CallToolInput) -> ToolContext:
        async def known() -> Mapping[str, JsonValue]:
            user = await users.user(request.user_id, request.user_version)
            return user.context if user is not None else {}

        async def preferences() -> Mapping[str, str]:
            return {key: str(value) for key, value in (await known()).items()}

        async def remember(changes: Mapping[str, JsonValue]) -> None:
            await users.merge_user(request.user_id, changes)

        return ToolContext(
            user_id=request.user_id,
            session_id=request.session_id,
            workflow_instance_id=turn_id,
            call_id=request.call.id,
            today=today_for(await known(), _utc_now, settings.today),
            default_origin=settings.default_origin,
            flights=flights,
            preferences=preferences,
            remember=remember,
        )

    return make


def _utc_now() -> datetime:
    return datetime.now(UTC)
