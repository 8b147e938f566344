"""The key by which a replica sees whether the state store takes writes: one each, tiny, gone a minute later."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel

from travelbuddy.adapters.dapr_records import DaprRecords
from travelbuddy.adapters.dapr_store import Put

PROBE_TTL = 60


class Probe(BaseModel):
    """When it was written."""

    at: datetime


async def write_probe(records: DaprRecords, replica: str) -> None:
    """Write the key of this replica. Raises StoreUnavailable."""
    await records.probe(Put(f"ready:{replica}", Probe(at=datetime.now(UTC)), PROBE_TTL))
