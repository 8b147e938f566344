"""What is remembered of a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from travelbuddy.api.deps import LanesDep, RecordsDep
from travelbuddy.api.schemas import History, Identifier, InstanceId, TurnPage
from travelbuddy.errors import NotFound

router = APIRouter(tags=["sessions"])


@router.get("/sessions/{session_id}/history", response_model_exclude_none=False)
async def get_history(
    session_id: Annotated[Identifier, Path()],
    lanes: LanesDep,
    records: RecordsDep,
    user_id: Annotated[Identifier | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[InstanceId | None, Query(description="a turn's id: show what came before it")] = None,
) -> History:
    """The last ``limit`` turns, or the last before a given one; oldest first."""
    session = await lanes.settle(session_id)
    if session is None or (user_id is not None and session.user_id != user_id):
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
