"""The turns this process is just letting in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE = 1.0
"""Seconds a turn waits for its door at most; it may stand outside for another reason."""


class OpenDoors:
    """Lets a turn that begins here wait until its door has put it into the lane.

    The engine may hand a turn out before its door has written it down. Such a turn would find itself in no lane and
    enter by itself, which is right and costs four requests to the store more. Nothing rests on this: another replica
    does not know, and a door that died is not waited for.
    """

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}

    @contextmanager
    def letting_in(self, turn_id: str) -> Iterator[None]:
        """While this holds, the turn is on its way in."""
        passed = self._open.setdefault(turn_id, asyncio.Event())
        try:
            yield
        finally:
            passed.set()
            self._open.pop(turn_id, None)

    async def passed(self, turn_id: str) -> None:
        """Return when no door here is letting the turn in, or has for too long."""
        if (door := self._open.get(turn_id)) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await door.wait()
