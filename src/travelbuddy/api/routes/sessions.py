"""What is remembered of a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from travelbuddy.api.access import OwnerDep
from travelbuddy.api.deps import ErasureDep, LanesDep, RecordsDep, SessionListDep
from travelbuddy.api.document import BODY, problems
from travelbuddy.api.history import History, open_turns, turn_page
from travelbuddy.api.schemas import Identifier, InstanceId
from travelbuddy.domain.accounts import SessionSummary
from travelbuddy.domain.titles import MAX_TITLE, TITLE
from travelbuddy.erasure import Erased
from travelbuddy.errors import NotFound

router = APIRouter(tags=["sessions"])
SessionId = Annotated[Identifier, Path()]
Title = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TITLE, pattern=TITLE), AfterValidator(str.strip)]
"""One line with something to see in it."""


class Sessions(BaseModel):
    """A user's sessions, latest activity first; ``next`` is the ``before`` of the following page."""

    sessions: list[SessionSummary]
    next: str | None


class SessionChange(BaseModel):
    """Body of ``PATCH /sessions/{id}``."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = Field(description="null: as its first message begins")


@router.get("/sessions", responses=problems(404))
async def list_sessions(
    sessions: SessionListDep,
    owner: OwnerDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[Identifier | None, Query(description="a session's id: show what was active before it")] = None,
    q: Annotated[str, Query(max_length=200, description="a part of the title or id; small letters or capital")] = "",
) -> Sessions:
    """The user's sessions that still exist; without a credential and a ``user_id`` those of user ``default``."""
    page, following = await sessions.page(owner, limit, before, q)
    return Sessions(sessions=page, next=following)


@router.patch("/sessions/{session_id}", responses=problems(*BODY, 404))
async def patch_session(
    session_id: SessionId, change: SessionChange, sessions: SessionListDep, owner: OwnerDep
) -> SessionSummary:
    """Give the session a title."""
    return await sessions.rename(owner, session_id, change.title)


@router.delete("/sessions/{session_id}", responses=problems(404))
async def delete_session(session_id: SessionId, lanes: LanesDep, erasure: ErasureDep, owner: OwnerDep) -> Erased:
    """Erase the session with its turns and their workflows; what runs in it is ended."""
    session = await lanes.settle(session_id)
    if session is None or (owner is not None and session.user_id != owner):
        raise NotFound(f"no session {session_id!r}")
    return await erasure.session(session_id, session.user_id)


@router.get("/sessions/{session_id}/history", response_model_exclude_none=False, responses=problems(404))
async def get_history(
    session_id: SessionId,
    lanes: LanesDep,
    records: RecordsDep,
    sessions: SessionListDep,
    owner: OwnerDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[InstanceId | None, Query(description="a turn's id: show what came before it")] = None,
) -> History:
    """The last ``limit`` turns, or the last before a given one, oldest first; and those that are not answered yet."""
    session = await lanes.settle(session_id)
    if session is None and before is None:
        await sessions.find(owner, session_id)
        return History(session_id=session_id, turns=[], next=None, open=[])  # its first message is at the door
    if session is None or (owner is not None and session.user_id != owner):
        raise NotFound(f"no session {session_id!r}")
    ids = list(session.turn_ids)
    if before is not None:
        if before not in ids:
            raise NotFound(f"before: no turn {before!r} in this session")
        ids = ids[: ids.index(before)]
    page = ids[-limit:]
    inline = {turn.workflow_instance_id: turn for turn in session.turns}
    stored = await records.find_turns([turn_id for turn_id in page if turn_id not in inline])
    turns = [found for turn_id in page if (found := inline.get(turn_id) or stored.get(turn_id))]
    return History(
        session_id=session_id,
        turns=[turn_page(turn) for turn in turns],
        next=page[0] if page and page[0] != ids[0] else None,
        open=open_turns(session),
    )
