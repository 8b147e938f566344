"""Branching a session."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from travelbuddy.api.access import CallerDep, OwnerDep
from travelbuddy.api.deps import ServicesDep
from travelbuddy.api.document import BODY, problems
from travelbuddy.api.routes.sessions import Title
from travelbuddy.api.schemas import Identifier, InstanceId
from travelbuddy.domain.origin import ForkedFrom
from travelbuddy.forking import Branch

router = APIRouter(tags=["sessions"])
Turn = Annotated[
    int | InstanceId | None,
    Query(union_mode="left_to_right", description="how many of its turns, from 1, or the id of the last one; all"),
]


class NewFork(BaseModel):
    """Body of ``POST /sessions/{id}/fork``; all of it may be left out."""

    model_config = ConfigDict(extra="forbid")

    session_id: Identifier | None = Field(None, description="of the new session; default: a fresh one")
    title: Title | None = Field(None, description="default: that of the session it comes from, with (branch)")


class Fork(BaseModel):
    """A session that goes on from a turn of another one, which stays as it is."""

    session_id: str
    forked_from: ForkedFrom
    turns: int = Field(description="how many it took along; what has expired is left out")


@router.post("/sessions/{session_id}/fork", status_code=201, responses=problems(*BODY, 404, 409))
async def fork_session(
    session_id: Annotated[Identifier, Path()],
    response: Response,
    services: ServicesDep,
    caller: CallerDep,
    owner: OwnerDep,
    turn: Turn = None,
    body: NewFork | None = None,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=255, description="the same key is the same new session")
    ] = None,
) -> Fork:
    """Go on from an earlier turn in a new session: append-only, nothing of the old one is changed."""
    asked = body or NewFork()
    chosen = caller.enters(asked.session_id) if asked.session_id is not None else None
    branch = Branch(turn, chosen, asked.title, idempotency_key)
    made = await services.forking.fork(session_id, owner, branch)
    response.headers["Location"] = f"/sessions/{quote(made.session_id, safe='')}/history"
    return Fork(session_id=made.session_id, forked_from=made.origin, turns=made.turns)
