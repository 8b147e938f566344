"""The records of errands in the Dapr state store.

key                content                               lifetime after the last write
<kind>:<id>        an Errand of its kind, guarded        400 days while it is open, 30 days once it is over
errands:<user>     ErrandIndex, under its ETag           400 days
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Generic

from travelbuddy.adapters.dapr_records import DAY, DaprRecords, corrupt_key
from travelbuddy.adapters.dapr_store import Put
from travelbuddy.adapters.work_ports import JobIndex, Kind
from travelbuddy.domain.errands import LISTED_FOR, ErrandIndex, ErrandKind, Mark

OPEN_TTL = LISTED_FOR.days * DAY
OVER_TTL = 30 * DAY
_AT_ONCE = 100
"""Keys read in one request."""


class DaprErrands(Generic[Kind]):
    """The Errands port for one kind."""

    def __init__(self, records: DaprRecords, shape: type[Kind]) -> None:
        self._records = records
        self._indexes = DaprErrandIndexes(records)
        self._shape = shape
        self._kind = shape.model_fields["kind"].default

    async def create(self, errand: Kind) -> bool:
        """See Errands. Listed first: what is stored and not listed would outlast its user's erasure."""
        await self._indexes.change(errand.user_id, lambda index: index.noted(errand))
        return await self._records.write(_put(errand, None))

    async def find(self, errand_id: str) -> tuple[Kind, str] | None:
        """See Errands."""
        key = _key(self._kind, errand_id)
        (stored,) = await self._records.read(key)
        errand = await self._records.parse(self._shape, key, stored)
        return (errand, stored.etag) if errand is not None and stored.etag is not None else None

    async def replace(self, errand: Kind, etag: str) -> bool:
        """See Errands."""
        return await self._records.write(_put(errand, etag))

    async def of(self, user_id: str) -> list[Kind]:
        """See Errands."""
        marks = await self._indexes.marks(user_id)
        ids = [errand_id for errand_id, mark in reversed([*marks.items()]) if mark.kind == self._kind]
        return [*(await self.find_all(ids)).values()]

    async def find_all(self, errand_ids: Collection[str]) -> dict[str, Kind]:
        """See Errands."""
        ids, found = [*errand_ids], dict[str, Kind]()
        for start in range(0, len(ids), _AT_ONCE):
            keys = {_key(self._kind, errand_id): errand_id for errand_id in ids[start : start + _AT_ONCE]}
            for key, stored in zip(keys, await self._records.read(*keys), strict=True):
                if (errand := await self._records.parse(self._shape, key, stored)) is not None:
                    found[keys[key]] = errand
        return found

    async def next_run(self, errand: Kind, etag: str) -> bool:
        """See Errands. Listed first: an instance of a run that is not listed would outlast its user's erasure."""
        run = errand.run + 1
        await self._indexes.change(errand.user_id, lambda index: index.with_run(errand.id, run))
        return await self.replace(errand.model_copy(update={"run": run}), etag)


class DaprErrandIndexes:
    """Which errands a user has: the ErasableErrands port."""

    def __init__(self, records: DaprRecords, jobs: JobIndex | None = None) -> None:
        """``jobs`` is where open errands are noted as well."""
        self._records = records
        self._jobs = jobs

    async def marks(self, user_id: str) -> Mapping[str, Mark]:
        """See ErasableErrands."""
        return (await self._read(user_id))[0].errands

    async def delete(self, marks: Mapping[str, Mark]) -> None:
        """See ErasableErrands."""
        for errand_id, mark in marks.items():
            key = _key(mark.kind, errand_id)
            await self._records.delete(key)
            await self._records.delete(corrupt_key(key))
        if self._jobs is not None:
            await self._jobs.drop(marks)

    async def unlist(self, user_id: str, marks: Mapping[str, Mark]) -> None:
        """See ErasableErrands. The index goes last: whoever died in the middle is asked again and goes on."""
        if marks:
            await self.change(user_id, lambda index: index.without(*marks))

    async def change(self, user_id: str, change: Callable[[ErrandIndex], ErrandIndex]) -> None:
        """Change the index under its guard; an empty one is deleted."""
        key = _index_key(user_id)
        while True:
            index, etag = await self._read(user_id)
            changed = change(index)
            if changed == index:
                return
            put = Put(key, changed, OPEN_TTL, etag)
            if await (self._records.write(put) if changed.errands else self._records.delete(key, etag)):
                return

    async def _read(self, user_id: str) -> tuple[ErrandIndex, str | None]:
        key = _index_key(user_id)
        (stored,) = await self._records.read(key)
        index = await self._records.parse(ErrandIndex, key, stored)
        return index or ErrandIndex(user_id=user_id), stored.etag


def _key(kind: ErrandKind, errand_id: str) -> str:
    return f"{kind}:{errand_id}"


def _index_key(user_id: str) -> str:
    return f"errands:{user_id}"


def _put(errand: Kind, etag: str | None) -> Put:
    return Put(_key(errand.kind, errand.id), errand, OVER_TTL if errand.over else OPEN_TTL, etag)
