"""The chat page, and who it speaks to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from travelbuddy import __version__
from travelbuddy.access.callers import Caller
from travelbuddy.api.access import visitor
from travelbuddy.api.deps import ServicesDep
from travelbuddy.api.document import problems
from travelbuddy.api.static import page_file
from travelbuddy.bootstrap_policy import model_of
from travelbuddy.settings import Auth

router = APIRouter(tags=["web"])


class About(BaseModel):
    """What a client must know before it can talk."""

    name: str
    version: str
    auth: Auth
    user_id: str | None = Field(description="whose the credential is; with AUTH=none `default`; null without one")
    model: str
    offline: bool = Field(description="true: the built-in model answers")
    flights: str = Field(description="where offers are from; those of `sample` and `duffel-test` cannot be bought")
    holds: bool = Field(description="true: offers can be held, once their traveller approves")
    watches: bool = Field(description="true: fares can be watched")


@router.get("/about", responses=problems(401, 421, 422, 429, 503))
async def get_about(visitor: Annotated[Caller | None, Depends(visitor)], services: ServicesDep) -> About:
    """What this service is, and as whom the caller speaks to it."""
    settings = services.settings
    nobody = "default" if settings.auth == "none" else None
    return About(
        name="TravelBuddy",
        version=__version__,
        auth=settings.auth,
        user_id=(visitor.user_id if visitor is not None else None) or nobody,
        model=model_of(settings),
        offline=settings.offline,
        flights=services.flights.name,
        holds=services.desks.bookings is not None,
        watches=services.desks.watches is not None,
    )


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def get_page(request: Request) -> Response:
    """The chat page."""
    return _file("index.html", request)


@router.api_route("/web/{file:path}", methods=["GET", "HEAD"], include_in_schema=False)
async def get_page_file(file: str, request: Request) -> Response:
    """One of its files."""
    return _file(file, request)


def _file(name: str, request: Request) -> Response:
    found = page_file(name, request.headers)
    if found is None:
        raise HTTPException(404, "There is no such file.")
    return found
