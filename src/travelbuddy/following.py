"""Waiting for a turn: event by event, or for its end. On any replica, from any point, however often it breaks off."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from pydantic import JsonValue

from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.progress import Cursor, Event, events_after
from travelbuddy.live import LiveTurn, LiveTurns
from travelbuddy.turns import Turns
from travelbuddy.views import unfinished

LOOK_EVERY = 2.0
"""Seconds between looks at the stored record, in case that a notice is lost."""


class Following:
    """Over what this replica hears of turns, and over what is stored of them."""

    def __init__(self, live: LiveTurns, turns: Turns) -> None:
        self._live = live
        self._turns = turns

    async def ended(self, turn_id: str, seconds: float, *, ask: bool) -> TurnRecord | None:
        """The turn's record as soon as it has its outcome; None when that takes longer than ``seconds``."""
        watch, deadline = (
            _Watch(self._live, self._live.follow(turn_id, ask=ask), self._turns),
            time.monotonic() + seconds,
        )
        while True:
            record = await watch.record(turn_id)
            left = deadline - time.monotonic()
            if record is not None or left <= 0:
                return record
            await watch.news(left)

    async def events(
        self, turn_id: str, cursor: Cursor, *, ask: bool = True
    ) -> AsyncIterator[tuple[Event, TurnRecord | None]]:
        """The turn's events after ``cursor`` to its end; the last one, ``message``, comes with the turn's record."""
        live = self._live.follow(turn_id, ask=ask)
        status: dict[str, JsonValue] = {}
        watch = _Watch(self._live, live, self._turns)
        while not cursor.ended:
            record = await watch.record(turn_id)
            if record is None and live.status != status:
                status = dict(live.status)
                yield Event("status", status, cursor), None
            for event in events_after(live.steps, cursor, record):
                cursor = event.cursor
                yield event, record
            if record is None:
                await watch.news(LOOK_EVERY)


class _Watch:
    """One follower's eye on a turn: looks at the store when there is a hint, or when it has not for a while."""

    def __init__(self, all_turns: LiveTurns, live: LiveTurn, turns: Turns) -> None:
        self._all = all_turns
        self._live = live
        self._turns = turns
        self._version = self._hints = self._looked = -1
        self._look_at = time.monotonic() + LOOK_EVERY / 10

    async def record(self, turn_id: str) -> TurnRecord | None:
        """The turn's record when it is known to be over. Notes the status the engine gives otherwise."""
        live = self._live
        self._version = live.version
        if live.record is not None:
            return live.record
        hinted, self._hints = self._hints not in (-1, live.hints), live.hints
        if not hinted and time.monotonic() < self._look_at:
            return None
        if live.version == self._looked:
            self._all.ask(turn_id)  # so long a silence may be a lost notice
        self._looked = live.version
        self._look_at = time.monotonic() + LOOK_EVERY
        found = await self._turns.find(turn_id)
        if isinstance(found, TurnRecord):
            return found
        view = unfinished(found)
        if view.status != live.status.get("state"):
            live.status = {"state": view.status, "queue_position": view.queue_position, "doing": view.progress}
        return None

    async def news(self, seconds: float) -> None:
        """Wait for a change of the turn, or until it is time to look again."""
        await self._live.newer(self._version, max(min(seconds, self._look_at - time.monotonic()), 0.001))
