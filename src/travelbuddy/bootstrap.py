"""The composition root: settings in, services out. The only file that names concrete adapters."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from travelbuddy.access.build import build_gate
from travelbuddy.access.gate import Gate
from travelbuddy.adapters.caching import CachedUsers
from travelbuddy.adapters.dapr_erasure import DaprErasableRecords
from travelbuddy.adapters.dapr_errands import DaprErrandIndexes
from travelbuddy.adapters.dapr_forks import DaprForks
from travelbuddy.adapters.dapr_jobs import DaprJobIndex
from travelbuddy.adapters.dapr_mcp import DaprMcpServers
from travelbuddy.adapters.dapr_open_sessions import DaprOpenSessions
from travelbuddy.adapters.dapr_publisher import DaprPublisher
from travelbuddy.adapters.dapr_records import DaprRecords
from travelbuddy.adapters.dapr_replicas import DaprReplicaLink
from travelbuddy.adapters.dapr_sidecar import Sidecar
from travelbuddy.adapters.dapr_state import DaprStateStorage
from travelbuddy.adapters.dapr_turns import DaprTurnEngine
from travelbuddy.adapters.dapr_watch import EngineWatch
from travelbuddy.adapters.guarded_model import GuardedModel
from travelbuddy.adapters.metered_model import MeteredModel
from travelbuddy.adapters.openai_chat import OpenAIChat
from travelbuddy.adapters.ports import Publisher, SessionRecords, StateStorage, UserRecords
from travelbuddy.adapters.redis_look import RedisLook
from travelbuddy.adapters.traced_model import TracedModel
from travelbuddy.admission import Admission
from travelbuddy.bootstrap_flights import close_outside, flights_of, guards_of
from travelbuddy.bootstrap_policy import policy_of
from travelbuddy.bootstrap_readiness import look_of, readiness_of
from travelbuddy.bootstrap_work import desks_of, jobs_of, work_of, worker_of
from travelbuddy.doors import OpenDoors
from travelbuddy.draining import Drain
from travelbuddy.erasure import Erasure
from travelbuddy.flights.provider import FlightProvider
from travelbuddy.following import Following
from travelbuddy.forking import Forking
from travelbuddy.jobs import Jobs
from travelbuddy.lanes import Lanes
from travelbuddy.listing import SessionList
from travelbuddy.live import LiveTurns
from travelbuddy.live_notices import merged
from travelbuddy.liveness import Liveness
from travelbuddy.preferences import today_for
from travelbuddy.queue_waits import QueueWaits
from travelbuddy.readiness import Readiness
from travelbuddy.reconcile import Reconciler
from travelbuddy.settings import Settings, listed
from travelbuddy.side_by_side import side_by_side
from travelbuddy.telemetry.metrics import Metrics
from travelbuddy.telemetry.prices import read_prices
from travelbuddy.tool_context import tool_contexts
from travelbuddy.tools import default_toolbox
from travelbuddy.tools.desks import Desks
from travelbuddy.turn_policy import TurnPolicy
from travelbuddy.turns import Turns
from travelbuddy.workflow.activities import TurnActivities
from travelbuddy.workflow.runtime import WorkflowWorker
from travelbuddy.workflow.toolcalls import ToolCalls

OFFLINE_PREFIX = "/offline-model"
OFFLINE_KEY = secrets.token_urlsafe(24)
"""What this process shows its own offline model, which is there for nobody else."""


@dataclass(frozen=True)
class Services:
    """Everything the doors need, made once and passed on."""

    settings: Settings
    gate: Gate
    turns: Turns
    admission: Admission
    following: Following
    link: DaprReplicaLink
    lanes: Lanes
    records: SessionRecords
    sessions: SessionList
    forking: Forking
    memory: StateStorage
    metrics: Metrics
    users: UserRecords
    erasure: Erasure
    publisher: Publisher
    flights: FlightProvider
    sidecar: Sidecar
    worker: WorkflowWorker
    reconciler: Reconciler
    jobs: Jobs
    watch: EngineWatch
    readiness: Readiness
    close: Callable[[], Awaitable[None]]
    drain: Drain = field(default_factory=Drain)
    desks: Desks = field(default_factory=Desks)
    others: DaprMcpServers | None = None
    look: RedisLook | None = None

    def __post_init__(self) -> None:
        """Show among the metrics what the services know of themselves."""
        self.metrics.watch_streams(lambda: self.following.streams)
        self.metrics.watch_parts(sidecar=lambda: self.sidecar.connected, workflow_worker=lambda: self.worker.running)

    async def serve(self) -> None:
        """Take work, hear the other replicas and watch the engine, for one life of the sidecar."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.worker.run())
            tasks.create_task(self.link.run())
            tasks.create_task(self.watch.run())
            tasks.create_task(self.reconciler.run())
            if self.look is not None:
                tasks.create_task(self.look.run())
            tasks.create_task(self.jobs.run())
            if self.others is not None:
                tasks.create_task(self.others.listen())


