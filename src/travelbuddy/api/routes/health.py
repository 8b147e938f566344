"""Liveness and readiness."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from travelbuddy.api.deps import ServicesDep
from travelbuddy.api.document import problems
from travelbuddy.api.problems import problem

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process is alive."""

    status: str
    timestamp: datetime


@router.get("/health", responses=problems(421))
async def get_health() -> Health:
    """Whether the process is alive; says nothing about what it depends on."""
    return Health(status="healthy", timestamp=datetime.now(UTC))


@router.get("/metrics", response_class=PlainTextResponse, responses=problems(421))
async def get_metrics(services: ServicesDep) -> Response:
    """What Prometheus reads; docs/metrics.md lists it."""
    return Response(services.metrics.page(), media_type=CONTENT_TYPE_LATEST)


class Ready(BaseModel):
    """A message may be sent here. ``warnings`` are for the operator: what works now and may not for long."""

    status: str
    warnings: list[str]


@router.get("/ready", response_model=Ready, responses=problems(421, 503))
async def get_ready(services: ServicesDep) -> Ready | JSONResponse:
    """Whether a message should be sent here now; if not, what is down, or that the replica is leaving.

    The state store is asked by a write, at most once a second however many ask.
    """
    if services.drain.begun:
        return problem(503, "not-ready", "draining: this replica is leaving", headers={"Retry-After": "1"})
    down = await _down(services)
    if down:
        return problem(503, "not-ready", f"down: {', '.join(down)}", headers={"Retry-After": "1"})
    return Ready(status="ready", warnings=await services.readiness.warnings())


async def _down(services: ServicesDep) -> list[str]:
    if not services.sidecar.connected:
        return ["sidecar"]
    lacking = await services.readiness.lacking()
    down = [lacking] if lacking is not None else []
    return down if services.worker.running else ["workflow worker", *down]
