"""Waiting for a turn: event by event, or for its end. On any replica, from any point, however often it breaks off."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable

from pydantic import JsonValue

from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.progress import Cursor, Event, events_after
from travelbuddy.errors import NotBegun, NotFound, StoreUnavailable
from travelbuddy.live import LiveTurns
from travelbuddy.live_turn import LiveTurn, told
from travelbuddy.turns import Turns
from travelbuddy.views import TurnView, unfinished

LOOK_AFTER = 2.0
"""Seconds of silence after which a follower looks at the stored record: a notice may be lost."""
APPEARS_WITHIN = 15.0
"""Seconds in which a turn that was accepted may still be unknown to the engine of another replica."""


class Following:
    """Over what this replica hears of turns, and over what is stored of them."""

    def __init__(self, live: LiveTurns, turns: Turns, left: Callable[[], float] = lambda: math.inf) -> None:
        """``left`` is how long this replica still keeps anybody waiting, in seconds."""
        self._live = live
        self._turns = turns
        self._left = left
        self.streams = 0
        """Clients that follow a turn here, event by event."""

    async def ended(self, turn_id: str, seconds: float, *, ask: bool) -> TurnRecord | None:
        """The turn's record as soon as it has its outcome; None when that takes longer than ``seconds``.

        The turn is accepted, so a store that is away only makes this wait: it is no reason to send the message again.
        ``ask`` for a turn that may have begun before, here or elsewhere: look at the store and ask the replicas first.
        """
        deadline = time.monotonic() + seconds
        watch = _Watch(self._live, self._live.follow(turn_id), self._turns, look_first=ask)
        while True:
            try:
                record = await watch.record(turn_id)
            except StoreUnavailable:
                record = None
            left = min(deadline - time.monotonic(), self._left())
            if record is not None or left <= 0:
                return record
            await watch.news(left)

    async def events(
        self, turn_id: str, cursor: Cursor, *, ask: bool = True
    ) -> AsyncIterator[tuple[Event, TurnRecord | None]]:
        """The turn's events after ``cursor`` to its end; the last one, ``message``, comes with the turn's record.

        Where this replica is leaving they end before, without it. ``ask`` as above.
        """
        self.streams += 1
        try:
            async for event in self._events(turn_id, cursor, ask=ask):
                yield event
        finally:
            self.streams -= 1

    async def _events(
        self, turn_id: str, cursor: Cursor, *, ask: bool
    ) -> AsyncIterator[tuple[Event, TurnRecord | None]]:
        live = self._live.follow(turn_id)
        status: dict[str, JsonValue] = {}
        watch = _Watch(self._live, live, self._turns, look_first=ask)
        while not cursor.ended:
            record = await watch.record(turn_id)
            if (shown := _shown(live, record)) and shown != status:
                status = shown
                yield Event("status", status, cursor), record
            for event in events_after(live.steps, cursor, record):
                cursor = event.cursor
                yield event, record
            if record is None:
                if (left := self._left()) <= 0:
                    return
                await watch.news(min(LOOK_AFTER, left))

    def with_steps(self, view: TurnView) -> TurnView:
        """The view of a turn that is not over, with the steps that are known here to be finished."""
        if view.response is not None or (live := self._live.known(view.workflow_instance_id)) is None:
            return view
        return view.model_copy(update={"timeline": live.timeline})

    def held(self, view: TurnView) -> None:
        """The turn was paused or resumed: tell at once whoever follows it, on any replica."""
        self._live.stands(view.workflow_instance_id, _status_of(view))


def _status_of(view: TurnView) -> dict[str, JsonValue]:
    return {"state": view.status, "queue_position": view.queue_position, "doing": view.progress}


def _shown(live: LiveTurn, record: TurnRecord | None) -> dict[str, JsonValue]:
    """How the turn stands; at its end, before the message, all of its steps."""
    if record is None:
        return live.shown
    return {"state": "running", "timeline": [*told(record.timeline)]} if record.timeline else {}


class _Watch:
    """One follower's eye on a turn: looks at the store when there is a hint, or after a silence."""

    def __init__(self, all_turns: LiveTurns, live: LiveTurn, turns: Turns, *, look_first: bool) -> None:
        self._all = all_turns
        self._live = live
        self._turns = turns
        self._version = live.version
        self._hints = live.hints
        self._began = time.monotonic()
        self._heard = -math.inf if look_first else self._began

    async def record(self, turn_id: str) -> TurnRecord | None:
        """The turn's record when it is known to be over. Notes the status the engine gives otherwise."""
        live, now = self._live, time.monotonic()
        news, self._version = live.version != self._version, live.version
        hinted, self._hints = live.hints != self._hints, live.hints
        if live.record is not None:
            return live.record
        silent = now - self._heard >= LOOK_AFTER and not news
        if news or silent:
            self._heard = now
        if not hinted and not silent:
            return None
        if silent:
            self._all.ask(turn_id)  # whoever runs it tells what was said so far
        try:
            found = await self._turns.look(turn_id)
        except NotBegun:
            return None
        except NotFound:  # it was here a moment ago: accepted, or looked at
            if now - self._began > APPEARS_WITHIN:
                raise
            return None
        if isinstance(found, TurnRecord):
            return found
        view = unfinished(found)
        if view.status != live.status.get("state"):
            live.stands(_status_of(view))
        return None

    async def news(self, seconds: float) -> None:
        """Wait for a change of the turn, or until it is time to look again."""
        quiet = self._heard + LOOK_AFTER - time.monotonic()
        await self._live.newer(self._version, max(min(seconds, quiet), 0.001))