@dataclass(frozen=True)
class _Outside:
    """The connections to everything outside, none of them made yet."""

    metrics: Metrics
    sidecar: Sidecar
    state: DaprRecords
    memory: DaprStateStorage
    open_sessions: DaprOpenSessions
    engine: DaprTurnEngine
    publisher: DaprPublisher
    link: DaprReplicaLink
    chat: OpenAIChat
    model: GuardedModel


def _outside(settings: Settings) -> _Outside:
    metrics = Metrics(read_prices(settings.model_prices))
    token = settings.dapr_api_token.get_secret_value() if settings.dapr_api_token is not None else None
    sidecar = Sidecar(settings.dapr_host, settings.dapr_grpc_port, settings.dapr_http_port, token)
    state, chat = DaprRecords(sidecar, metrics, sealer=settings.state_sealer), _chat(settings)
    open_sessions = DaprOpenSessions(state, settings.replica, _utc_now)
    model = GuardedModel(MeteredModel(TracedModel(chat, chat.url), metrics.models), metrics.model_answered)
    return _Outside(
        metrics=metrics,
        sidecar=sidecar,
        state=state,
        memory=DaprStateStorage(state, _utc_now, metrics.turns.committed, open_sessions),
        open_sessions=open_sessions,
        engine=DaprTurnEngine(sidecar, settings.payload_sealer, settings.replica),
        publisher=DaprPublisher(sidecar),
        link=DaprReplicaLink(sidecar, settings.replica, merged, settings.payload_sealer),
        chat=chat,
        model=model,
    )


def build_services(settings: Settings) -> Services:
    """Wire the service. Nothing connects until ``Sidecar.run`` is awaited."""
    clock, out, flights, doors, drain = _utc_now, _outside(settings), flights_of(settings), OpenDoors(), Drain()
    out.metrics.watch(out.state.guard, out.model.guard, *guards_of(flights))
    claims, index = Liveness(out.link, lambda: worker.working), DaprJobIndex(out.state, clock)
    jobs = jobs_of(out.engine, index, out.state, flights, claims, clock)
    desks, live, metrics = desks_of(settings, jobs, out.state, flights, clock), LiveTurns(out.link), out.metrics
    others = DaprMcpServers(out.sidecar, listed(settings.mcp_servers))
    toolbox = default_toolbox(flights, desks, others)
    waits, policy = QueueWaits(out.link, clock), policy_of(settings, toolbox)
    metrics.watch_waiting(lambda: waits.turns)
    waits.on_moved(partial(live.queued, follower=None))
    erasable, lanes, users = _memory(out, live, waits, policy)
    tools = ToolCalls(toolbox, tool_contexts(settings, users, flights, clock, desks), live, clock, metrics.turns.tool)
    activities = _activities(settings, out, lanes, users, tools, live, doors)
    taken_over = metrics.turns.taken_over
    reconciler = Reconciler(
        out.memory, out.engine, lanes.keeper, waits, claims, out.open_sessions, out.link, taken_over, side_by_side
    )
    accepted, replica = metrics.turns.accepted, settings.replica
    turns = Turns(out.memory, out.engine, lanes, policy, clock, doors, accepted, reconciler, replica)
    following = Following(live, turns, drain.left)
    worker = worker_of(settings, activities, metrics.turns, waits, work_of(desks, turns, following))
    worker.on_broken(_broken(reconciler, jobs))
    live.on_over(reconciler.over)
    look = look_of(settings)
    return Services(
        settings=settings,
        gate=build_gate(settings),
        turns=turns,
        admission=_admission(settings, live, metrics),
        following=following,
        link=out.link,
        lanes=lanes,
        records=out.memory,
        sessions=SessionList(out.memory, out.memory, clock),
        forking=Forking(out.memory, DaprForks(out.state), lanes, clock),
        memory=out.memory,
        metrics=metrics,
        users=users,
        erasure=Erasure(erasable, out.engine, live.close, users.forgotten, DaprErrandIndexes(out.state, index)),
        publisher=out.publisher,
        flights=flights,
        desks=desks,
        sidecar=out.sidecar,
        worker=worker,
        reconciler=reconciler,
        jobs=jobs,
        watch=EngineWatch(out.sidecar, out.engine.knock, partial(out.state.read, "watch"), lambda: worker.running),
        readiness=readiness_of(settings, out.state, look),
        look=look,
        close=partial(close_outside, out.chat, flights),
        drain=drain,
        others=others,
    )


