"""A user's sessions as they are listed: which there are, found by what they are called, and called otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from travelbuddy.adapters.ports import SessionRecords
from travelbuddy.domain.accounts import SessionSummary, summaries
from travelbuddy.domain.users import SessionIndex
from travelbuddy.errors import NotFound

NOBODYS = "default"
"""Whose sessions are meant where neither a credential nor the request names a user."""


class Titles(Protocol):
    """What sessions are called, in the store."""

    async def retitle(self, user_id: str, session_id: str, title: str | None) -> SessionIndex | None:
        """Call the session so, or with None as its first message begins; None when the user has no such session."""
        ...


class SessionList:
    """Over the records of sessions, and their titles."""

    def __init__(self, records: SessionRecords, titles: Titles, clock: Callable[[], datetime]) -> None:
        self._records = records
        self._titles = titles
        self._clock = clock

    async def of(self, owner: str | None) -> list[SessionSummary]:
        """The user's sessions that still exist, latest activity first."""
        user_id = owner or NOBODYS
        index, tallies = await self._records.sessions_of(user_id), await self._records.tallies_of(user_id)
        return summaries(index, tallies, self._clock())

    async def page(
        self, owner: str | None, limit: int, before: str | None, wanted: str
    ) -> tuple[list[SessionSummary], str | None]:
        """At most ``limit`` of those that ``wanted`` is a part of the title or id of, and where the next page begins.

        Raises NotFound when there is no session ``before`` to go on from.
        """
        found = await self.of(owner)
        if before is not None:
            ids = [session.session_id for session in found]
            if before not in ids:
                raise NotFound(f"before: no session {before!r} of this user")
            found = found[ids.index(before) + 1 :]
        matching = [session for session in found if _matches(session, wanted.casefold())]
        page = matching[:limit]
        return page, page[-1].session_id if len(matching) > limit else None

    async def find(self, owner: str | None, session_id: str) -> SessionSummary:
        """One of them. Raises NotFound."""
        for session in await self.of(owner):
            if session.session_id == session_id:
                return session
        raise NotFound(f"no session {session_id!r}")

    async def rename(self, owner: str | None, session_id: str, title: str | None) -> SessionSummary:
        """Give the session a title of its user's own; with None it gets back the one it began with. Raises NotFound."""
        if owner is None and (known := (await self._records.read(session_id)).session) is not None:
            owner = known.user_id
        session = await self.find(owner, session_id)
        index = await self._titles.retitle(owner or NOBODYS, session_id, title)
        if index is None:  # erased meanwhile
            raise NotFound(f"no session {session_id!r}")
        return session.model_copy(update={"title": index.title(session_id)})


def _matches(session: SessionSummary, wanted: str) -> bool:
    return wanted in session.session_id.casefold() or wanted in (session.title or "").casefold()
