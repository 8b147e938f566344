"""The part of the composition root for work that lasts beyond a turn: its desks, its workflows, its activities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from travelbuddy.adapters.dapr_errands import DaprErrands
from travelbuddy.adapters.dapr_records import DaprRecords
from travelbuddy.adapters.webhooks import Webhooks
from travelbuddy.adapters.work_ports import Claims, JobIndex, Work
from travelbuddy.bookings import Bookings, booking_jobs
from travelbuddy.domain.booking import Booking
from travelbuddy.domain.errands import ErrandKind
from travelbuddy.domain.signing import secret_bytes
from travelbuddy.domain.watch import Watch
from travelbuddy.flights.provider import FlightProvider, HoldsFlights
from travelbuddy.following import Following
from travelbuddy.jobs import JobKind, Jobs
from travelbuddy.queue_waits import QueueWaits
from travelbuddy.settings import Settings
from travelbuddy.telemetry.turn_metrics import TurnMetrics
from travelbuddy.tools.desks import Desks
from travelbuddy.turns import Turns
from travelbuddy.watches import Watches, WatchRules, watch_jobs
from travelbuddy.workflow.activities import TurnActivities
from travelbuddy.workflow.booking import booking
from travelbuddy.workflow.booking_payloads import BOOKING
from travelbuddy.workflow.contracts import TURN_WORKFLOW
from travelbuddy.workflow.executing import Execute, turn_steps, waits
from travelbuddy.workflow.fare_watch import fare_watch
from travelbuddy.workflow.probe import PROBE, nothing, probe
from travelbuddy.workflow.runtime import Workflow, WorkflowWorker
from travelbuddy.workflow.team import team_task
from travelbuddy.workflow.team_activities import TeamActivities
from travelbuddy.workflow.team_payloads import TEAM_WORKFLOW
from travelbuddy.workflow.turn import turn
from travelbuddy.workflow.watch_payloads import FARE_WATCH

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class WorkParts:
    """What the worker carries out besides turns, by name."""

    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    activities: Mapping[str, Execute] = field(default_factory=dict)


def jobs_of(
    engine: Work, index: JobIndex, records: DaprRecords, flights: FlightProvider, claims: Claims, clock: Clock
) -> Jobs:
    """Who starts what is due of such work."""
    kinds: dict[ErrandKind, JobKind] = {"fare_watch": watch_jobs(DaprErrands(records, Watch), clock)}
    if isinstance(flights, HoldsFlights):
        kinds["booking"] = booking_jobs(DaprErrands(records, Booking), clock)
    return Jobs(index, engine, kinds, claims, clock)


def desks_of(settings: Settings, jobs: Jobs, records: DaprRecords, flights: FlightProvider, clock: Clock) -> Desks:
    """Where tools and routes hand in such work."""
    return Desks(
        bookings=_bookings(settings, jobs, records, flights, clock),
        watches=_watches(settings, jobs, records, flights, clock),
    )


def work_of(desks: Desks, turns: Turns, following: Following) -> WorkParts:
    """What becomes of it. ``turns`` accepts the notices that tell its outcome, and the tasks of other agents."""
    parts = WorkParts({TEAM_WORKFLOW: team_task}, TeamActivities(turns.accept, following).by_name())
    if isinstance(desks.bookings, Bookings):
        steps = desks.bookings.activities(turns.accept).by_name()
        parts = WorkParts({**parts.workflows, BOOKING: booking}, {**parts.activities, **steps})
    if isinstance(desks.watches, Watches):
        looks = desks.watches.activities(turns.accept).by_name()
        parts = WorkParts({**parts.workflows, FARE_WATCH: fare_watch}, {**parts.activities, **looks})
    return parts


def _bookings(
    settings: Settings, jobs: Jobs, records: DaprRecords, flights: FlightProvider, clock: Clock
) -> Bookings | None:
    if not isinstance(flights, HoldsFlights):
        return None
    open_for = timedelta(hours=settings.approval_hours)
    return Bookings(DaprErrands(records, Booking), jobs, flights, clock, open_for)


def _watches(settings: Settings, jobs: Jobs, records: DaprRecords, flights: FlightProvider, clock: Clock) -> Watches:
    secret = settings.webhook_secret
    key = secret_bytes(secret.get_secret_value()) if secret is not None else None
    webhooks = Webhooks(key, allow_private=settings.webhook_allow_private)
    rules = WatchRules(settings.watch_every, settings.watch_every_min, settings.today)
    return Watches(DaprErrands(records, Watch), jobs, flights, webhooks, clock, rules)


def worker_of(
    settings: Settings, steps: TurnActivities, metrics: TurnMetrics, queue: QueueWaits, work: WorkParts
) -> WorkflowWorker:
    """The worker for turns and for such work."""
    waiting = waits(queue)
    return WorkflowWorker(
        {TURN_WORKFLOW: turn, PROBE: probe, **work.workflows},
        {**turn_steps(steps, metrics), **waiting, PROBE: nothing, **work.activities},
        settings.dapr_host,
        settings.dapr_grpc_port,
        settings.payload_sealer,
        waits=waiting,
    )
