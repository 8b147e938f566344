"""Turns as they happen: what the activities tell, kept for who follows on this replica, sent on to the others.

Nothing rests on it. Whoever follows also looks at the stored record, so a lost notice costs a moment and never an
answer; and telling never waits, so nobody who follows can slow a turn.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from cachetools import LRUCache, TTLCache
from pydantic import ValidationError

from travelbuddy.adapters.ports import ReplicaLink
from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.domain.messages import Message, ToolCall
from travelbuddy.domain.patience import Trouble, waiting
from travelbuddy.domain.progress import steps_of
from travelbuddy.domain.steps import Step
from travelbuddy.errors import TurnClosed
from travelbuddy.live_notices import Notice, calls_notice, running, stands_notice, steps_told
from travelbuddy.live_turn import LiveTurn
from travelbuddy.workflow.contracts import CallModelInput

KEPT = 4_096
"""Turns in memory at most; the ones longest untouched are forgotten."""
WANTED_SECONDS = 600.0
JUST_ENDED, JUST_ENDED_SECONDS = 32, 5.0
Result = TypeVar("Result")


class LiveTurns:
    """What this replica knows of turns, and the notices from and to the others."""

    def __init__(self, link: ReplicaLink) -> None:
        self._link = link
        self._closed: Callable[[str], None] = lambda turn_id: None
        self._away: Callable[[str], None] = lambda turn_id: None
        self._on_over: list[Callable[[str], None]] = []
        self._turns: LRUCache[str, LiveTurn] = LRUCache(KEPT)
        self._ended_now: TTLCache[str, LiveTurn] = TTLCache(JUST_ENDED, JUST_ENDED_SECONDS)
        self._wanted: TTLCache[str, set[str]] = TTLCache(KEPT, WANTED_SECONDS)
        self._calls: dict[str, asyncio.Future[Any]] = {}
        link.on("follow", self._on_follow)
        link.on("closed", lambda notice: self._close(str(notice["turn"])))
        link.on("turn", self._on_turn)

    # what the activities tell: none of it waits or fails

    def queued(self, turn_id: str, position: int, follower: str | None) -> None:
        """The turn waits behind ``position`` others. ``follower`` is the replica that asked to hear of it, or None."""
        live = self._live(turn_id, follower)
        live.stands({"state": "queued", "queue_position": position})
        self._told(turn_id, live, stands_notice(live))

    def asking(self, turn_id: str, call: CallModelInput) -> None:
        """The model is asked, with what the call says that happened so far."""
        live = self._live(turn_id, call.turn.follower)
        live.steps = [*steps_of(call.messages)][: call.step - 1]
        live.say(call.step, time.time_ns(), 0, "")
        live.stands(running(call, "asking the model"), call.timeline)
        self._told(turn_id, live, stands_notice(live))

    def waiting(
        self,
        turn_id: str,
        call: CallModelInput,
        trouble: Trouble,
        seconds: float | None,
        failed: Step | None = None,
        since: datetime | None = None,
    ) -> None:
        """The call came to nothing, for trouble with the model or the store; it is made again after ``seconds``.

        ``since``: from then on the model is away. When it is found to be, the replica that accepted the turn is told.
        """
        live = self._live(turn_id, call.turn.follower)
        doing = waiting(trouble, seconds, since)
        if trouble in {"model", "breaker"} and call.away_since is None:
            self._away(turn_id)
            if (accepted_by := call.turn.accepted_by) not in {None, self._link.name}:
                self._link.send(str(accepted_by), {"kind": "turn", "turn": turn_id, "away": True})
        live.stands(running(call, doing), (*call.timeline, *([failed] if failed is not None else [])))
        self._told(turn_id, live, stands_notice(live))

    def text(self, turn_id: str, step: int, piece: str) -> None:
        """The model said a piece of the answer to its ``step``-th question."""
        live = self._live(turn_id, None)
        said = live.step(step)
        offset, said.text = len(said.text), said.text + piece
        self._told(turn_id, live, {"step": step, "run": live.run, "offset": offset, "text": piece})

    def calls(self, turn_id: str, step: int, message: Message, done: Step) -> None:
        """The answer to the ``step``-th question, which took the model this, calls these tools."""
        live = self._live(turn_id, None)
        said = live.step(step)
        said.text, said.calls, said.results = message.content, message.tool_calls or (), {}
        live.stands({"state": "running", "doing": "using tools", "step": step}, (*live.timeline, done))
        self._told(turn_id, live, {**stands_notice(live), "step": step, **calls_notice(said)})

    def result(self, turn_id: str, step: int, message: Message, follower: str | None, done: Step) -> None:
        """A tool called by the ``step``-th answer gave this result; it took this."""
        live = self._live(turn_id, follower)
        call_id = message.tool_call_id or ""
        live.step(step).results[call_id] = message.content
        live.note(done)
        noted = done.model_dump(mode="json")
        self._told(turn_id, live, {"step": step, "result": call_id, "content": message.content, "noted": noted})

    def stands(self, turn_id: str, status: Mapping[str, Any]) -> None:
        """Somebody paused or resumed the turn, which may be at work on any replica: all are told."""
        if (live := self.known(turn_id)) is not None:
            live.stands(status)
            live.tell()
        self._link.broadcast({"kind": "turn", "turn": turn_id, "status": dict(status)})

    def done(self, record: TurnRecord, accepted_by: str | None = None) -> None:
        """The turn is committed. One closed without an answer may be at work on any replica: all are told.

        So is the replica that let it in, whether anybody follows it there or not.
        """
        turn_id = record.workflow_instance_id
        self._over(turn_id)
        if accepted_by is not None and accepted_by != self._link.name:
            self._link.send(accepted_by, {"kind": "turn", "turn": turn_id, "done": True})
        if record.outcome in {"cancelled", "interrupted"}:
            self.close(turn_id)
        live = self._turns.pop(turn_id, None)
        if live is not None:
            live.record = record
            self._ended_now[turn_id] = live  # its door may not have come to follow it yet
            live.followers.discard(accepted_by or "")
            self._told(turn_id, live, {"done": True})

    # for who follows, and for who asks the model

    def follow(self, turn_id: str) -> LiveTurn:
        """The turn as it goes on here; one that ended here a moment ago with its record."""
        ended: LiveTurn | None = self._ended_now.get(turn_id)
        return ended or self._live(turn_id, None)

    def known(self, turn_id: str) -> LiveTurn | None:
        """The turn as it goes on here, if anything is known of it."""
        live: LiveTurn | None = self._turns.get(turn_id)
        return live

    def ask(self, turn_id: str) -> None:
        """Ask the other replicas to tell what happened of the turn so far, and what comes."""
        self._link.broadcast({"kind": "follow", "turn": turn_id, "to": self._link.name})

    async def unless_closed(self, turn_id: str, call: Coroutine[Any, Any, Result]) -> Result:
        """The result of ``call``; TurnClosed as soon as the turn is cancelled or interrupted on any replica."""
        task: asyncio.Future[Result] = asyncio.ensure_future(call)
        self._calls[turn_id] = task
        try:
            return await task
        except asyncio.CancelledError:
            if self._calls.get(turn_id) is not task:  # ended by _close, not by whoever runs us
                raise TurnClosed("the turn was closed while the model was being asked") from None
            raise
        finally:
            if self._calls.get(turn_id) is task:
                del self._calls[turn_id]

    def on_closed(self, tell: Callable[[str], None]) -> None:
        """Tell every turn that is closed without an answer, on whichever replica."""
        self._closed = tell

    def on_over(self, tell: Callable[[str], None]) -> None:
        """Tell every turn that is known to have its outcome; each who asked is told."""
        self._on_over.append(tell)

    def on_away(self, tell: Callable[[str], None]) -> None:
        """Tell every turn that begins to wait for a model that is away."""
        self._away = tell

    def close(self, turn_id: str) -> None:
        """Stop asking the model for this turn, on whichever replica that is done."""
        self._close(turn_id)
        self._link.broadcast({"kind": "closed", "turn": turn_id})

    def _over(self, turn_id: str) -> None:
        for tell in self._on_over:
            tell(turn_id)

    def _close(self, turn_id: str) -> None:
        self._closed(turn_id)
        self._over(turn_id)
        if (call := self._calls.pop(turn_id, None)) is not None:
            call.cancel()
        if (live := self._turns.get(turn_id)) is not None:
            live.hints += 1
            live.tell()

    # notices

    def _live(self, turn_id: str, follower: str | None) -> LiveTurn:
        live: LiveTurn | None = self._turns.get(turn_id)
        if live is None:
            live = self._turns[turn_id] = LiveTurn()
            live.followers |= self._wanted.pop(turn_id, set())
        if follower is not None and follower != self._link.name:
            live.followers.add(follower)
        return live

    def _told(self, turn_id: str, live: LiveTurn, notice: Notice) -> None:
        live.tell()
        for replica in live.followers:
            self._link.send(replica, {"kind": "turn", "turn": turn_id, **notice})

    def _on_follow(self, notice: Notice) -> None:
        """Another replica wants to hear of a turn: tell it what there is, and all that comes."""
        turn_id, replica = str(notice["turn"]), str(notice["to"])
        if replica == self._link.name:
            return
        live: LiveTurn | None = self._turns.get(turn_id)
        if live is None:
            self._wanted[turn_id] = {*self._wanted.get(turn_id, set()), replica}
            return
        live.followers.add(replica)
        if live.status:
            self._link.send(replica, {"kind": "turn", "turn": turn_id, **stands_notice(live)})
        for number, said in enumerate(live.steps, start=1):
            head = {"kind": "turn", "turn": turn_id, "step": number}
            self._link.send(replica, {**head, "run": live.run, "offset": 0, "text": said.text})
            if said.calls:
                self._link.send(replica, {**head, **calls_notice(said)})
            for call_id, content in said.results.items():
                self._link.send(replica, {**head, "result": call_id, "content": content})

    def _on_turn(self, notice: Notice) -> None:
        """News of a turn that runs on another replica and is followed here."""
        live: LiveTurn | None = self._turns.get(str(notice["turn"]))
        if "done" in notice:
            self._over(str(notice["turn"]))
        if "away" in notice:
            self._away(str(notice["turn"]))
        if live is None:
            return
        step = int(notice.get("step", 0))
        if "status" in notice:
            live.stands(dict(notice["status"]), steps_told(notice["timeline"]) if "timeline" in notice else None)
        if "done" in notice:
            live.hints += 1
        elif "text" in notice:
            live.say(step, int(notice["run"]), int(notice["offset"]), str(notice["text"]))
        elif "calls" in notice:
            said = live.step(step)
            with suppress(ValidationError):
                said.calls = tuple(ToolCall.model_validate(call) for call in notice["calls"])
            said.text = str(notice["content"])
        elif "result" in notice:
            live.step(step).results[str(notice["result"])] = str(notice["content"])
            for noted in steps_told([notice.get("noted")]):
                live.note(noted)
        live.tell()
