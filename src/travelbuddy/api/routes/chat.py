"""Talk: a message in, the reply out, at once or event by event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import JsonValue

from travelbuddy.access.callers import Caller
from travelbuddy.api.access import CallerDep, OwnerDep, acting_user
from travelbuddy.api.deps import FollowingDep, ServicesDep, TurnsDep, let_in
from travelbuddy.api.document import BODY, accepted_answer, links, problems
from travelbuddy.api.routes.workflows import IdempotencyKey, TurnId, started
from travelbuddy.api.schemas import ChatAnswer, ChatRequest, Started
from travelbuddy.api.sse import turn_events
from travelbuddy.domain.answers import chat_answer
from travelbuddy.domain.progress import CURSOR, Cursor, parse_cursor
from travelbuddy.errors import BadCursor
from travelbuddy.incoming import Incoming
from travelbuddy.turns import Accepted

router = APIRouter(tags=["chat"])
ANSWERED = {"links": links("/metadata/workflow_instance_id")}
LATER = accepted_answer("It takes longer than CHAT_WAIT; `Location` is where its turn is seen.")


def _incoming(
    caller: Caller, body: ChatRequest, key: str | None, follower: str | None = None, door: str = "chat"
) -> Incoming:
    return Incoming(
        user_id=acting_user(caller, body.user_id),
        session_id=body.session_id,
        text=body.message,
        key=key,
        context=body.context,
        if_busy=body.if_busy,
        follower=follower,
        door=door,
    )


@router.post(
    "/chat",
    response_model=ChatAnswer,
    responses={200: ANSWERED, 202: {"model": Started, **LATER}, **problems(*BODY, 403, 404, 409)},
)
async def chat(
    body: ChatRequest,
    request: Request,
    caller: CallerDep,
    following: FollowingDep,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Send a message and get the reply. When it takes longer than CHAT_WAIT the answer is 202, and the turn goes on."""
    settings = services.settings
    message = _incoming(caller, body, idempotency_key)  # its end is told; the tokens need not be
    accepted = await let_in(services, caller, message)
    record = await following.ended(accepted.turn_id, settings.chat_wait, ask=accepted.repeated)
    if record is not None:
        return JSONResponse(chat_answer(record))
    answer = started(request, accepted)
    return JSONResponse(answer.model_dump(), 202, {"Location": answer.status_url})


async def _accepted(
    body: ChatRequest, caller: CallerDep, services: ServicesDep, idempotency_key: IdempotencyKey = None
) -> Accepted:
    """Accept before the stream begins, so that a refusal is an ordinary answer."""
    message = _incoming(caller, body, idempotency_key, services.settings.replica, "chat-stream")
    return await let_in(services, caller, message)


@router.post("/chat/stream", response_class=EventSourceResponse, responses=problems(*BODY, 403, 404, 409))
async def chat_stream(
    accepted: Annotated[Accepted, Depends(_accepted)], following: FollowingDep
) -> AsyncIterator[ServerSentEvent]:
    """Send a message and follow its turn: status, token, tool_call, tool_result, and the whole message last."""
    async for event in turn_events(following, accepted.turn_id, accepted.session_id, Cursor(), ask=accepted.repeated):
        yield event


_AN_ID: dict[str, JsonValue] = {"pattern": f"^$|{CURSOR.pattern}"}


async def _place(
    instance_id: TurnId,
    turns: TurnsDep,
    owner: OwnerDep,
    last_event_id: Annotated[str, Header(json_schema_extra=_AN_ID)] = "",
    after: Annotated[
        str, Query(description="as Last-Event-ID, for clients that cannot set headers", json_schema_extra=_AN_ID)
    ] = "",
) -> tuple[Accepted, Cursor]:
    """The turn, if it is there for this user, and where in it the client is."""
    given = last_event_id or after
    try:
        cursor = parse_cursor(given) if given else Cursor()
    except ValueError as error:
        raise BadCursor(str(error)) from error
    view = await turns.view(instance_id, owner)
    return Accepted(instance_id, view.session_id), cursor


@router.get("/workflows/{instance_id}/stream", response_class=EventSourceResponse, responses=problems(404))
async def stream_workflow(
    place: Annotated[tuple[Accepted, Cursor], Depends(_place)], following: FollowingDep
) -> AsyncIterator[ServerSentEvent]:
    """Follow a turn on any replica, from the start or after Last-Event-ID, while it runs or long after it ended."""
    accepted, cursor = place
    async for event in turn_events(following, accepted.turn_id, accepted.session_id, cursor, ask=True):
        yield event
