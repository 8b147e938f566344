"""Open jobs: errands for which something is to be done at a time that their record tells. Somebody always looks.

An index in the store has every open job with its due time or an earlier one. Each replica reads it when it starts and
every few seconds, sleeps until the nearest due time in between, and starts a workflow instance for what is due, which
does it and ends. Two replicas may both try: the engine has one instance of an id at a time, and one that finds nothing
to do ends. A job that is due and whose instance Dapr does not carry on is given a successor instance.
"""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import JsonValue

from travelbuddy.adapters.work_ports import Claims, Errands, JobIndex, Work
from travelbuddy.domain.errands import Errand, ErrandKind, errand_of
from travelbuddy.domain.jobs import JobEntry
from travelbuddy.errors import StoreUnavailable
from travelbuddy.rounds import troubles_logged
from travelbuddy.suspicions import Suspicions

log = structlog.get_logger(__name__)

SWEEP_EVERY = 10.0
"""Seconds between two readings of the index."""
OF_OTHERS = timedelta(seconds=1)
"""How long the replica that changed a job last has the first chance to start what is due."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Seconds until a job that was started is looked at again, twice as long each time nothing has come of it."""
GOES_ON = timedelta(seconds=1)
"""How long an instance that has changed its job's record has to go on with it by itself."""
AGAIN = timedelta(seconds=0.2)
LOOK_EVERY = timedelta(seconds=1)
"""Until a job whose instance is at work is looked at again: the first time, then."""
AT_ONCE = 50
"""Jobs that are looked at at a time."""
STARTS = 8
_PAUSE = 1.0
_ID = re.compile(r"u[0-9a-f]{16}-(booking|fare-watch)-[0-9a-f]{32}")


@dataclass(frozen=True)
class JobKind:
    """How the jobs of a kind are carried out: by this workflow, which is started with ``payload`` of the record.

    ``taken_over`` is the record as it must be when an instance of an earlier version does not go on with it.
    """

    workflow: str
    records: Errands[Any]
    payload: Callable[[Any], Mapping[str, JsonValue]]
    taken_over: Callable[[Any], Any] = lambda errand: errand


@dataclass
class _Job:
    """A job as this replica knows it. ``due`` is of its record as last seen; ``changes`` counts what it was told."""

    kind: ErrandKind
    next_look: datetime
    due: datetime | None = None
    starts: int = 0
    at_work: bool = False
    looking: bool = False
    changes: int = 0


