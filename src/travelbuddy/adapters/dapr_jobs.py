"""The index of open jobs in the Dapr state store.

key                content                                                lifetime after the last write
jobs:<n>           JobShard, under its ETag; n is 0 to 15                 400 days
jobs:migrated      when the jobs of the version before were taken in      400 days
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from pydantic import BaseModel

from travelbuddy.adapters.dapr_records import DAY, DaprRecords
from travelbuddy.adapters.dapr_store import Put
from travelbuddy.adapters.work_ports import StoredShard
from travelbuddy.domain.errands import LISTED_FOR
from travelbuddy.domain.jobs import SHARDS, JobEntry, JobShard, shard_of

TTL = LISTED_FOR.days * DAY
MIGRATED = "jobs:migrated"
_AT_ONCE = 4
"""Parts read in one request: an answer of the sidecar has at most 4 MiB."""


class Migrated(BaseModel):
    """That it was done."""

    at: datetime


class DaprJobIndex:
    """The JobIndex port."""

    def __init__(self, records: DaprRecords, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._clock = clock

    async def note(self, job_id: str, entry: JobEntry) -> None:
        """See JobIndex."""
        await self._change(shard_of(job_id), lambda shard: shard.noted(job_id, entry))

    async def drop(self, job_ids: Iterable[str]) -> None:
        """See JobIndex."""
        for job_id in job_ids:
            await self._change(shard_of(job_id), lambda shard, job=job_id: shard.without(job))  # type: ignore[misc]

    async def shards(self) -> list[StoredShard]:
        """See JobIndex."""
        found: list[StoredShard] = []
        for start in range(0, SHARDS, _AT_ONCE):
            numbers = range(start, start + _AT_ONCE)
            for number, stored in zip(numbers, await self._records.read(*map(_key, numbers)), strict=True):
                if (shard := await self._records.parse(JobShard, _key(number), stored)) is not None and stored.etag:
                    found.append(StoredShard(number, shard, stored.etag))
        return found

    async def correct(self, stored: StoredShard, shard: JobShard) -> bool:
        """See JobIndex."""
        return await self._write(stored.number, shard, stored.etag)

    async def migrated(self) -> bool:
        """See JobIndex."""
        (stored,) = await self._records.read(MIGRATED)
        return stored.etag is not None

    async def note_migrated(self) -> None:
        """See JobIndex."""
        await self._records.put(Put(MIGRATED, Migrated(at=self._clock()), TTL))

    async def _change(self, number: int, change: Callable[[JobShard], JobShard]) -> None:
        while True:
            (stored,) = await self._records.read(_key(number))
            shard = await self._records.parse(JobShard, _key(number), stored) or JobShard()
            changed = change(shard)
            if changed == shard or await self._write(number, changed, stored.etag):
                return

    async def _write(self, number: int, shard: JobShard, etag: str | None) -> bool:
        """Write the part under its guard; an empty one is deleted."""
        if shard.jobs:
            return await self._records.write(Put(_key(number), shard, TTL, etag))
        return await self._records.delete(_key(number), etag)


def _key(number: int) -> str:
    return f"jobs:{number}"
