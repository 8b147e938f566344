"""Whether the state store takes writes now, and what was found out at the start about how it is run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from travelbuddy.errors import StoreUnavailable

EVERY = 1.0
"""Seconds between two writes, however many probes ask."""
WITHIN = 1.5
"""Seconds in which a probe is answered: less than what Compose (2) and Kubernetes (3) wait."""

_REASONS = {
    "its memory is full": ("oom command not allowed", "out of memory"),
    "it is read-only": ("readonly", "read-only"),
    "it fails to save to its disk": ("misconf", "disk i/o error"),
    "its disk is full": ("disk is full", "no space left", "could not extend file"),
    "it does not permit it": ("noperm", "permission denied"),
}


class Readiness:
    """Asks the store by writing. Probes that come at once, or within ``every``, share one write and its outcome."""

    def __init__(
        self,
        write: Callable[[], Awaitable[None]],
        read: Callable[[], Awaitable[object]],
        warnings: Callable[[], Awaitable[Sequence[str]]] | None = None,
        *,
        every: float = EVERY,
        within: float = WITHIN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``write`` goes to the store past its breaker; ``read`` goes through it, and closes it when all is well.

        Both raise StoreUnavailable. ``warnings`` never waits for longer than ``within``.
        """
        self._write = write
        self._read = read
        self._warnings = warnings
        self._every = every
        self._within = within
        self._clock = clock
        self._asked: asyncio.Task[str | None] | None = None
        self._asked_at = 0.0

    async def lacking(self) -> str | None:
        """What is wrong with the state store, in words without a key or an address; None while it takes writes."""
        if self._asked is None or (self._asked.done() and self._clock() - self._asked_at >= self._every):
            self._asked_at = self._clock()
            self._asked = asyncio.create_task(self._ask())
        asked = self._asked
        await asyncio.wait({asked})  # a probe that hangs up takes nothing from the others
        return "state store" if asked.cancelled() else asked.result()

    async def warnings(self) -> list[str]:
        """What its operator should change about a store that works for now."""
        return list(await self._warnings()) if self._warnings is not None else []

    async def _ask(self) -> str | None:
        try:
            async with asyncio.timeout(self._within):
                try:
                    await self._write()
                except StoreUnavailable as trouble:
                    reason = reason_of(str(trouble))
                    return f"state store: cannot be written: {reason}" if reason else "state store"
                await self._read()
        except TimeoutError:
            return f"state store: no answer within {self._within:g} s"
        except StoreUnavailable:
            return "state store"
        return None


def reason_of(words: str) -> str | None:
    """Why a store refused a write, in our words; None for an answer that says nothing of the kind."""
    said = words.lower()
    return next((reason for reason, signs in _REASONS.items() if any(sign in said for sign in signs)), None)
