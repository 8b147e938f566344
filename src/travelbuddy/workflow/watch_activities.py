"""The activities of a fare watch. All run at least once, and each looks first what the record says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from pydantic import JsonValue

from travelbuddy.adapters.work_ports import Errands, WebhookSender
from travelbuddy.domain.watch import Look, Told, Watch, closed, seen, taken_in
from travelbuddy.domain.watch_words import ENDED, FELL, ended_text, fell_text, metadata, webhook_body
from travelbuddy.errors import Permanent, ToolError, Transient
from travelbuddy.flights.provider import FlightProvider
from travelbuddy.incoming import Incoming
from travelbuddy.workflow.contracts import ReplyTo
from travelbuddy.workflow.executing import Execute, or_retry, plain
from travelbuddy.workflow.watch_payloads import (
    CHECK_FARE,
    END_WATCH,
    SEND_WEBHOOK,
    TELL_FARE,
    LookInput,
    LookResult,
)

log = structlog.get_logger(__name__)

AT_ONCE = 8
"""Looks that a replica takes at the same time: when everything was down, all watches are due at once."""
LOOK_TIMEOUT = 60.0
Accept = Callable[[Incoming], Awaitable[object]]


class WatchActivities:
    """``accept`` takes in the notices that tell what was found."""

    def __init__(
        self,
        watches: Errands[Watch],
        flights: FlightProvider,
        accept: Accept,
        webhooks: WebhookSender,
        clock: Callable[[], datetime],
    ) -> None:
        self._watches = watches
        self._flights = flights
        self._accept = accept
        self._webhooks = webhooks
        self._clock = clock
        self._looking = asyncio.Semaphore(AT_ONCE)

    def by_name(self) -> dict[str, Execute]:
        """What the worker carries out. That the store is away is a value: the workflow decides when to try again."""
        activities = {
            CHECK_FARE: self.check_fare,
            TELL_FARE: self.tell_fare,
            SEND_WEBHOOK: self.send_webhook,
            END_WATCH: self.end_watch,
        }
        return {name: plain(name, LookInput, or_retry(run, _retry)) for name, run in activities.items()}

    async def check_fare(self, watch_id: str, asked: LookInput) -> LookResult:
        """Look at the fare and take it into the record, once for each number."""
        look: Look | None = None
        while True:
            found = await self._watches.find(watch_id)
            if found is None or found[0].over:
                return LookResult(kind="over")
            watch, etag = found
            if watch.taken >= asked.number:
                return LookResult(kind="tell" if watch.told_by(asked.number) is not None else "done")
            look = look or await self._look(watch, asked.number)
            if await self._watches.replace(taken_in(watch, look, self._clock()), etag):
                log.info("fare_watch.looked", watch=watch_id, number=asked.number, error=look.error)

    async def tell_fare(self, watch_id: str, asked: LookInput) -> LookResult:
        """Tell what the look found: a notice in the conversation, which is published as well."""
        watch, told = await self._telling(watch_id, asked.number)
        if watch is None or told is None:
            return LookResult(kind="done")
        text, carries = fell_text(watch, told), metadata(watch, FELL, told)
        await self._notice(watch, f"{watch.id}-{told.look}", text, carries, told.at)
        return LookResult(kind="done" if watch.webhook is None else "webhook")

    async def send_webhook(self, watch_id: str, asked: LookInput) -> LookResult:
        """Send what was told to the watch's webhook; when that fails for good, the record says so."""
        watch, told = await self._telling(watch_id, asked.number)
        if watch is None or told is None or watch.webhook is None:
            return LookResult(kind="done")
        try:
            await self._webhooks.send(watch.webhook, f"{watch.id}-{told.look}", webhook_body(watch, told))
        except Transient as trouble:
            log.warning("fare_watch.webhook_failed", watch=watch_id, number=told.look, reason=str(trouble))
            if not asked.last_attempt:
                return LookResult(kind="retry", retry_after=trouble.retry_after)
            await self._note(watch_id, f"the webhook was not delivered: {trouble}")
        except Permanent as refused:
            log.warning("fare_watch.webhook_refused", watch=watch_id, number=told.look, reason=str(refused))
            await self._note(watch_id, f"the webhook was not delivered: {refused}")
        return LookResult(kind="done")

    async def end_watch(self, watch_id: str, asked: LookInput) -> LookResult:
        """End the watch; one that had nothing to tell says that."""
        while True:
            found = await self._watches.find(watch_id)
            if found is None or found[0].status == "cancelled":
                return LookResult(kind="over")
            watch, etag = found
            if watch.over or await self._watches.replace(closed(watch, "ended"), etag):
                break
        if not watch.notified:
            await self._notice(watch, f"{watch.id}-end", ended_text(watch), metadata(watch, ENDED), watch.ends_at)
        return LookResult(kind="over")

    async def _look(self, watch: Watch, number: int) -> Look:
        """What the supplier sells now; its trouble is found out, and the next look tries again."""
        try:
            async with self._looking, asyncio.timeout(LOOK_TIMEOUT):
                return seen(await self._flights.search(watch.query), number)
        except TimeoutError:
            return Look(number=number, error=f"{self._flights.name} did not answer in time")
        except (Transient, ToolError) as trouble:
            return Look(number=number, error=str(trouble))

    async def _telling(self, watch_id: str, number: int) -> tuple[Watch | None, Told | None]:
        """The watch and what its look is to tell, unless it was erased or cancelled meanwhile."""
        found = await self._watches.find(watch_id)
        if found is None or found[0].status == "cancelled":
            return None, None
        return found[0], found[0].told_by(number)

    async def _notice(self, watch: Watch, key: str, text: str, carries: dict[str, JsonValue], since: datetime) -> None:
        """Tell it in the conversation; the same key tells it once. ``since``: when it was found out."""
        notice = Incoming(
            user_id=watch.user_id,
            session_id=watch.session_id,
            text=text,
            key=key,
            notice=carries,
            reply_to=ReplyTo(recipient=watch.user_id, in_reply_to=watch.id),
            door="fare_watch",
            since=since,
        )
        try:
            await self._accept(notice)
        except Permanent as refused:  # the session was erased, or its id is another user's by now
            log.warning("fare_watch.not_told", watch=watch.id, reason=str(refused))
            await self._note(watch.id, f"this could not be told in the conversation: {refused}")

    async def _note(self, watch_id: str, error: str) -> None:
        """Put the trouble into the record."""
        while (found := await self._watches.find(watch_id)) is not None:
            watch, etag = found
            if await self._watches.replace(watch.model_copy(update={"error": error}), etag):
                return


def _retry(after: float | None) -> LookResult:
    return LookResult(kind="retry", retry_after=after)
