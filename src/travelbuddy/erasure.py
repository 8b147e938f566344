"""Erasing: a session or a whole user, with everything the store and the workflow engine keep of them.

A tombstone comes first. An execution that is still under way somewhere finds it when its commit is refused, and
withdraws; so nothing comes back. The user's index goes last: whoever died in the middle is asked again and goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from travelbuddy.adapters.ports import ENDED, ErasableRecords, TurnEngine
from travelbuddy.adapters.work_ports import ErasableErrands
from travelbuddy.incoming import turn_prefix
from travelbuddy.side_by_side import side_by_side
from travelbuddy.workflow.contracts import TurnInput

log = structlog.get_logger(__name__)
ENDING = 5.0
"""Seconds an instance may take to end."""
SETTLE = 0.5
Result = TypeVar("Result")


class Erased(BaseModel):
    """How much was there."""

    sessions: int = 0
    turns: int = 0
    workflows: int = 0


class Erasure:
    """``stop`` ends a model call of a turn, wherever it runs; ``forget`` drops what is cached of a user."""

    def __init__(
        self,
        records: ErasableRecords,
        engine: TurnEngine,
        stop: Callable[[str], None],
        forget: Callable[[str], None],
        errands: ErasableErrands | None = None,
    ) -> None:
        self._errands = errands
        self._records = records
        self._engine = engine
        self._stop = stop
        self._forget = forget

    async def session(self, session_id: str, user_id: str) -> Erased:
        """Erase one session of this user: its record, its turns, their workflows. Repeating it is harmless."""
        await self._records.mark_erased(session_id)
        workflows = await self._drop_errands(user_id, session_id)
        turn_ids: set[str] = set()
        while (found := await self._records.turns_of(session_id)) is not None:
            ids, etag = found
            turn_ids |= set(ids)
            if await self._records.drop_session(session_id, user_id, etag):
                break
        workflows += await self._purge(turn_ids)
        await self._records.drop_turns(turn_ids)
        await self._records.unlist_session(user_id, session_id)
        log.info("erased.session", turns=len(turn_ids))
        return Erased(sessions=1, turns=len(turn_ids), workflows=workflows)

    async def user(self, user_id: str) -> Erased:
        """Erase everything of a user, also what no record names any more. Repeating it is harmless."""
        total, known = Erased(), await self._records.session_ids(user_id)
        for session_id in known:
            total = _sum(total, await self.session(session_id, user_id))
        for session_id in await self._sessions_left(user_id) - set(known):  # of corrupt records
            total = _sum(total, await self.session(session_id, user_id))
        total = _sum(total, Erased(workflows=await self._drop_errands(user_id)))
        left = await self._engine.ids(turn_prefix(user_id))
        total = _sum(total, Erased(workflows=await self._purge(left)))
        await self._records.drop_turns(left)
        await self._records.drop_user(user_id)
        self._forget(user_id)
        return total

    async def _drop_errands(self, user_id: str, session_id: str | None = None) -> int:
        """Erase the errands of one session, or of all, and their workflows; returns how many of those there were.

        The records go first, so that nothing is started for them any more; what was just being started is waited for.
        """
        if self._errands is None:
            return 0
        marks = await self._errands.marks(user_id)
        gone = {errand_id: mark for errand_id, mark in marks.items() if session_id in {None, mark.session_id}}
        if not gone:
            return 0
        await self._errands.delete(gone)
        await asyncio.sleep(SETTLE)
        workflows = await self._purge([i for errand_id, mark in gone.items() for i in mark.instances(errand_id)])
        await self._errands.unlist(user_id, gone)
        return workflows

    async def _sessions_left(self, user_id: str) -> set[str]:
        """The sessions of the workflows that the engine still keeps of this user."""
        sessions = set()
        for turn_id in await self._engine.ids(turn_prefix(user_id)):
            try:
                inp = TurnInput.model_validate((await self._engine.status(turn_id)).input or {})
            except ValidationError:  # purged meanwhile
                continue
            if inp.user_id == user_id:
                sessions.add(inp.session_id)
        return sessions

    async def _purge(self, turn_ids: Iterable[str]) -> int:
        """End and forget the turns' workflows, several at once; returns how many were there.

        Those that run are ended first and left alone for a moment; the others are not told to end. Whatever reports to
        an instance that is being purged leaves half of it on a store that applies parts of refused transactions.
        """
        ids = [*turn_ids]
        states = dict(zip(ids, await _each(self._state, ids), strict=True))
        if lost := [i for i, state in states.items() if state == "unreadable"]:  # Dapr cannot remove them either
            log.warning("erased.unreadable", instances=lost)
        running = [i for i, state in states.items() if state not in {*ENDED, "unreadable"}]
        await _each(self._end, running)
        if running:
            await asyncio.sleep(SETTLE)
        return sum(await _each(self._engine.purge, [i for i in ids if i not in lost]))

    async def _state(self, turn_id: str) -> str:
        return (await self._engine.status(turn_id)).state

    async def _end(self, turn_id: str) -> None:
        """Stop the turn's model call, end its workflow, and wait until that has ended."""
        self._stop(turn_id)
        await self._engine.terminate(turn_id)
        deadline = time.monotonic() + ENDING
        while await self._state(turn_id) not in ENDED and time.monotonic() < deadline:  # noqa: ASYNC110  it is remote
            await asyncio.sleep(0.05)


async def _each(do: Callable[[str], Awaitable[Result]], turn_ids: Iterable[str]) -> list[Result]:
    """The results for all turns, in their order, some at a time."""
    return await side_by_side([partial(do, turn_id) for turn_id in turn_ids])


def _sum(a: Erased, b: Erased) -> Erased:
    return Erased(sessions=a.sessions + b.sessions, turns=a.turns + b.turns, workflows=a.workflows + b.workflows)
