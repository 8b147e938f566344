"""Fare watches: begin one, see them, cancel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from travelbuddy.api.access import CallerDep, OwnerDep
from travelbuddy.api.deps import ServicesDep
from travelbuddy.api.document import BODY, problems
from travelbuddy.api.schemas import Identifier, InstanceId, default_session
from travelbuddy.domain.travel import Cabin, FlightQuery, PlaceCode
from travelbuddy.domain.watch import Watch, WatchStatus
from travelbuddy.errors import NotOffered, ToolError, TooManyWatches
from travelbuddy.flights.airports import find_place
from travelbuddy.lanes import owned
from travelbuddy.listing import NOBODYS
from travelbuddy.preferences import today_for
from travelbuddy.tools.reading import check_season
from travelbuddy.watches import Watches, Wish

router = APIRouter(tags=["watches"])
WatchId = Annotated[InstanceId, Path()]


def _above_zero(price: str) -> str:
    if not Decimal(price):
        raise ValueError("must be above 0")
    return price


Price = Annotated[
    str, StringConstraints(max_length=12, pattern=r"^[0-9]+(\.[0-9]{1,3})?$"), AfterValidator(_above_zero)
]
_IN_QUERY = frozenset({"origin", "destination", "departure_date", "return_date"})


class WatchQuery(BaseModel):
    """The journey whose cheapest offer is watched."""

    model_config = ConfigDict(extra="forbid")

    origin: PlaceCode
    destination: PlaceCode
    departure_date: date
    return_date: date | None = None
    passengers: int = Field(1, ge=1, le=9)
    cabin: Cabin = "economy"
    max_stops: int | None = Field(None, ge=0, le=2)


class NewWatch(BaseModel):
    """Body of ``POST /watches``."""

    model_config = ConfigDict(extra="forbid")

    user_id: Identifier | None = Field(None, description="default: whose the credential is, without one `default`")
    session_id: Identifier | None = Field(None, description="where it is told; default: one session per user")
    query: WatchQuery
    limit: Price = Field(description="tell when all passengers together pay less, in the currency of the offers")
    every: float | None = Field(None, gt=0, description="seconds between two looks; default WATCH_EVERY")
    until: date | None = Field(None, description="the last day of it; default: the day of departure")
    webhook: str | None = Field(None, min_length=1, max_length=2_000, description="https address that is told as well")


class ToldPrice(BaseModel):
    """A price that was told."""

    price: str
    at: datetime


class WatchView(BaseModel):
    """A fare watch as people see it. Prices are for all passengers; ``every`` is seconds."""

    watch_id: str
    session_id: str
    user_id: str
    status: WatchStatus
    query: WatchQuery
    limit: str
    currency: str | None = Field(description="of the limit and the prices; null until an offer was seen")
    every: int | float
    until: date
    checks: int
    last_checked_at: datetime | None
    next_check_at: datetime | None = Field(description="null when nothing will be looked at any more")
    last_price: str | None = Field(description="at the last look; null: nothing was sold")
    lowest_price: str | None
    notified: list[ToldPrice] = Field(description="the last ten")
    webhook: str | None
    error: str | None = Field(description="what went wrong last; the watch goes on")
    created_at: datetime


class WatchList(BaseModel):
    """A user's fare watches, newest first."""

    watches: list[WatchView]


_CREATED: dict[str, Any] = {
    "headers": {"Location": {"required": True, "schema": {"type": "string", "format": "uri"}}},
    "links": {
        name: {"operationId": name, "parameters": {"watch_id": "$response.body#/watch_id"}}
        for name in ("get_watch", "cancel_watch")
    },
}


