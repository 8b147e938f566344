"""Who a request is from, and what follows from that for the ids in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from travelbuddy.errors import NotFound, NotYou, OwnedByAnother

_PERSONAL = ("dm-", "default-")
"""Beginnings of sessions that belong to the user whose id follows, also before they exist."""


@dataclass(frozen=True)
class Caller:
    """Whom the credential names. ``user_id`` is None where nobody is asked for one (AUTH=none)."""

    user_id: str | None = None

    def acts_as(self, claimed: str | None) -> str | None:
        """Whose message this is: the caller's own; without credentials, whoever the request names. Raises NotYou."""
        if self.user_id is None:
            return claimed
        if claimed not in {None, self.user_id}:
            raise NotYou("user_id: your credential is another user's; leave the field out")
        return self.user_id

    def sees(self, claimed: str | None) -> str | None:
        """Whose things this request may see; None is everybody's. Raises NotFound for another user's."""
        if self.user_id is None:
            return claimed
        if claimed not in {None, self.user_id}:
            raise NotFound(f"no user {claimed!r}")
        return self.user_id

    def enters(self, session_id: str) -> str:
        """The session, unless its name says that it is another user's; raises OwnedByAnother."""
        personal = next((prefix for prefix in _PERSONAL if session_id.startswith(prefix)), None)
        if self.user_id is not None and personal is not None and session_id != f"{personal}{self.user_id}":
            raise OwnedByAnother(f"session {session_id!r} is not yours; choose another session_id")
        return session_id


class Authenticator(Protocol):
    """Tells whom a credential belongs to."""

    async def caller(self, credential: str | None) -> Caller:
        """Whom it names. Raises Unauthenticated, and IdentityUnavailable when that cannot be told now."""
        ...


class Anybody:
    """AUTH=none: requests say themselves whose they are. For one machine and the people who trust each other on it."""

    async def caller(self, credential: str | None) -> Caller:
        """See Authenticator; a credential that nobody asked for is not looked at."""
        return Caller()
