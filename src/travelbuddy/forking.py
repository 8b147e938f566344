"""Branching: a session goes on from an earlier turn, under a new id; the one it comes from stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from travelbuddy.adapters.ports import SessionRecords
from travelbuddy.domain.conversation import SessionRecord, TurnRecord
from travelbuddy.domain.forks import forked
from travelbuddy.domain.origin import ForkedFrom
from travelbuddy.domain.titles import MAX_BEGINNING, beginning
from travelbuddy.errors import KeyReused, NotFound
from travelbuddy.incoming import turn_prefix
from travelbuddy.lanes import Lanes, owned

_BRANCH = " (branch)"


class Forks(Protocol):
    """The records of forks. Every method raises StoreUnavailable when the store does not answer."""

    async def begin(self, session: SessionRecord) -> bool:
        """Store the session if there is none of its id. False: there is one, perhaps by this very call."""
        ...

    async def fill(self, turns: Sequence[TurnRecord]) -> None:
        """Store the records of its turns. Repeating it is harmless."""
        ...

    async def count(self, session: SessionRecord) -> None:
        """Store what it counts. Repeating it is harmless as long as it has not gone on."""
        ...


@dataclass(frozen=True)
class Branch:
    """What is asked for. ``turn``: how many of the turns that are kept, or the id of the last one; None for all."""

    turn: int | str | None = None
    session_id: str | None = None
    title: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Made:
    """A fork, and how many turns it took along."""

    session_id: str
    origin: ForkedFrom
    turns: int


class Forking:
    """Over the sessions, their lanes and the records of forks."""

    def __init__(self, records: SessionRecords, forks: Forks, lanes: Lanes, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._forks = forks
        self._lanes = lanes
        self._clock = clock

    async def fork(self, source_id: str, owner: str | None, branch: Branch) -> Made:
        """The new session; with a key, or an id, that was used before, the session of then.

        The session's record comes first, with all that a prompt sees and the ids of all its turns, then the older
        turns' own records: whoever dies in between leaves a session that lacks its oldest part, is erased like any
        other, and is made whole by the same request. Raises NotFound, KeyReused, and OwnedByAnother for an id that is
        taken.
        """
        source = await self._lanes.settle(source_id)
        if source is None or owner not in {None, source.user_id}:
            raise NotFound(f"no session {source_id!r}")
        session_id = branch.session_id or _session_id(source.user_id, branch.key)
        known = (await self._records.read(session_id)).session
        turns = await self._turns(source, branch.turn if branch.turn is not None else _last_of(known, source_id))
        origin = ForkedFrom(session_id=source_id, workflow_instance_id=turns[-1].workflow_instance_id)
        session, copies = forked(source, turns, origin, session_id, _ids(source.user_id, session_id), self._clock())
        if known is None:
            await self._records.index_session(source.user_id, session_id, await self._title(source, branch))
            if not await self._forks.begin(session):
                known = (await self._records.read(session_id)).session
        session = _same(known, session) if known is not None else session
        await self._forks.fill([copy for copy in copies if session.done(copy.workflow_instance_id)])
        if session.message_count == len(copies):
            await self._forks.count(session)
        return Made(session_id, origin, len(copies))

    async def _turns(self, source: SessionRecord, turn: int | str | None) -> list[TurnRecord]:
        """The turns up to the one that is meant, as far as they are still stored. Raises NotFound."""
        ids = list(source.turn_ids)
        last = len(ids) if turn is None else turn
        if isinstance(last, str):
            if last not in ids:
                raise NotFound(f"turn: no turn {last!r} in this session")
            last = ids.index(last) + 1
        if not 1 <= last <= len(ids):
            raise NotFound(
                f"turn: this session has the turns 1 to {len(ids)}" if ids else "this session has no turn yet"
            )
        wanted = ids[:last]
        inline = {record.workflow_instance_id: record for record in source.turns}
        stored = await self._records.find_turns([turn_id for turn_id in wanted if turn_id not in inline])
        found = [record for turn_id in wanted if (record := inline.get(turn_id) or stored.get(turn_id))]
        if not found:
            raise NotFound(f"turn: the turns up to {wanted[-1]!r} have expired")
        return found

    async def _title(self, source: SessionRecord, branch: Branch) -> str:
        if branch.title is not None:
            return branch.title
        index = await self._records.sessions_of(source.user_id)
        known = (index.title(source.session_id) or source.session_id).removesuffix(_BRANCH)
        return f"{(beginning(known) or '')[: MAX_BEGINNING - len(_BRANCH)]}{_BRANCH}"


def _last_of(known: SessionRecord | None, source_id: str) -> str | None:
    """The last turn of the fork that is there already: the source may have gone on since then."""
    origin = known.forked_from if known is not None else None
    return origin.workflow_instance_id if origin is not None and origin.session_id == source_id else None


def _same(known: SessionRecord, session: SessionRecord) -> SessionRecord:
    """The session that is there already, when it is the same fork."""
    if owned(known, session.user_id).forked_from != session.forked_from:
        raise KeyReused(f"session {session.session_id!r} is there already and is not this fork; choose another")
    return known


def _session_id(user_id: str, key: str | None) -> str:
    """A fresh id, or with a key always the same one for the same user and key."""
    if key is None:
        return f"fork-{uuid4().hex[:24]}"
    return f"fork-{hashlib.sha256(f'{len(user_id)}:{user_id}:{key}'.encode()).hexdigest()[:24]}"


def _ids(user_id: str, session_id: str) -> Callable[[str], str]:
    """The ids of the copies: letters, digits and ``-``, the same in every repetition."""
    prefix = turn_prefix(user_id)

    def id_of(turn_id: str) -> str:
        return f"{prefix}f{hashlib.sha256(f'{session_id}|{turn_id}'.encode()).hexdigest()[:40]}"

    return id_of
