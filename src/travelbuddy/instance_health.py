"""Whether Dapr carries on the instance of a job that is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from travelbuddy.adapters.work_ports import Claims, Work

GRACE: Mapping[str, float] = {"unreadable": 4.0, "idle": 8.0, "refused": 8.0}
"""Seconds for which an instance must seem to be in trouble at every look before it is replaced, by kind of trouble."""


class InstanceHealth:
    """Over the engine, and what the replicas say that they work on."""

    def __init__(self, work: Work, claims: Claims, clock: Callable[[], datetime]) -> None:
        self._work = work
        self._claims = claims
        self._clock = clock
        self._moved_at: datetime | None = None
        self._probing = False

    async def trouble(self, instance_id: str, *, refuses: bool) -> str:
        """What seems to be wrong with the instance; empty where nothing is.

        ``refuses``: the engine did not start one under this id. Raises StoreUnavailable.
        """
        if instance_id in await self._claims.claimed([instance_id]):
            return ""
        match (await self._work.status(instance_id)).state:
            case "unreadable":
                return "unreadable"
            case "running":
                return "idle"
            case "suspended":  # somebody holds it, and lets it go on
                return ""
        return "refused" if refuses else ""

    async def lasts(self, trouble: str, since: datetime) -> bool:
        """Whether it has lasted, and is not the engine's being slow with everything. Raises StoreUnavailable."""
        moves = trouble == "unreadable" or await self._engine_moves(since)
        return moves and (self._clock() - since).total_seconds() >= GRACE[trouble]

    async def _engine_moves(self, since: datetime) -> bool:
        """Whether an instance that began after ``since`` has run to its end."""
        if not self._moved(since) and not self._probing:
            began, self._probing = self._clock(), True
            try:
                if await self._work.probe():
                    self._moved_at = began
            finally:
                self._probing = False
        return self._moved(since)

    def _moved(self, since: datetime) -> bool:
        return self._moved_at is not None and self._moved_at > since