def _activities(
    settings: Settings,
    out: _Outside,
    lanes: Lanes,
    users: UserRecords,
    tools: ToolCalls,
    live: LiveTurns,
    doors: OpenDoors,
) -> TurnActivities:
    activities = TurnActivities(
        lanes=lanes,
        model=out.model,
        users=users,
        tools=tools,
        publisher=out.publisher,
        feed=live,
        clock=_utc_now,
        today=lambda context: today_for(context, _utc_now, settings.today),
        doors=doors,
        tallies=out.memory.tallies_of,
        metrics=out.metrics.turns,
        assume_missing=settings.assume_missing,
    )
    live.on_closed(activities.closed)
    return activities


def _memory(
    out: _Outside, live: LiveTurns, waits: QueueWaits, policy: TurnPolicy
) -> tuple[DaprErasableRecords, Lanes, CachedUsers]:
    """The store as the turns see it: what can be erased, who is next, the users."""
    erasable = DaprErasableRecords(out.state, _utc_now, out.open_sessions)
    lanes = Lanes(out.memory, out.engine, _utc_now, waits, policy, side_by_side, live.done, erasable)
    return erasable, lanes, _cached(out.memory, out.link, out.metrics)


def _cached(memory: UserRecords, link: DaprReplicaLink, metrics: Metrics) -> CachedUsers:
    """The users' records, cached; a change is told to the other replicas."""
    users = CachedUsers(memory, lambda user_id: link.broadcast({"kind": "user", "user": user_id}), metrics.cache_asked)
    link.on("user", lambda notice: users.forget(str(notice["user"])))
    return users


def _broken(reconciler: Reconciler, jobs: Jobs) -> Callable[[str, str, Any, bool], None]:
    """Who is told of a workflow that failed or was ended: each knows its own."""

    def broken(workflow: str, instance_id: str, payload: Any, terminated: bool) -> None:
        reconciler.broken(workflow, instance_id, payload, terminated)
        if not terminated:
            jobs.failed(workflow, instance_id)

    return broken


def _admission(settings: Settings, live: LiveTurns, metrics: Metrics) -> Admission:
    admission = Admission(settings.max_turns)
    live.on_over(admission.over)
    live.on_away(admission.away)
    metrics.watch_doors(admission)
    return admission


def _chat(settings: Settings) -> OpenAIChat:
    offline_url = f"http://127.0.0.1:{settings.app_port}{OFFLINE_PREFIX}/v1"
    if settings.offline:
        return OpenAIChat(offline_url, OFFLINE_KEY, settings.model_timeout)
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none"
    return OpenAIChat(settings.openai_base_url, key, settings.model_timeout)


def _utc_now() -> datetime:
    return datetime.now(UTC)