class Jobs:
    """The open jobs, for those who create and change them; ``run`` looks after them."""

    def __init__(
        self,
        index: JobIndex,
        work: Work,
        kinds: Mapping[ErrandKind, JobKind],
        claims: Claims,
        clock: Callable[[], datetime],
    ) -> None:
        self._index = index
        self._work = work
        self._kinds = kinds
        self._clock = clock
        self._jobs: dict[str, _Job] = {}
        self._queue: list[tuple[datetime, str]] = []
        self._over: dict[str, None] = {}
        self._left: dict[str, ErrandKind] = {}
        self._woken = asyncio.Event()
        self._starts = asyncio.Semaphore(STARTS)
        self._claims = claims
        self._suspicions = Suspicions("job", work.probe, lambda: clock().timestamp())

    @property
    def known(self) -> Collection[str]:
        """The ids of the jobs that this replica looks after."""
        return self._jobs.keys()

    # what it is told

    async def note(self, errand: Errand, *, decided: bool = False) -> None:
        """Note the job before its record is written, so that it is found whoever dies.

        ``decided``: something is to be done for it from now on. Raises StoreUnavailable.
        """
        due = self._clock() if decided else errand.due
        if due is not None:
            await self._index.note(errand.id, JobEntry(kind=errand.kind, due_at=due, kept=decided))

    def changed(self, errand: Errand, within: timedelta = timedelta()) -> None:
        """The record is like this now. ``within``: what is due at once, whoever changed it goes on with for so long."""
        due = errand.due
        if due is None:
            self._forget(errand.id, over=True)
            return
        job = self._jobs.setdefault(errand.id, _Job(errand.kind, due))
        self._went_on(errand.id, due)
        job.changes += 1
        self._look_at(errand.id, due if due > (now := self._clock()) else now + within)

    async def seen(self, errand: Errand, overdue: timedelta) -> None:
        """Somebody has read this record: a job that is overdue and that nobody looks after is noted again."""
        due = errand.due
        if due is None or errand.id in self._jobs or self._clock() - due < overdue:
            return
        try:
            await self.note(errand)
        except StoreUnavailable as down:
            log.warning("job.not_noted", job=errand.id, reason=str(down))
        self.changed(errand)

    def failed(self, workflow: str, instance_id: str) -> None:
        """An instance ended as failed, as one does that an earlier version began and this one cannot go on with."""
        kind = next((name for name, kind in self._kinds.items() if kind.workflow == workflow), None)
        if kind is not None:
            self._left[errand_of(instance_id)] = kind
            self._woken.set()

    async def stop(self, errand: Errand) -> None:
        """End the instance that may be at work on it, as far as the engine answers: the record decides."""
        await self._unless_away(errand.id, self._work.terminate(errand.instance_id))

    # what it does

    async def run(self) -> None:
        """Look until cancelled, for one life of the sidecar: what seemed wrong before counts anew."""
        for job in self._jobs.values():
            job.at_work = job.looking = False
        self._suspicions.clear()
        tasks = {asyncio.create_task(part()) for part in (self._take_in, self._sweep_now_and_then, self._carry_out)}
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry_out(self) -> None:
        """Look at each job when it is time. One look does not wait for another."""
        looks: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._woken.clear()
                pause = _PAUSE
                with troubles_logged("jobs", "jobs"):
                    await self.adopt_left()
                    for job_id, errand, changes in await self.taken():
                        look = asyncio.create_task(self._guarded(job_id, errand, changes))
                        looks.add(look)
                        look.add_done_callback(looks.discard)
                    pause = self._seconds_left()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

    async def _guarded(self, job_id: str, errand: Errand | None, changes: int) -> None:
        job, replaced = self._jobs.get(job_id), None
        try:
            with troubles_logged("jobs", "look"):
                async with self._starts:
                    suspected = await self.look(job_id, errand, changes)
                if suspected is not None:
                    replaced = await self.examine(suspected)
        finally:
            if job is not None:
                job.looking = False
        if replaced is not None:  # last: the engine may take long to answer, and the successor need not wait for that
            await self.stop(replaced)

    async def go_round(self) -> None:
        """Look at each job for which it is time, one after the other."""
        for job_id, errand, changes in await self.taken():
            await self._guarded(job_id, errand, changes)

    async def _sweep_now_and_then(self) -> None:
        while True:
            done = False
            with troubles_logged("jobs", "sweep"):
                await self.sweep()
                done = True
            await asyncio.sleep(SWEEP_EVERY if done else _PAUSE)

    async def _take_in(self) -> None:
        """Take in, once, what the version before this one has begun: its jobs are in no index."""
        while True:
            with troubles_logged("jobs", "migration"):
                if await self._index.migrated():
                    return
                adopted = await self.take_in()
                await self._index.note_migrated()
                for errand in adopted:
                    await self.stop(errand)
                return
            await asyncio.sleep(_PAUSE)

    async def sweep(self) -> None:
        """Read the index, look at what is due by it or over, and correct it where the records say otherwise."""
        stored, now = await self._index.shards(), self._clock()
        entries = {job_id: entry for part in stored for job_id, entry in part.shard.jobs.items()}
        for job_id, entry in entries.items():
            self._listed(job_id, entry, now)
        asked = {i: e for i, e in entries.items() if e.kind in self._kinds and (e.due_at <= now or i in self._over)}
        records = await self._read({job_id: entry.kind for job_id, entry in asked.items()})
        for errand in records.values():
            if errand is not None:
                self._found(errand)
        for part in stored:
            of_part = {job_id: errand for job_id, errand in records.items() if job_id in part.shard.jobs}
            if (shard := part.shard.corrected(of_part, now)) != part.shard:
                await self._index.correct(part, shard)
        self._over = {job_id: None for job_id in self._over if job_id in entries and job_id not in asked}

    async def look(self, job_id: str, errand: Errand | None, changes: int) -> Errand | None:
        """Start an instance if something is due. Returns the errand if one is at work, or nothing could be started.

        ``changes`` is the job's count when this record was read: what was told since then has planned the next look.
        """
        job = self._jobs.get(job_id)
        if job is not None and job.changes != changes:
            return None
        if errand is None or errand.due is None or job is None:
            if errand is None and job is not None and job.starts:  # erased: what was just started goes too
                await self._unless_away(job_id, self._work.purge(job_id))
            self._forget(job_id, over=errand is not None)
            return None
        others = errand.due != job.due
        if others:
            self._went_on(job_id, errand.due)
        if errand.due > (now := self._clock()):
            self._look_at(job_id, errand.due + (OF_OTHERS if others else timedelta()))
            return None
        kind = self._kinds[errand.kind]
        try:
            started = await self._work.start(kind.workflow, errand.instance_id, kind.payload(errand))
        except StoreUnavailable as down:
            log.info("job.not_started", job=job_id, reason=str(down))
            self._look_at(job_id, now + LOOK_EVERY)
            return errand
        if job.changes != changes:
            return None
        if started:
            pause = min(FIRST_PAUSE * 2.0 ** min(job.starts, 10), LONGEST_PAUSE)
            job.starts, job.at_work = job.starts + 1, False
            self._suspicions.drop(job_id)
            self._look_at(job_id, self._clock() + timedelta(seconds=pause))
            return None
        first, job.at_work = not job.at_work, True
        self._look_at(job_id, self._clock() + (AGAIN if first else LOOK_EVERY))
        return None if first else errand

    async def examine(self, errand: Errand) -> Errand | None:
        """Find out whether Dapr still carries the instance on, and replace it if it has not for a while.

        Returns the errand with its old run if it was replaced.
        """
        job = self._jobs.get(errand.id)
        trouble = await self._trouble(errand.instance_id, refused=job is not None and not job.at_work)
        if trouble is None or self._jobs.get(errand.id) is None:
            self._suspicions.drop(errand.id)
            return None
        if await self._suspicions.certain(errand.id, trouble):
            self._suspicions.drop(errand.id)
            if await self._replaced(errand, trouble):
                return errand
        self._look_at(errand.id, self._clock() + LOOK_EVERY)
        return None

    async def _trouble(self, instance_id: str, *, refused: bool) -> str | None:
        """What seems to be wrong with the instance. ``refused``: the engine started none under this id."""
        if instance_id in await self._claims.claimed([instance_id]):
            return None
        match (await self._work.status(instance_id)).state:
            case "unreadable":
                return "unreadable"
            case "running":
                return "idle"
            case "suspended":  # somebody holds it, and lets it go on
                return None
        return "refused" if refused else None

    async def _replaced(self, errand: Errand, trouble: str) -> bool:
        """Give the job a successor instance, unless it has gone on meanwhile."""
        records = self._kinds[errand.kind].records
        found = await records.find(errand.id)
        if found is None or found[0].run != errand.run or found[0].due != errand.due:
            return False
        if not await records.next_run(*found):
            return False
        log.warning("job.taken_over", job=errand.id, run=errand.run + 1, trouble=trouble)
        self.changed(found[0].model_copy(update={"run": errand.run + 1}))
        return True

    async def take_in(self) -> list[Errand]:
        """Note every open job that the engine has an instance of, and let a new instance carry it on when it is due.

        Returns them, with the runs whose instances are not needed any more.
        """
        ids = {errand_of(instance) for instance in await self._work.ids("u")}
        kinds = {job_id: kind for job_id in sorted(ids) if (kind := _kind_of(job_id)) in self._kinds}
        adopted = [
            errand
            for job_id, kind in kinds.items()
            if kind is not None and (errand := await self._adopt(job_id, kind, successor=True)) is not None
        ]
        log.info("jobs.migrated", instances=len(kinds), open=len(adopted))
        return adopted

    async def adopt_left(self) -> None:
        """Go on with the jobs whose instances have failed here."""
        while self._left:
            job_id, kind = next(iter(self._left.items()))
            await self._adopt(job_id, kind, successor=False)
            self._left.pop(job_id, None)

    async def _adopt(self, job_id: str, of_kind: ErrandKind, *, successor: bool) -> Errand | None:
        """Note the job, by way of what an instance of an earlier version has not done. Returns it if it was open.

        ``successor``: the instance of the earlier version may still be there, so the next one has an id of its own.
        """
        kind = self._kinds[of_kind]
        while (found := await kind.records.find(job_id)) is not None:
            known: Errand = found[0]
            etag = found[1]
            errand = kind.taken_over(known)
            if errand.due is None:
                return None
            await self.note(errand)
            if successor:
                done, changed = await kind.records.next_run(errand, etag), {"run": errand.run + 1}
            else:
                done, changed = errand == known or await kind.records.replace(errand, etag), {}
            if done:
                if changed or errand != known or job_id not in self._jobs:
                    self.changed(errand.model_copy(update=changed), LOOK_EVERY)
                return known
        return None

    # what it knows

    async def taken(self) -> list[tuple[str, Errand | None, int]]:
        """The jobs to look at now, with their records; each is planned anew first, should the look fail."""
        now, ids = self._clock(), dict[str, ErrandKind]()
        while self._queue and self._queue[0][0] <= now and len(ids) < AT_ONCE:
            at, job_id = heapq.heappop(self._queue)
            job = self._jobs.get(job_id)
            if job is not None and job.next_look == at and job.kind in self._kinds:
                self._look_at(job_id, now + LOOK_EVERY)
                if not job.looking:
                    job.looking, ids[job_id] = True, job.kind
        taken = {job_id: self._jobs[job_id] for job_id in ids}
        changes = {job_id: job.changes for job_id, job in taken.items()}
        try:
            return [(job_id, errand, changes[job_id]) for job_id, errand in (await self._read(ids)).items()]
        except BaseException:
            for job in taken.values():
                job.looking = False
            raise

    def _seconds_left(self) -> float:
        """Until the next look, at most a sweep's time."""
        if not self._queue:
            return SWEEP_EVERY
        return min(max((self._queue[0][0] - self._clock()).total_seconds(), 0.0), SWEEP_EVERY)

    def _listed(self, job_id: str, entry: JobEntry, now: datetime) -> None:
        """The index has this job."""
        if job_id not in self._jobs and job_id not in self._over:
            at = now if entry.due_at <= now else entry.due_at + OF_OTHERS
            self._jobs[job_id] = _Job(entry.kind, at)
            self._look_at(job_id, at)

    def _found(self, errand: Errand) -> None:
        """The record was read by the way: where its due time is another, the next look is then."""
        job = self._jobs.get(errand.id)
        if job is not None and errand.due is not None and errand.due != job.due and not job.looking:
            now = self._clock()
            self._went_on(errand.id, errand.due)
            self._look_at(errand.id, now if errand.due <= now else errand.due + OF_OTHERS)

    def _went_on(self, job_id: str, due: datetime | None) -> None:
        """What was known of the instance is of no use any more."""
        job = self._jobs[job_id]
        job.due, job.starts, job.at_work = due, 0, False
        self._suspicions.drop(job_id)

    def _look_at(self, job_id: str, at: datetime) -> None:
        job = self._jobs[job_id]
        job.next_look = at
        heapq.heappush(self._queue, (at, job_id))
        self._woken.set()

    def _forget(self, job_id: str, *, over: bool) -> None:
        self._jobs.pop(job_id, None)
        self._suspicions.drop(job_id)
        if over:
            self._over[job_id] = None  # the next sweep takes it out of the index

    async def _read(self, kinds: Mapping[str, ErrandKind]) -> dict[str, Errand | None]:
        """The records of these jobs."""
        found: dict[str, Errand | None] = dict.fromkeys(kinds)
        for kind in {*kinds.values()}:
            ids = [job_id for job_id, of_kind in kinds.items() if of_kind == kind]
            found.update(await self._kinds[kind].records.find_all(ids))
        return found

    async def _unless_away(self, job_id: str, call: Awaitable[object]) -> None:
        try:
            await call
        except StoreUnavailable as down:
            log.info("job.engine_away", job=job_id, reason=str(down))


def _kind_of(job_id: str) -> ErrandKind | None:
    """The kind of the job of this id; None when it is no job's."""
    match = _ID.fullmatch(job_id)
    if match is None:
        return None
    return "booking" if match[1] == "booking" else "fare_watch"