@router.post("/watches", status_code=201, responses={201: _CREATED, **problems(*BODY, 403, 404, 409)})
async def create_watch(
    body: NewWatch,
    request: Request,
    response: Response,
    caller: CallerDep,
    services: ServicesDep,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=255, description="the same key is the same watch")
    ] = None,
) -> WatchView:
    """Watch a fare: it is looked at now and every so often, and told when it falls below the limit, and below that."""
    user_id = caller.acts_as(body.user_id) or NOBODYS
    session_id = caller.enters(body.session_id or default_session(user_id))
    if (session := (await services.records.read(session_id)).session) is not None:
        owned(session, user_id)
    user = await services.users.user(user_id)
    clock, context = (lambda: datetime.now(UTC)), user.context if user is not None else {}
    today = today_for(context, clock, services.settings.today)
    with _named():
        query = _query(body.query, today)
        wish = Wish(query, body.limit, body.every, body.until, body.webhook)
        watch = await _desk(services).begin(user_id, session_id, wish, today, idempotency_key)
    response.headers["Location"] = str(request.url_for("get_watch", watch_id=watch.id))
    return view_of(watch)


@router.get("/watches", responses=problems(404))
async def list_watches(
    services: ServicesDep,
    owner: OwnerDep,
    session_id: Annotated[Identifier | None, Query(description="only what is told in this session")] = None,
    status: Annotated[WatchStatus | None, Query(description="only those of this status")] = None,
) -> WatchList:
    """The user's fare watches, newest first; without a credential and a ``user_id`` those of user ``default``."""
    found = await _desk(services).of(owner or NOBODYS)
    shown = [w for w in found if session_id in {None, w.session_id} and status in {None, w.status}]
    return WatchList(watches=[view_of(watch) for watch in shown])


@router.get("/watches/{watch_id}", responses=problems(404))
async def get_watch(watch_id: WatchId, services: ServicesDep, owner: OwnerDep) -> WatchView:
    """How the watch stands."""
    return view_of(await _desk(services).find(watch_id, owner))


@router.delete("/watches/{watch_id}", responses=problems(404))
async def cancel_watch(watch_id: WatchId, services: ServicesDep, owner: OwnerDep) -> WatchView:
    """End the watch, also while it looks; one that is over stays as it is."""
    return view_of(await _desk(services).cancel(watch_id, owner))


def view_of(watch: Watch) -> WatchView:
    """The watch as people see it."""
    known = watch.model_dump(exclude={"id", "query", "every", "next_check_at"})
    return WatchView(
        watch_id=watch.id,
        query=WatchQuery(**watch.query.model_dump(include=set(WatchQuery.model_fields))),
        every=int(watch.every) if watch.every.is_integer() else watch.every,
        next_check_at=None if watch.over else watch.next_check_at,
        **{name: known[name] for name in WatchView.model_fields if name in known},
    )


def _desk(services: ServicesDep) -> Watches:
    if not isinstance(services.desks.watches, Watches):
        raise NotOffered("fares are not watched here")
    return services.desks.watches


def _query(asked: WatchQuery, today: date) -> FlightQuery:
    """The query, when it makes sense. Raises ToolError that names the field."""
    for name in ("origin", "destination"):
        try:
            find_place(getattr(asked, name))
        except ToolError as error:
            raise ToolError(error.kind, str(error), field=name) from None
    if asked.origin == asked.destination:
        raise ToolError("same_place", "is where the journey starts; name another place", field="destination")
    if asked.return_date is not None and asked.return_date < asked.departure_date:
        raise ToolError("return_before_departure", "is before departure_date", field="return_date")
    check_season(asked.departure_date, today, "departure_date")
    check_season(asked.return_date or asked.departure_date, today, "return_date")
    return FlightQuery(**asked.model_dump())


@contextmanager
def _named() -> Iterator[None]:
    """Turn a wish that cannot be fulfilled into 422 with the field's name."""
    try:
        yield
    except TooManyWatches:
        raise
    except ToolError as error:
        field = error.field or "query"
        where = ("body", "query", field) if field in _IN_QUERY else ("body", field)
        raise RequestValidationError(
            [{"type": "value_error", "loc": where, "msg": str(error), "input": None}]
        ) from error
