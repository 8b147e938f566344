"""Turns that wait on this replica: for their place at the head of their session's queue, or for a moment.

A turn waits inside an activity, so its workflow needs neither a durable timer nor an event (ARC-029). The wait is in
this process's memory alone. Nothing rests on the wake-up: when the process dies, Dapr runs the activity again; when a
wake-up is lost, the reconciler's next look at the session's record finds who is at the head.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from travelbuddy.adapters.ports import ReplicaLink
from travelbuddy.domain.conversation import SessionRecord
from travelbuddy.workflow.contracts import AwaitTurnInput, PauseInput

LONGEST = 60.0
"""Seconds that one execution of ``await_turn`` waits; then the turn looks where it stands, and waits on."""
AT_THE_DOOR = 3.0
"""The same for a turn that its door has not let in yet: no record says when that door has died."""


class QueueWaits:
    """Who waits here, by session and turn."""

    def __init__(self, link: ReplicaLink, clock: Callable[[], datetime]) -> None:
        self._link = link
        self._clock = clock
        self._waiting: dict[str, dict[str, set[asyncio.Event]]] = {}
        self._places: dict[str, int] = {}
        self._look: Callable[[str], None] = lambda session_id: None
        self._moved: Callable[[str, int], None] = lambda turn_id, position: None
        link.on("admitted", self._on_admitted)

    def on_waiting(self, look: Callable[[str], None]) -> None:
        """Call ``look`` with the session of each turn that begins to wait: the turn before it may just have ended."""
        self._look = look

    def on_moved(self, tell: Callable[[str, int], None]) -> None:
        """Tell of each turn that waits here and has come nearer: how many of its session come first now."""
        self._moved = tell

    @property
    def turns(self) -> int:
        """How many turns wait here for others of their session."""
        return sum(len(turns) for turns in self._waiting.values())

    @property
    def sessions(self) -> frozenset[str]:
        """The sessions with turns that wait here."""
        return frozenset(self._waiting)

    async def await_turn(self, instance_id: str, asked: AwaitTurnInput) -> None:
        """Return when the turn may be at the head of its queue, at the latest after LONGEST seconds."""
        admitted = asyncio.Event()
        self._waiting.setdefault(asked.session_id, {}).setdefault(asked.turn_id, set()).add(admitted)
        self._places[asked.turn_id] = asked.position
        self._look(asked.session_id)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST if asked.position else AT_THE_DOOR):
                    await admitted.wait()
        finally:
            self._forget(asked.session_id, asked.turn_id, admitted)

    async def pause(self, instance_id: str, asked: PauseInput) -> None:
        """Return at the moment that is asked for; at once when it is over, as after a crash it may be."""
        await asyncio.sleep(max(0.0, (asked.until - self._clock()).total_seconds()))

    def wake(self, session_id: str, turn_id: str) -> None:
        """Let the turn look where it stands, on whichever replica it waits. Never waits and never fails.

        All replicas hear it: the others of its session, which have come nearer, may wait anywhere.
        """
        self._admitted(session_id, turn_id)
        self._link.broadcast({"kind": "admitted", "session": session_id, "turn": turn_id})

    def seen(self, session_id: str, session: SessionRecord | None) -> None:
        """Wake whoever of those that wait here is at the head by this record, or not in the queue at all."""
        queued = {entry.id: place for place, entry in enumerate(session.lane)} if session is not None else {}
        for turn_id in [*self._waiting.get(session_id, ())]:
            place = queued.get(turn_id, 0)
            if place and place != self._places.get(turn_id):
                self._places[turn_id] = place
                self._moved(turn_id, place)
            known = session is not None and session.entry(turn_id) is not None
            if not place and (known or session is None or session.done(turn_id)):
                self._wake(session_id, turn_id)

    def _on_admitted(self, notice: dict[str, Any]) -> None:
        self._admitted(str(notice["session"]), str(notice["turn"]))

    def _admitted(self, session_id: str, turn_id: str) -> None:
        self._wake(session_id, turn_id)
        if self._waiting.get(session_id, {}).keys() - {turn_id}:
            self._look(session_id)

    def _wake(self, session_id: str, turn_id: str) -> None:
        for admitted in self._waiting.get(session_id, {}).get(turn_id, ()):
            admitted.set()

    def _forget(self, session_id: str, turn_id: str, admitted: asyncio.Event) -> None:
        turns = self._waiting[session_id]
        turns[turn_id].discard(admitted)  # an old execution may wait beside a new one
        if not turns[turn_id]:
            del turns[turn_id]
            self._places.pop(turn_id, None)
        if not turns:
            del self._waiting[session_id]
