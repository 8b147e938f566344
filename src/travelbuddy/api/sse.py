"""A turn's events as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog
from fastapi.sse import ServerSentEvent

from travelbuddy.api.problems import problem_of
from travelbuddy.domain.answers import chat_answer
from travelbuddy.domain.progress import Cursor
from travelbuddy.errors import TravelBuddyError
from travelbuddy.following import Following

log = structlog.get_logger(__name__)
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""No cache and no proxy may hold an event back."""
RESUME_AFTER = 1_000
"""Milliseconds until a client should look for another replica."""


async def turn_events(
    following: Following, turn_id: str, session_id: str, cursor: Cursor, *, ask: bool
) -> AsyncIterator[ServerSentEvent]:
    """First which turn it is, then its events to the ``message``. Trouble is an ``error`` event, a problem document.

    A replica that is leaving ends with a ``status`` that says where to go on from here; a browser's EventSource does so
    by itself, a second later.
    """
    names = {"workflow_instance_id": turn_id, "session_id": session_id}
    yield ServerSentEvent(event="status", data={"state": "following", **names}, id=cursor.id)
    try:
        async for event, record in following.events(turn_id, cursor, ask=ask):
            cursor = event.cursor
            data = chat_answer(record) if event.name == "message" and record is not None else event.data
            yield ServerSentEvent(event=event.name, data=data, id=cursor.id)
        if not cursor.ended:
            elsewhere = {"state": "resume", "resume_url": f"/workflows/{turn_id}/stream", **names}
            yield ServerSentEvent(event="status", data=elsewhere, id=cursor.id, retry=RESUME_AFTER)
    except TravelBuddyError as error:
        body, _ = problem_of(error)
        yield ServerSentEvent(event="error", data=body, id=cursor.id)
