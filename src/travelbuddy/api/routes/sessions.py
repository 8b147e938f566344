"""What is remembered of a session."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel

from travelbuddy.api.access import OwnerDep
from travelbuddy.api.deps import ErasureDep, LanesDep, RecordsDep
from travelbuddy.api.document import problems
from travelbuddy.api.schemas import History, Identifier, InstanceId, TurnPage
from travelbuddy.domain.accounts import SessionSummary, summaries
from travelbuddy.erasure import Erased
from travelbuddy.errors import NotFound

router = APIRouter(tags=["sessions"])


class Sessions(BaseModel):
    """A user's sessions, latest activity first; ``next`` is the ``before`` of the following page."""

    sessions: list[SessionSummary]
    next: str | None


@router.get("/sessions", responses=problems(404))
async def list_sessions(
    records: RecordsDep,
    owner: OwnerDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[Identifier | None, Query(description="a session's id: show what was active before it")] = None,
) -> Sessions:
    """The user's sessions that still exist; without a credential and a ``user_id`` those of user ``default``."""
    user_id = owner or "default"
    found = summaries(await records.sessions_of(user_id), await records.tallies_of(user_id), datetime.now(UTC))
    if before is not None:
        ids = [session.session_id for session in found]
        if before not in ids:
            raise NotFound(f"before: no session {before!r} of this user")
        found = found[ids.index(before) + 1 :]
    page = found[:limit]
    return Sessions(sessions=page, next=page[-1].session_id if len(found) > limit else None)


@router.delete("/sessions/{session_id}", responses=problems(404))
async def delete_session(
    session_id: Annotated[Identifier, Path()], lanes: LanesDep, erasure: ErasureDep, owner: OwnerDep
) -> Erased:
    """Erase the session with its turns and their workflows; what runs in it is ended."""
    session = await lanes.settle(session_id)
    if session is None or (owner is not None and session.user_id != owner):
        raise NotFound(f"no session {session_id!r}")
    return await erasure.session(session_id, session.user_id)


@router.get("/sessions/{session_id}/history", response_model_exclude_none=False, responses=problems(404))
async def get_history(
    session_id: Annotated[Identifier, Path()],
    lanes: LanesDep,
    records: RecordsDep,
    owner: OwnerDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[InstanceId | None, Query(description="a turn's id: show what came before it")] = None,
) -> History:
    """The last ``limit`` turns, or the last before a given one; oldest first."""
    session = await lanes.settle(session_id)
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
        turns=[
            TurnPage(
                workflow_instance_id=turn.workflow_instance_id,
                outcome=turn.outcome,
                created_at=turn.created_at,
                messages=list(turn.messages),
            )
            for turn in turns
        ],
        next=page[0] if page and page[0] != ids[0] else None,
    )
