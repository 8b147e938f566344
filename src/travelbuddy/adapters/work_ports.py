"""What work that lasts beyond a turn asks of the outside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pydantic import JsonValue

from travelbuddy.adapters.ports import EngineStatus
from travelbuddy.domain.errands import Errand, Mark
from travelbuddy.domain.jobs import JobEntry, JobShard

Kind = TypeVar("Kind", bound=Errand)


class Work(Protocol):
    """Workflows of any name. Every method raises StoreUnavailable when the engine does not answer."""

    async def start(self, workflow: str, instance_id: str, payload: Mapping[str, JsonValue]) -> bool:
        """Start an instance. False: one of that id is running already. One that has ended is started anew."""
        ...

    async def status(self, instance_id: str) -> EngineStatus:
        """The instance's state; ``missing`` when the engine does not know the id."""
        ...

    async def terminate(self, instance_id: str) -> None:
        """End the instance; harmless when it has ended or is unknown."""
        ...

    async def purge(self, instance_id: str) -> bool:
        """Forget an ended instance with its whole history; False when it is unknown."""
        ...

    async def probe(self) -> bool:
        """Whether a new instance with one activity runs to its end now, within seconds: the engine hands out work."""
        ...

    async def ids(self, prefix: str) -> list[str]:
        """The ids of all instances the engine still keeps that begin with ``prefix``. Reads all keys: costly."""
        ...


class Claims(Protocol):
    """Who works on what; see Liveness."""

    async def claimed(self, instance_ids: Collection[str]) -> set[str]:
        """Those of the instances that some replica works on now."""
        ...


@dataclass(frozen=True)
class StoredShard:
    """A part of the index of open jobs as read."""

    number: int
    shard: JobShard
    etag: str


class JobIndex(Protocol):
    """The index of open jobs. Every method raises StoreUnavailable when the store does not answer."""

    async def note(self, job_id: str, entry: JobEntry) -> None:
        """Note the job, at the nearer time where it is noted already."""
        ...

    async def drop(self, job_ids: Iterable[str]) -> None:
        """Remove these."""
        ...

    async def shards(self) -> list[StoredShard]:
        """All parts that hold jobs."""
        ...

    async def correct(self, stored: StoredShard, shard: JobShard) -> bool:
        """Replace a part if it is still as it was read. False: somebody was faster."""
        ...

    async def migrated(self) -> bool:
        """Whether the jobs that the version before has begun were taken in."""
        ...

    async def note_migrated(self) -> None:
        """Note that they were."""
        ...


class Errands(Protocol[Kind]):
    """The records of one kind of errand. Every method raises StoreUnavailable when the store does not answer."""

    async def create(self, errand: Kind) -> bool:
        """List the errand and store it if there is none of its id. False: there is one, perhaps by this very call."""
        ...

    async def find(self, errand_id: str) -> tuple[Kind, str] | None:
        """The errand, and the ETag that its next write must still find."""
        ...

    async def find_all(self, errand_ids: Collection[str]) -> dict[str, Kind]:
        """Those of the errands that there are."""
        ...

    async def next_run(self, errand: Kind, etag: str) -> bool:
        """As ``replace``, for the same errand with its next run, which is listed before."""
        ...

    async def replace(self, errand: Kind, etag: str) -> bool:
        """Replace the errand if its ETag still holds. False: somebody was faster, or it was erased: read again.

        An answer that was lost on its way looks the same, so whoever reads again may find what it wrote itself.
        """
        ...

    async def of(self, user_id: str) -> list[Kind]:
        """The user's errands of this kind, newest first."""
        ...


class ErasableErrands(Protocol):
    """Removing errands of all kinds. Everything may be repeated."""

    async def marks(self, user_id: str) -> Mapping[str, Mark]:
        """The user's errands by id, as the index has them."""
        ...

    async def delete(self, marks: Mapping[str, Mark]) -> None:
        """Delete the records of these, so that nothing is done for them any more."""
        ...

    async def unlist(self, user_id: str, marks: Mapping[str, Mark]) -> None:
        """Take these out of the user's index."""
        ...


class WebhookSender(Protocol):
    """Sends events to addresses that users chose."""

    async def check(self, url: str) -> None:
        """Raise ToolError for an address that nothing may be sent to; the message says why."""
        ...

    async def send(self, url: str, event_id: str, body: Mapping[str, JsonValue]) -> None:
        """Send the event; the receiver knows a repeated one by its id.

        Raises Transient when worth another try, and Permanent (ToolError as ``check``) when not.
        """
        ...
