"""Direct messages: a CloudEvent in, a turn of session ``dm-<sender>``; what cannot be read goes to the dead letters."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError

from travelbuddy.adapters.ports import Publisher
from travelbuddy.api.deps import PublisherDep, TurnsDep
from travelbuddy.api.problems import field_errors, summary
from travelbuddy.api.schemas import Identifier, Text
from travelbuddy.errors import Permanent, Transient
from travelbuddy.telemetry import audit
from travelbuddy.turns import Incoming
from travelbuddy.workflow.contracts import ReplyTo

router = APIRouter(prefix="/messages", include_in_schema=False)
log = structlog.get_logger(__name__)

DEAD_TOPIC = "TravelBuddy.dead"
SUCCESS, RETRY = {"status": "SUCCESS"}, {"status": "RETRY"}


class DirectMessage(BaseModel):
    """What a publisher sends; other fields are allowed and ignored."""

    text: Text
    sender: Identifier


@router.post("/travelbuddy")
async def receive(request: Request, turns: TurnsDep, publisher: PublisherDep) -> dict[str, str]:
    """Accept the message once, however often the broker delivers it; RETRY asks the broker to deliver it again."""
    raw = await request.body()
    try:
        event, message = parse_event(raw)
    except ValidationError as invalid:
        return await _bury(publisher, raw, summary(field_errors(invalid.errors())))
    except ValueError as unreadable:
        return await _bury(publisher, raw, str(unreadable))
    audit.enter("pubsub", message.sender)
    event_id = str(event.get("id") or "") or None
    incoming = Incoming(
        user_id=message.sender,
        session_id=f"dm-{message.sender}",
        text=message.text,
        key=f"event:{event_id}" if event_id else None,
        reply_to=ReplyTo(recipient=message.sender, in_reply_to=event_id or ""),
    )
    try:
        await turns.accept(incoming)
    except Transient as down:
        log.warning("inbox.retry", reason=str(down))
        return RETRY
    except Permanent as refused:
        return await _bury(publisher, raw, str(refused))
    return SUCCESS


@router.post("/dead")
async def note_dead_letter(request: Request) -> dict[str, str]:
    """Report a dead letter, so that nobody has to watch the topic to learn of it."""
    body = await request.body()
    log.error("inbox.dead_letter", bytes=len(body))
    return SUCCESS


def parse_event(raw: bytes) -> tuple[dict[str, Any], DirectMessage]:
    """The CloudEvent and the message in it, in either body form. Raises ValueError with a reason fit to show."""
    try:
        event = json.loads(raw)
    except (ValueError, RecursionError) as bad:
        raise ValueError("the event is not JSON") from bad
    if not isinstance(event, dict):
        raise ValueError("the event is not a CloudEvent object")
    if not _is_text(str(event.get("id"))):
        raise ValueError("id: send whole characters")
    data = event.get("data", event)
    if isinstance(data, dict) and isinstance(data.get("data"), dict):
        data = data["data"]
    if not isinstance(data, dict):
        raise ValueError("data: send an object with text and sender")
    return event, DirectMessage.model_validate(data)


def _is_text(value: str) -> bool:
    """False for half a character: JSON may escape one, but nothing can store it."""
    return value == value.encode(errors="replace").decode()


async def _bury(publisher: Publisher, raw: bytes, reason: str) -> dict[str, str]:
    """Publish the event with the reason to the dead-letter topic."""
    log.warning("inbox.buried", reason=reason)
    letter = {"reason": reason, "event": raw[:100_000].decode(errors="replace")}
    try:
        await publisher.publish(DEAD_TOPIC, letter, event_id=f"dead-{uuid4().hex}")
    except Transient:
        return RETRY
    return SUCCESS
