"""The index of open jobs: which errands there are for which something is to be done, and when.

It is a hint that is never later than the truth, which is in the errand's record. So whoever makes a due time nearer
writes the index first; one that lies further ahead by now is corrected later, by whoever finds the job due and not so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from travelbuddy.domain.errands import Errand, ErrandKind

SHARDS = 16
UNBORN_FOR = timedelta(hours=1)
"""For how long a job without a record may be one that is just being created."""


class JobEntry(BaseModel):
    """A job: when to look at it. ``kept``: until it is over at that time, whatever its record says meanwhile.

    A decision is noted before it is in the record, so a look between the two must not move the time away again.
    """

    model_config = ConfigDict(frozen=True)

    kind: ErrandKind
    due_at: datetime
    kept: bool = False


class JobShard(BaseModel):
    """A part of the index, changed as a whole under its ETag."""

    model_config = ConfigDict(frozen=True)

    jobs: dict[str, JobEntry] = Field(default_factory=dict)

    def noted(self, job_id: str, entry: JobEntry) -> JobShard:
        """With this job, at the nearer of its times."""
        if (known := self.jobs.get(job_id)) is not None:
            kept = known.kept or entry.kept
            entry = entry.model_copy(update={"due_at": min(known.due_at, entry.due_at), "kept": kept})
            if entry == known:
                return self
        return JobShard(jobs={**self.jobs, job_id: entry})

    def without(self, *job_ids: str) -> JobShard:
        """Without these."""
        if not self.jobs.keys() & {*job_ids}:
            return self
        return JobShard(jobs={job_id: entry for job_id, entry in self.jobs.items() if job_id not in job_ids})

    def corrected(self, found: Mapping[str, Errand | None], now: datetime) -> JobShard:
        """With what these jobs' records say, which were read after this part of the index was.

        A job that has no record is left out only after a while, for its record may be on its way.
        """
        over = [job_id for job_id, errand in found.items() if self._over(job_id, errand, now)]
        jobs = dict(self.without(*over).jobs)
        for job_id, errand in found.items():
            entry = jobs.get(job_id)
            if entry is not None and errand is not None and errand.due is not None and not entry.kept:
                jobs[job_id] = entry.model_copy(update={"due_at": max(entry.due_at, errand.due)})
        return self if jobs == self.jobs else JobShard(jobs=jobs)

    def _over(self, job_id: str, errand: Errand | None, now: datetime) -> bool:
        if errand is not None:
            return errand.due is None
        return job_id in self.jobs and now - self.jobs[job_id].due_at > UNBORN_FOR


def shard_of(job_id: str) -> int:
    """The number of the part that holds this job."""
    return int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:4]) % SHARDS
