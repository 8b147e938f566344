"""How many turns may be in progress: who is let in is answered in time, who is not is told when to come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import ceil, inf

from cachetools import TTLCache

from travelbuddy.errors import Overloaded

AT_ONCE = 8
"""Messages that are accepted side by side. More of them would only share the same machine and all be later: when fifty
come in one moment, the first are at work while the last still wait outside."""
FORGET = 600.0
"""Seconds after which a turn that nobody has told the end of no longer counts."""
WEIGHT = 0.1
LONGEST_WAIT = 30.0


class Admission:
    """Counts the turns that this replica's HTTP doors have let in and whose end it has not heard of.

    By Little's law their number over the throughput is how long a turn takes, so a bound on it bounds the wait. A turn
    that waits in its session's lane counts as well; one that waits for a model that is away does not, from then on.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        """``limit`` is the number of turns in progress from which on nobody is let in."""
        self._limit = limit
        self._clock = clock
        self._open: TTLCache[str, float] = TTLCache(inf, FORGET, timer=clock)
        self._entering = 0
        self._turnstile = asyncio.Semaphore(AT_ONCE)
        self._seconds = 1.0
        self.refused = 0
        """How many were sent away."""

    @property
    def in_progress(self) -> int:
        """Turns let in and not known to be over."""
        return len(self._open) + self._entering

    @asynccontextmanager
    async def entering(self) -> AsyncIterator[Callable[[str], None]]:
        """A place for one message; call what is given with the turn's id once it is accepted. Raises Overloaded."""
        if self.in_progress >= self._limit:
            self.refused += 1
            raise Overloaded(
                f"this replica has {self._limit} turns in progress; nothing was accepted, send it again later",
                retry_after=ceil(min(max(self._seconds, 1.0), LONGEST_WAIT)),
            )
        self._entering += 1
        try:
            async with self._turnstile:
                yield self._accepted
        finally:
            self._entering -= 1

    def over(self, turn_id: str) -> None:
        """The turn has its outcome."""
        began = self._open.pop(turn_id, None)
        if began is not None:
            self._seconds += WEIGHT * (self._clock() - began - self._seconds)

    def away(self, turn_id: str) -> None:
        """The turn waits for a model that is away, which may take long and is no work; it is not counted again."""
        self._open.pop(turn_id, None)

    def _accepted(self, turn_id: str) -> None:
        self._open[turn_id] = self._clock()
