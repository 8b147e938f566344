"""The two activities of a task from another agent. Both may run again: the key makes it the same turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from travelbuddy.access.callers import Caller
from travelbuddy.domain.conversation import TurnRecord
from travelbuddy.errors import NotFound, Permanent, Transient
from travelbuddy.incoming import Incoming
from travelbuddy.turns import Accepted
from travelbuddy.workflow.executing import Execute, plain
from travelbuddy.workflow.team_payloads import ACCEPT_TASK, AWAIT_REPLY, AcceptTask, Ask, AwaitReply, Progress

log = structlog.get_logger(__name__)

DOOR = "team"
PATIENCE = 60.0
"""Seconds that one execution of ``await_reply`` waits. After a kill another one begins at once."""
RETRY = 2.0
LONGEST_WAIT = 60.0
"""Seconds that an execution waits at most before it does something, whatever the clocks of two machines say."""
ERASED = "The conversation was erased before I could answer."


class Ends(Protocol):
    """Who can tell the end of a turn; see Following."""

    async def ended(self, turn_id: str, seconds: float, *, ask: bool) -> TurnRecord | None:
        """The turn's record as soon as it has its outcome; None when that takes longer."""
        ...


class TeamActivities:
    """``accept_task`` and ``await_reply``, over the one way in and whoever hears how turns end."""

    def __init__(
        self, accept: Callable[[Incoming], Awaitable[Accepted]], ends: Ends, clock: Callable[[], float] = time.time
    ) -> None:
        self._accept = accept
        self._ends = ends
        self._clock = clock

    def by_name(self) -> dict[str, Execute]:
        """For the worker."""
        return {
            ACCEPT_TASK: plain(ACCEPT_TASK, AcceptTask, self.accept_task),
            AWAIT_REPLY: plain(AWAIT_REPLY, AwaitReply, self.await_reply),
        }

    async def accept_task(self, instance_id: str, task: AcceptTask) -> Progress:
        """The task as a turn, once. A refusal is a reply: another try would end the same way."""
        await self._until(task)
        try:
            session_id = Caller(task.user_id).enters(task.session_id)
            incoming = Incoming(task.user_id, session_id, task.text, key=task.key, door=DOOR)
            return Progress(turn_id=(await self._accept(incoming)).turn_id)
        except Transient as down:
            log.warning("team.retry", reason=down.brief)
            return Progress(retry_after=down.retry_after or RETRY)
        except Permanent as refused:
            return Progress(reply=f"I cannot take this task: {refused}.")

    async def await_reply(self, instance_id: str, asked: AwaitReply) -> Progress:
        """What the turn has said at its end, whatever that is; nothing after PATIENCE."""
        await self._until(asked)
        try:
            record = await self._ends.ended(asked.turn_id, PATIENCE, ask=True)
        except NotFound:
            return Progress(reply=ERASED)
        return Progress() if record is None else Progress(reply=record.reply.content)

    async def _until(self, asked: Ask) -> None:
        """Wait for the moment before which nothing is to be done."""
        await asyncio.sleep(min(max(0.0, asked.after - self._clock()), LONGEST_WAIT))
