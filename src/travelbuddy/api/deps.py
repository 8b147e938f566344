"""What routes may ask for, as annotated aliases: a route's signature reads as its needs.

All of them are coroutines: FastAPI sends each plain function through its thread pool, a millisecond apiece under load.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from travelbuddy.access.callers import Caller
from travelbuddy.adapters.ports import Publisher, SessionRecords, UserRecords
from travelbuddy.bootstrap import Services
from travelbuddy.erasure import Erasure
from travelbuddy.following import Following
from travelbuddy.incoming import Incoming
from travelbuddy.lanes import Lanes
from travelbuddy.listing import SessionList
from travelbuddy.telemetry.metrics import Metrics
from travelbuddy.turns import Accepted, Turns


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]


async def _turns(services: ServicesDep) -> Turns:
    return services.turns


async def _following(services: ServicesDep) -> Following:
    return services.following


async def _lanes(services: ServicesDep) -> Lanes:
    return services.lanes


async def _records(services: ServicesDep) -> SessionRecords:
    return services.records


async def _publisher(services: ServicesDep) -> Publisher:
    return services.publisher


async def _metrics(services: ServicesDep) -> Metrics:
    return services.metrics


MetricsDep = Annotated[Metrics, Depends(_metrics)]
FollowingDep = Annotated[Following, Depends(_following)]


async def _users(services: ServicesDep) -> UserRecords:
    return services.users


async def _erasure(services: ServicesDep) -> Erasure:
    return services.erasure


async def _sessions(services: ServicesDep) -> SessionList:
    return services.sessions


SessionListDep = Annotated[SessionList, Depends(_sessions)]
UsersDep = Annotated[UserRecords, Depends(_users)]
ErasureDep = Annotated[Erasure, Depends(_erasure)]
TurnsDep = Annotated[Turns, Depends(_turns)]
LanesDep = Annotated[Lanes, Depends(_lanes)]
RecordsDep = Annotated[SessionRecords, Depends(_records)]
PublisherDep = Annotated[Publisher, Depends(_publisher)]


async def let_in(services: Services, caller: Caller, message: Incoming) -> Accepted:
    """Accept a message while there is room; raises Overloaded when there is none."""
    caller.enters(message.session_id)
    async with services.admission.entering() as accepted_as:
        accepted = await services.turns.accept(replace(message, accepted_by=services.settings.replica))
        if not accepted.repeated:
            accepted_as(accepted.turn_id)
        return accepted
