"""A replica on its way out: for how long it still answers those it has let in, and when it lets go of its work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from math import inf


class Drain:
    """Begun once, by whoever stops the service; everybody else only asks how much time is left.

    Messages go on being accepted as long as somebody can reach the door: accepting is durable and waits for nothing, so
    a client that did not hear yet that it should go elsewhere is served as ever.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends = inf
        self._work: asyncio.Future[None] | None = None

    @property
    def begun(self) -> bool:
        """True once the replica is leaving, and should be given nothing new."""
        return self._ends < inf

    def left(self) -> float:
        """Seconds until everybody who still waits is told to look elsewhere; without end while nobody has begun."""
        return self._ends - self._clock()

    def begin(self, seconds: float) -> None:
        """From now on this replica is leaving; beginning again changes nothing."""
        self._ends = min(self._ends, self._clock() + seconds)

    def works(self, work: asyncio.Future[None]) -> None:
        """``work`` is what takes turns from the engine."""
        self._work = work

    async def hand_over(self) -> None:
        """Take no more work. What was begun the engine gives to another replica, or to this one when it is back."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
