"""The checks in front of routes, and the ids that a route may believe."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from fastapi.exceptions import RequestValidationError

from travelbuddy.access.callers import Caller
from travelbuddy.api.deps import ServicesDep
from travelbuddy.api.schemas import Identifier
from travelbuddy.telemetry import audit


async def user_only(request: Request, services: ServicesDep) -> Caller:
    """A user's credential where AUTH wants one; the things of that user only."""
    caller = await services.gate.caller(_address(request), _credential(request))
    if caller.user_id is not None:
        audit.identify(caller.user_id)
    return caller


async def visitor(request: Request, services: ServicesDep) -> Caller | None:
    """Whose credential it is where one is shown; None for somebody who shows none and would have to."""
    credential = _credential(request)
    if credential is None and services.settings.auth != "none":
        await services.gate.visit(_address(request))
        return None
    return await user_only(request, services)


async def sidecar_only(
    services: ServicesDep, dapr_api_token: Annotated[str | None, Header(include_in_schema=False)] = None
) -> None:
    """The sidecar's APP_API_TOKEN, where there is one."""
    services.gate.check_sidecar(dapr_api_token)


CallerDep = Annotated[Caller, Depends(user_only)]


async def _owner(
    caller: CallerDep,
    user_id: Annotated[Identifier | None, Query(description="answer only for what is this user's")] = None,
) -> str | None:
    return caller.sees(user_id)


async def _user_in_path(caller: CallerDep, user_id: Annotated[Identifier, Path()]) -> str:
    return caller.sees(user_id) or user_id


OwnerDep = Annotated[str | None, Depends(_owner)]
"""Whose things are meant; None means whoever's they are."""
UserDep = Annotated[str, Depends(_user_in_path)]
"""The user that the address names."""


def acting_user(caller: Caller, claimed: str | None) -> str:
    """Whose message this is. A request that must say so and does not is told that the field is required."""
    user_id = caller.acts_as(claimed)
    if user_id is None:
        missing = {"type": "missing", "loc": ("body", "user_id"), "msg": "Field required", "input": None}
        raise RequestValidationError([missing])
    return user_id


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"


def _credential(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return request.headers.get("x-api-key")
