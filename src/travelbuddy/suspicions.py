"""Which workflow instances seem to be in trouble, and since when: one look alone proves nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import structlog
from cachetools import TTLCache

log = structlog.get_logger(__name__)

GRACE: Mapping[str, float] = {
    "ended": 0.5,
    "missing": 2.0,
    "unreadable": 4.0,
    "idle": 8.0,
    "refused": 8.0,
}
"""Seconds for which an instance must seem to be in trouble at every look before it is replaced, by kind of trouble.

``ended``: its workflow is over, and what it was for is not. ``missing``: Dapr knows no such instance. ``unreadable``:
Dapr cannot read its state. ``idle``: Dapr says that it runs, and no replica works on it. ``refused``: Dapr started none
under this id, and knows none.
"""
PROBED: frozenset[str] = frozenset({"idle", "refused"})
"""What may also be the engine's being slow with everything: a probe of its own must have got through meanwhile."""
PROBE_EVERY = 2.0
_KEPT, _KEPT_FOR = 10_000, 600.0


@dataclass(frozen=True)
class _Suspicion:
    trouble: str
    since: float


class Suspicions:
    """What is suspected of turns or of jobs, over a ``probe`` that runs a workflow to its end."""

    def __init__(
        self, of: Literal["turn", "job"], probe: Callable[[], Awaitable[bool]], clock: Callable[[], float]
    ) -> None:
        self._of = of
        self._probe = probe
        self._clock = clock
        self._known: TTLCache[str, _Suspicion] = TTLCache(_KEPT, _KEPT_FOR, clock)
        self._probing = False
        self._probed_at = self._moved_at = float("-inf")

    def clear(self) -> None:
        """Forget all: the engine was started anew."""
        self._known.clear()

    def drop(self, subject: str) -> None:
        """Nothing seems to be wrong with it any more."""
        self._known.pop(subject, None)

    def trouble_of(self, subject: str) -> str | None:
        """The trouble that it is suspected of."""
        known = self._known.get(subject)
        return known.trouble if known is not None else None

    async def certain(self, subject: str, trouble: str) -> bool:
        """Whether this trouble has lasted at every look, and is not the engine being slow. Raises StoreUnavailable."""
        known = self._known.get(subject)
        if known is None or known.trouble != trouble:
            known = self._known[subject] = _Suspicion(trouble, self._clock())
            log.info(f"{self._of}.suspected", **{self._of: subject}, trouble=trouble)
        moves = trouble not in PROBED or await self._engine_moves(known.since)
        return moves and self._clock() - known.since >= GRACE[trouble]

    async def _engine_moves(self, since: float) -> bool:
        """Whether an instance that began after ``since`` has run to its end."""
        now = self._clock()
        if self._moved_at <= since < now and not self._probing and now - self._probed_at >= PROBE_EVERY:
            self._probed_at, self._probing = now, True
            try:
                if await self._probe():
                    self._moved_at = now
            finally:
                self._probing = False
        return self._moved_at > since
