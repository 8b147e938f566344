"""The activities of a fare watch. All run at least once, and each looks first what the record says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from pydantic import JsonValue

from travelbuddy.adapters.work_ports import Errands, WebhookSender
from travelbuddy.domain.watch import (
    Look,
    Telling,
    Told,
    Watch,
    closed,
    not_delivered,
    seen,
    taken_in,
    was_told,
)
from travelbuddy.domain.watch_words import ENDED, FELL, ended_text, fell_text, metadata, webhook_body
from travelbuddy.errors import Permanent, ToolError, Transient
from travelbuddy.flights.provider import FlightProvider
from travelbuddy.incoming import Incoming
from travelbuddy.workflow.contracts import ReplyTo
from travelbuddy.workflow.executing import Execute, for_errand, plain
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
_STEPS: Mapping[Telling, LookResult] = {
    "fall": LookResult(kind="tell"),
    "webhook": LookResult(kind="webhook"),
    "end": LookResult(kind="end"),
}
Accept = Callable[[Incoming], Awaitable[object]]


class WatchActivities:
    """``accept`` takes in the notices that tell what was found; ``changed`` is told of each change of a record."""

    def __init__(
        self,
        watches: Errands[Watch],
        flights: FlightProvider,
        accept: Accept,
        webhooks: WebhookSender,
        clock: Callable[[], datetime],
        changed: Callable[[Watch], None],
    ) -> None:
        self._changed = changed
        self._watches = watches
        self._flights = flights
        self._accept = accept
        self._webhooks = webhooks
        self._clock = clock
        self._looking = asyncio.Semaphore(AT_ONCE)

    def by_name(self) -> dict[str, Execute]:
        """What the worker carries out. Where the store is away the instance ends: the job is due until it is done."""
        activities = {
            CHECK_FARE: self.check_fare,
            TELL_FARE: self.tell_fare,
            SEND_WEBHOOK: self.send_webhook,
            END_WATCH: self.end_watch,
        }
        return {name: plain(name, LookInput, for_errand(run, _retry)) for name, run in activities.items()}

    async def check_fare(self, watch_id: str, asked: LookInput) -> LookResult:
        """Look at the fare and take it into the record, once for each number; what is to be told then is told first."""
        look: Look | None = None
        while True:
            found = await self._watches.find(watch_id)
            if found is None:
                return LookResult(kind="over")
            watch, etag = found
            if watch.to_tell is not None:
                return _STEPS[watch.to_tell] if self._is_due(watch) else LookResult()
            if watch.over:
                return LookResult(kind="over")
            if watch.taken >= asked.number:
                return LookResult()
            if watch.ending:
                return LookResult(kind="end") if self._is_due(watch) else LookResult()
            look = look or await self._look(watch, asked.number)
            changed = taken_in(watch, look, self._clock())
            if await self._watches.replace(changed, etag):
                self._changed(changed)
                log.info("fare_watch.looked", watch=watch_id, number=asked.number, error=look.error)

    async def tell_fare(self, watch_id: str, asked: LookInput) -> LookResult:
        """Tell what the look found: a notice in the conversation, which is published as well."""
        watch, told = await self._telling(watch_id, asked.number)
        if watch is None or told is None:
            return LookResult(kind="done")
        text, carries = fell_text(watch, told), metadata(watch, FELL, told)
        await self._notice(watch, f"{watch.id}-{told.look}", text, carries, told.at)
        await self._change(watch_id, lambda known: was_told(known, "fall"))
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
            await self._not_delivered(watch_id, trouble, trouble.retry_after)
        except Permanent as refused:
            log.warning("fare_watch.webhook_refused", watch=watch_id, number=told.look, reason=str(refused))
            await self._not_delivered(watch_id, refused, last=True)
        else:
            await self._change(watch_id, lambda known: was_told(known, "webhook"))
        return LookResult(kind="done")

    async def _not_delivered(
        self, watch_id: str, trouble: Exception, asked: float | None = None, *, last: bool = False
    ) -> None:
        problem, now = str(trouble), self._clock()
        await self._change(watch_id, lambda known: not_delivered(known, problem, now, asked, last=last))

    async def end_watch(self, watch_id: str, asked: LookInput) -> LookResult:
        """End the watch; one that had nothing to tell says that."""
        watch = await self._change(watch_id, lambda known: closed(known, "ended"))
        if watch is not None and watch.status == "ended" and not watch.notified:
            await self._notice(watch, f"{watch.id}-end", ended_text(watch), metadata(watch, ENDED), watch.ends_at)
            await self._change(watch_id, lambda known: was_told(known, "end"))
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
        except Exception as unforeseen:
            log.exception("fare_watch.broke_down", watch=watch.id)
            return Look(number=number, error=f"an unforeseen {type(unforeseen).__name__}")

    def _is_due(self, watch: Watch) -> bool:
        due = watch.due
        return due is not None and due <= self._clock()

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
        await self._change(watch_id, lambda known: known.model_copy(update={"error": error}))

    async def _change(self, watch_id: str, change: Callable[[Watch], Watch]) -> Watch | None:
        """The watch after this change, under its guard; None when it was erased."""
        while (found := await self._watches.find(watch_id)) is not None:
            changed = change(found[0])
            if changed == found[0]:
                return changed
            if await self._watches.replace(changed, found[1]):
                self._changed(changed)
                return changed
        return None


def _retry(after: float | None) -> LookResult:
    return LookResult(kind="retry", retry_after=after)
