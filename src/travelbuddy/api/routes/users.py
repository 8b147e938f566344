"""What is remembered of a user: look, change, take away, export."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, JsonValue
from pydantic_core import to_json

from travelbuddy.api.access import UserDep
from travelbuddy.api.deps import ErasureDep, RecordsDep, ServicesDep, UsersDep
from travelbuddy.api.document import BODY, problems
from travelbuddy.api.errands import errands_of
from travelbuddy.api.problems import problem, summary
from travelbuddy.erasure import Erased
from travelbuddy.preferences import CHOICES, DERIVED, MAX_CHARS, NAME, checked_changes

router = APIRouter(tags=["users"])
_VALUE: dict[str, JsonValue] = {"type": ["string", "number", "boolean", "null"], "maxLength": MAX_CHARS}
_DOCUMENTED: dict[str, JsonValue] = {
    "propertyNames": {"pattern": NAME.pattern, "not": {"enum": [*sorted(DERIVED)]}},
    "properties": {key: {"enum": [*choices, None]} for key, choices in CHOICES.items()},
    "additionalProperties": _VALUE,
    "examples": [{"home_airport": "OSL", "preferred_style": "concise", "seat": "aisle"}],
}
Changes = Annotated[dict[str, JsonValue], Body(json_schema_extra=_DOCUMENTED)]


class User(BaseModel):
    """A user. One who never wrote has no preferences and zero interactions."""

    user_id: str
    preferences: dict[str, JsonValue]
    last_seen: datetime | None
    total_interactions: int
    sessions: int


async def _user(user_id: str, users: UsersDep, records: RecordsDep) -> User:
    record = await users.user(user_id)
    tallies = (await records.tallies_of(user_id)).values()
    return User(
        user_id=user_id,
        preferences=record.context if record is not None else {},
        last_seen=max((tally.last_activity for tally in tallies), default=None),
        total_interactions=sum(tally.message_count for tally in tallies),
        sessions=len((await records.sessions_of(user_id)).sessions),
    )


@router.get("/users/{user_id}", responses=problems(404))
async def get_user(user_id: UserDep, users: UsersDep, records: RecordsDep) -> User:
    """Preferences and totals."""
    return await _user(user_id, users, records)


@router.patch("/users/{user_id}", response_model=User, responses=problems(*BODY, 404))
async def patch_user(user_id: UserDep, changes: Changes, users: UsersDep, records: RecordsDep) -> User | JSONResponse:
    """Set the given preferences; null deletes one. All or none: a bad one is named, and nothing is changed."""
    known = await users.user(user_id)
    good, bad = checked_changes(known.context if known is not None else {}, changes)
    if bad:
        errors = [{"field": field, "message": message} for field, message in bad.items()]
        return problem(422, "invalid-request", summary(errors), errors=errors)
    await users.merge_user(user_id, good)
    return await _user(user_id, users, records)


@router.delete("/users/{user_id}", responses=problems(404))
async def delete_user(user_id: UserDep, erasure: ErasureDep) -> Erased:
    """Erase everything of the user: sessions, turns, preferences, workflows. Repeating it is harmless."""
    return await erasure.user(user_id)


@router.get("/users/{user_id}/export", responses=problems(404))
async def export_user(
    user_id: UserDep, users: UsersDep, records: RecordsDep, services: ServicesDep
) -> StreamingResponse:
    """Everything of the user as one JSON document, session by session."""
    user = await _user(user_id, users, records)
    index = await records.sessions_of(user_id)

    async def parts() -> AsyncIterator[bytes]:
        yield b'{"user":' + user.model_dump_json().encode() + b',"sessions":['
        first = True
        for session_id in index.sessions:
            if (session := await _session(session_id, index.title(session_id), records)) is not None:
                yield (b"" if first else b",") + to_json(session)
                first = False
        yield b"]" + await errands_of(user_id, services.desks) + b"}"

    headers = {"Content-Disposition": 'attachment; filename="travelbuddy-export.json"'}
    return StreamingResponse(parts(), media_type="application/json", headers=headers)


async def _session(session_id: str, title: str | None, records: RecordsDep) -> dict[str, Any] | None:
    """A session with all its turns, done and waiting; of one that has expired its title, where it has one."""
    session = (await records.read(session_id)).session
    if session is None:
        return {"session_id": session_id, "title": title, "turns": []} if title is not None else None
    inline = {turn.workflow_instance_id: turn for turn in session.turns}
    stored = await records.find_turns([turn_id for turn_id in session.turn_ids if turn_id not in inline])
    turns = [found for turn_id in session.turn_ids if (found := inline.get(turn_id) or stored.get(turn_id))]
    return {**session.model_dump(exclude={"turns", "turn_ids"}), "title": title, "turns": turns}
