"""The gate in front of the doors: how often, then who."""

from __future__ import annotations

import hmac
from typing import Protocol

from travelbuddy.access.callers import Authenticator, Caller
from travelbuddy.errors import Unauthenticated


class RateLimit(Protocol):
    """Counts requests."""

    async def count(self, kind: str, who: str) -> None:
        """One more of this kind of caller; raises TooManyRequests."""
        ...


class Gate:
    """Lets requests through to the doors."""

    def __init__(
        self, authenticator: Authenticator, rates: RateLimit | None = None, app_token: str | None = None
    ) -> None:
        """``app_token`` is APP_API_TOKEN: what the sidecar shows with each call to the app."""
        self._authenticator = authenticator
        self._rates = rates
        self._app_token = app_token

    async def caller(self, address: str, credential: str | None) -> Caller:
        """Who is calling from there. Raises Unauthenticated, IdentityUnavailable, TooManyRequests."""
        await self.visit(address)  # first: guessing credentials is counted too
        caller = await self._authenticator.caller(credential)
        if self._rates is not None and caller.user_id is not None:
            await self._rates.count("user", caller.user_id)
        return caller

    async def visit(self, address: str) -> None:
        """Count a request from there. Raises TooManyRequests."""
        if self._rates is not None:
            await self._rates.count("address", address)

    def check_sidecar(self, token: str | None) -> None:
        """Raise Unauthenticated unless this is the sidecar's token, where there is one."""
        if self._app_token is not None and not hmac.compare_digest((token or "").encode(), self._app_token.encode()):
            raise Unauthenticated("only the Dapr sidecar may call this")
