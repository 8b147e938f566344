"""Direct messages: a CloudEvent in, a turn of session ``dm-<sender>``; what no retry can help is buried, with a reason.

A dead letter is ``{"kind", "reason", "event"}``. The kinds, which are also the label of its metric:
unreadable    no JSON, no CloudEvent object, no object as data, or an id that nothing can store
invalid       text or sender is missing, empty, too long or of another type
refused       a permanent refusal: its id came with another message before, or its session is another user's
broken        the service broke down on it, three times in a row
undelivered   not buried here: Dapr itself gave up, so the letter is the original and has no reason in it
"""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ValidationError

from travelbuddy.api.deps import MetricsDep, PublisherDep, TurnsDep
from travelbuddy.api.problems import field_errors, summary
from travelbuddy.api.schemas import Identifier, Text
from travelbuddy.errors import Permanent, Transient, TravelBuddyError
from travelbuddy.incoming import Incoming
from travelbuddy.telemetry import audit, spans
from travelbuddy.turns import Turns
from travelbuddy.workflow.contracts import ReplyTo

router = APIRouter(prefix="/messages", include_in_schema=False)
log = structlog.get_logger(__name__)

TOPIC, DEAD_TOPIC = "TravelBuddy", "TravelBuddy.dead"
BROKEN_PAUSES = (0.3, 1.0)
"""Seconds between tries of a message on which the service breaks down; in all shorter than a broker's patience."""
SUCCESS, RETRY = {"status": "SUCCESS"}, {"status": "RETRY"}


class Undertaker:
    """Publishes dead letters. The same event, delivered again, is the same letter."""

    def __init__(self, publisher: PublisherDep, metrics: MetricsDep) -> None:
        self._publisher = publisher
        self._metrics = metrics

    async def bury(self, raw: bytes, kind: str, reason: str) -> dict[str, str]:
        """Publish the event with the reason; what the broker is to be told."""
        letter = {"kind": kind, "reason": reason, "event": raw[:100_000].decode(errors="replace")}
        try:
            await self._publisher.publish(DEAD_TOPIC, letter, event_id=f"dead-{sha256(raw).hexdigest()[:32]}")
        except Transient:
            return RETRY
        log.warning("inbox.buried", kind=kind, reason=reason)
        self._metrics.buried(kind)
        return SUCCESS


UndertakerDep = Annotated[Undertaker, Depends()]


class DirectMessage(BaseModel):
    """What a publisher sends; other fields are allowed and ignored."""

    text: Text
    sender: Identifier


@router.post("/travelbuddy")
async def receive(request: Request, turns: TurnsDep, undertaker: UndertakerDep) -> dict[str, str]:
    """Accept the message once, however often the broker delivers it; RETRY asks the broker to deliver it again."""
    raw = await request.body()
    try:
        event, message = parse_event(raw)
    except ValidationError as invalid:
        return await undertaker.bury(raw, "invalid", summary(field_errors(invalid.errors())))
    except ValueError as unreadable:
        return await undertaker.bury(raw, "unreadable", str(unreadable))
    audit.enter("pubsub", message.sender)
    event_id = str(event.get("id") or "") or None
    incoming = Incoming(
        user_id=message.sender,
        session_id=f"dm-{message.sender}",
        text=message.text,
        key=f"event:{event_id}" if event_id else None,
        reply_to=ReplyTo(recipient=message.sender, in_reply_to=event_id or ""),
        door="pubsub",
    )
    try:
        with spans.message_received(TOPIC, event, request.headers):
            await _accept(turns, incoming)
    except Transient as down:
        log.warning("inbox.retry", reason=str(down))
        return RETRY
    except Permanent as refused:
        return await undertaker.bury(raw, "refused", str(refused))
    except Exception as broken:
        log.exception("inbox.broke_down")
        return await undertaker.bury(raw, "broken", f"the service broke down on it: {type(broken).__name__}")
    return SUCCESS


@router.post("/dead")
async def note_dead_letter(request: Request, metrics: MetricsDep) -> dict[str, str]:
    """Report a dead letter, so that nobody has to watch the topic to learn of it."""
    body = await request.body()
    letter = _letter(body)
    if letter is None:
        metrics.buried("undelivered")
    log.error("inbox.dead_letter", bytes=len(body), reason=(letter or {}).get("reason", "Dapr could not deliver it"))
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


async def _accept(turns: Turns, incoming: Incoming) -> None:
    """Accept the message; a breakdown that nobody foresaw is tried again first: it may be the moment's."""
    for pause in BROKEN_PAUSES:
        try:
            await turns.accept(incoming)
            return
        except TravelBuddyError:
            raise
        except Exception:
            log.exception("inbox.tries_again")
            await asyncio.sleep(pause)
    await turns.accept(incoming)


def _letter(body: bytes) -> dict[str, Any] | None:
    """The dead letter in this event, if it is one of ours."""
    try:
        data = json.loads(body)["data"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    return data if isinstance(data, dict) and {"kind", "reason", "event"} <= data.keys() else None
