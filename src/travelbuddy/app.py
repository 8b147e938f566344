"""The FastAPI application, and how it is served."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from typing import Any

import structlog
from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPBearer

from travelbuddy import __version__
from travelbuddy.api.access import sidecar_only, user_only
from travelbuddy.api.browsers import LOOPBACK_NAMES, BrowserGuard
from travelbuddy.api.document import ANYWHERE, complete_document, problems
from travelbuddy.api.limits import BodyLimit
from travelbuddy.api.problems import install_problem_handlers
from travelbuddy.api.routes import (
    approvals,
    chat,
    flights,
    forks,
    health,
    mcp,
    sessions,
    users,
    watches,
    web,
    workflows,
)
from travelbuddy.api.whole import WholeAnswers
from travelbuddy.bootstrap import OFFLINE_KEY, OFFLINE_PREFIX, Services, build_services
from travelbuddy.flights.airports import warm
from travelbuddy.messaging import inbox
from travelbuddy.settings import Settings, listed
from travelbuddy.telemetry.audit import AuditDoor
from travelbuddy.telemetry.doors import TraceDoor
from travelbuddy.telemetry.http_metrics import HttpMeter
from travelbuddy.telemetry.tracing import stop_tracing

log = structlog.get_logger(__name__)


def create_app(settings: Settings, services: Services | None = None) -> FastAPI:
    """The service. ``services`` replaces what ``bootstrap`` would build, for tests.

    The connection to the sidecar is followed in the background, because the sidecar in turn waits for this app.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        built = services or build_services(settings)
        app.state.services = built
        link = asyncio.create_task(built.sidecar.run(built.serve))
        built.drain.works(link)
        link.add_done_callback(_report_crash)
        warming = asyncio.create_task(_warm_up())
        try:
            yield
        finally:
            await built.drain.hand_over()
            await asyncio.gather(warming, return_exceptions=True)
            await built.close()
            await asyncio.to_thread(stop_tracing)

    app = FastAPI(
        title="TravelBuddy",
        version=__version__,
        summary="A travel agent that never loses a message.",
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    complete_document(app, settings)
    install_problem_handlers(app)
    _add_middleware(app, settings)
    _add_routes(app, settings)
    return app


def _add_routes(app: FastAPI, settings: Settings) -> None:
    """Every route comes in here, with the check in front of it."""
    checked: list[Any] = [Depends(user_only)]
    refusals = problems(*ANYWHERE)
    if settings.auth != "none":
        checked.append(Depends(HTTPBearer(auto_error=False)))  # tells the document that there is one
        refusals |= problems(401)
    for routes in (chat, workflows, sessions, users, flights, approvals, watches, forks, mcp):
        app.include_router(routes.router, dependencies=checked, responses=refusals)
    app.include_router(inbox.router, dependencies=[Depends(sidecar_only)])
    app.include_router(health.router)
    app.include_router(web.router)
    if settings.offline:
        from travelbuddy.offline.server import create_offline_app

        app.mount(OFFLINE_PREFIX, create_offline_app(OFFLINE_KEY))


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """The last one added sees a request first."""
    app.add_middleware(BodyLimit)
    app.add_middleware(AuditDoor)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=listed(settings.cors_origins),
            allow_methods=["GET", "POST", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization",
                "X-API-Key",
                "Content-Type",
                "Idempotency-Key",
                "Last-Event-ID",
                "MCP-Protocol-Version",
            ],
            expose_headers=["Location", "Retry-After", "traceresponse"],
        )
    own = LOOPBACK_NAMES if settings.auth == "none" and settings.on_loopback else ()
    app.add_middleware(BrowserGuard, names=(*own, *listed(settings.allowed_hosts)))
    app.add_middleware(HttpMeter)
    app.add_middleware(TraceDoor)
    app.add_middleware(WholeAnswers)


def serve(settings: Settings) -> None:
    """Run the app until SIGTERM or SIGINT, and drain it."""
    from travelbuddy.serving import run

    run(create_app(settings), settings)


async def _warm_up() -> None:
    """Load the airports while the sidecar is being reached; a search that comes first waits for them."""
    await asyncio.to_thread(warm)
    gc.collect()
    gc.freeze()  # what is here now stays: the collector need not walk through it again


def _report_crash(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("sidecar.watch_crashed", exc_info=error)
