"""The way in for fare watches: begin one, once for each key; look at a user's; cancel.

A watch's record says when it is to look next; Jobs starts a workflow then, which takes the look, tells, and ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from uuid import uuid4

from pydantic import JsonValue

from travelbuddy.adapters.work_ports import Errands, WebhookSender
from travelbuddy.domain.travel import FlightQuery
from travelbuddy.domain.watch import Watch, closed, end_of, seen, taken_in, taken_over
from travelbuddy.errors import KeyReused, NotFound, ToolError, TooManyWatches, Transient
from travelbuddy.flights.provider import FlightProvider
from travelbuddy.incoming import errand_id_for
from travelbuddy.jobs import GOES_ON, JobKind, Jobs
from travelbuddy.tools.desks import Customer
from travelbuddy.workflow.watch_activities import Accept, WatchActivities
from travelbuddy.workflow.watch_payloads import FARE_WATCH, WatchInput

MOST_OPEN = 20
LONGEST_EVERY = 7 * 86_400.0
OVERDUE = timedelta(seconds=10)
"""How late a look may be before whoever sees the watch makes sure that it is noted as open."""


@dataclass(frozen=True)
class WatchRules:
    """Seconds between two looks: by default, and at least. ``today`` is the day that the settings fix, if they do."""

    every: float = 21_600
    every_min: float = 900
    today: date | None = None


@dataclass(frozen=True)
class Wish:
    """What a user wants to be told of. None stands for the default."""

    query: FlightQuery
    limit: str
    every: float | None = None
    until: date | None = None
    webhook: str | None = None


class Watches:
    """The desk for fare watches."""

    def __init__(
        self,
        records: Errands[Watch],
        jobs: Jobs,
        flights: FlightProvider,
        webhooks: WebhookSender,
        clock: Callable[[], datetime],
        rules: WatchRules,
    ) -> None:
        self._records = records
        self._jobs = jobs
        self._flights = flights
        self._webhooks = webhooks
        self._clock = clock
        self._rules = rules

    def activities(self, accept: Accept) -> WatchActivities:
        """What its workflows carry out; ``accept`` takes in the notices."""
        goes_on = partial(self._jobs.changed, within=GOES_ON)
        return WatchActivities(self._records, self._flights, accept, self._webhooks, self._clock, goes_on)

    async def watch(self, customer: Customer, query: FlightQuery, limit: str, today: date) -> Watch:
        """As the tool wants it: the first look is taken here, and its price is told by whoever asked for it."""
        return await self.begin(
            customer.user_id, customer.session_id, Wish(query, limit), today, customer.key, look=True
        )

    async def begin(
        self, user_id: str, session_id: str, wish: Wish, today: date, key: str | None, *, look: bool = False
    ) -> Watch:
        """Begin a watch; with a key that was used before, the watch of then.

        Raises ToolError that names the field, KeyReused, and Transient.
        """
        watch_id = errand_id_for(user_id, "fare_watch", key or uuid4().hex)
        if (found := await self._records.find(watch_id)) is None:
            watch = await self._made(watch_id, user_id, session_id, wish, today)
            if look:
                watch = await self._looked(watch)
            await self._jobs.note(watch)
            if not await self._records.create(watch):
                found = await self._records.find(watch_id)
        if found is not None:
            watch = _same(found[0], session_id, wish)
        self._jobs.changed(watch)
        return watch

    async def find(self, watch_id: str, user_id: str | None = None) -> Watch:
        """The watch. Raises NotFound for an unknown id, or another user's."""
        return await self._settled((await self._found(watch_id, user_id))[0])

    async def of(self, user_id: str) -> list[Watch]:
        """The user's watches, newest first."""
        return [await self._settled(watch) for watch in await self._records.of(user_id)]

    async def cancel(self, watch_id: str, user_id: str | None = None) -> Watch:
        """End the watch, also while it looks; one that is over stays as it is. Raises NotFound as ``find``."""
        while True:
            known, etag = await self._found(watch_id, user_id)
            watch = closed(known, "cancelled")
            if watch == known:
                return watch
            if await self._records.replace(watch, etag):
                break
        self._jobs.changed(watch)
        await self._jobs.stop(watch)
        return watch

    async def _found(self, watch_id: str, user_id: str | None) -> tuple[Watch, str]:
        found = await self._records.find(watch_id)
        if found is None or user_id not in {None, found[0].user_id}:
            raise NotFound(f"no watch {watch_id!r}")
        return found

    async def _made(self, watch_id: str, user_id: str, session_id: str, wish: Wish, today: date) -> Watch:
        """The watch that fulfils the wish. Raises ToolError that names the field."""
        now, departure, rules = self._clock(), wish.query.departure_date, self._rules
        until, every = wish.until or departure, wish.every or max(rules.every, rules.every_min)
        if departure < today:
            raise ToolError("date_in_past", f"is in the past; today is {today.isoformat()}", field="departure_date")
        if not today <= until <= departure:
            message = f"name a day from {today.isoformat()}, today, to {departure.isoformat()}, the departure"
            raise ToolError("bad_until", message, field="until")
        if not rules.every_min <= every <= LONGEST_EVERY:
            message = f"name {rules.every_min:g} to {LONGEST_EVERY:.0f} seconds"
            raise ToolError("bad_every", message, field="every")
        await self._check_room(user_id)
        if wish.webhook is not None:
            await self._webhooks.check(wish.webhook)
        return Watch(
            id=watch_id,
            user_id=user_id,
            session_id=session_id,
            created_at=now,
            query=wish.query,
            limit=wish.limit,
            every=every,
            until=until,
            ends_at=end_of(until, rules.today, now),
            webhook=wish.webhook,
            next_check_at=now,
        )

    async def _check_room(self, user_id: str) -> None:
        """Raise ToolError where the user has as many as may be; of several begun at once a few more may get in."""
        if sum(not watch.over for watch in await self._records.of(user_id)) >= MOST_OPEN:
            message = f"There are {MOST_OPEN} watches open already, and no more may be; cancel one first."
            raise TooManyWatches("too_many_watches", message)

    async def _looked(self, watch: Watch) -> Watch:
        """The watch with its first look taken, of which the answer tells; the supplier's trouble leaves it to a job."""
        try:
            look = seen(await self._flights.search(watch.query), 0)
        except Transient:
            return watch
        return taken_in(watch, look, self._clock()).model_copy(update={"to_tell": None})

    async def _settled(self, watch: Watch) -> Watch:
        """The watch as it is; one that does not look although it is due is noted again as open."""
        await self._jobs.seen(watch, OVERDUE)
        return watch


def watch_jobs(records: Errands[Watch], clock: Callable[[], datetime]) -> JobKind:
    """How watches are carried out when something is due."""
    return JobKind(FARE_WATCH, records, _look, lambda watch: taken_over(watch, clock()))


def _look(watch: Watch) -> dict[str, JsonValue]:
    """What a look is started with."""
    every, ends_at = watch.every, watch.ends_at
    return WatchInput(user_id=watch.user_id, grid=watch.grid, every=every, ends_at=ends_at, number=watch.number).wire()


def _same(known: Watch, session_id: str, wish: Wish) -> Watch:
    """The watch that the key stands for. Raises KeyReused when something else is wanted with it."""
    same = (known.session_id, known.query, known.limit, known.webhook) == (
        session_id,
        wish.query,
        wish.limit,
        wish.webhook,
    )
    if not same or wish.every not in {None, known.every} or wish.until not in {None, known.until}:
        raise KeyReused("this idempotency key was used for another watch; use a fresh key for a new one")
    return known
