"""AUTH=jwt: signed tokens of an identity provider (RFC 7519), checked with its published keys (RFC 7517)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from http.client import HTTPException

import jwt
import structlog

from travelbuddy.access.callers import Caller
from travelbuddy.domain.users import ID_PATTERN
from travelbuddy.errors import IdentityUnavailable, Unauthenticated

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a private key only: with a shared secret, whoever checks could also sign, and ``none`` is none."""
LEEWAY = 5.0
"""Seconds by which clocks may differ."""
FRESH, STALE = 300.0, 3600.0
"""Seconds after which keys are fetched anew, and until which old ones are used when that fails."""
PAUSE = 10.0
"""Seconds between two fetches: an unknown key id is worth one, a flood of them is not."""
TIMEOUT = 5.0

log = structlog.get_logger(__name__)


class Tokens:
    """The Authenticator over an identity provider's keys."""

    def __init__(
        self,
        jwks_url: str,
        audience: str,
        issuer: str,
        claim: str = "sub",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``claim`` names the claim that is the user id."""
        self._source = jwt.PyJWKClient(jwks_url, cache_jwk_set=False, timeout=TIMEOUT)
        self._audience = audience
        self._issuer = issuer
        self._claim = claim
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = -STALE
        self._fetching = asyncio.Lock()

    async def caller(self, credential: str | None) -> Caller:
        """See Authenticator."""
        if not credential:
            raise Unauthenticated("send a token as `Authorization: Bearer TOKEN`")
        try:
            header = jwt.get_unverified_header(credential)
            key = await self._key(str(header.get("kid", "")))
            claims = jwt.decode(
                credential,
                key,
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "aud", "iss", self._claim]},
            )
        except jwt.PyJWTError as bad:
            raise Unauthenticated(f"this token is not accepted: {bad}") from bad
        user_id = claims[self._claim]
        if not isinstance(user_id, str) or len(user_id) > 128 or not re.fullmatch(ID_PATTERN, user_id):
            raise Unauthenticated(f"this token is not accepted: its claim {self._claim!r} is no user id")
        return Caller(user_id)

    async def _key(self, key_id: str) -> jwt.PyJWK:
        """The provider's key of this id. Raises Unauthenticated and IdentityUnavailable."""
        now = self._clock()
        usable = now - self._fetched < (STALE if self._fetching.locked() else FRESH)  # one waits for a new set, not all
        if usable and key_id in self._keys:
            return self._keys[key_id]
        async with self._fetching:
            if now - self._tried > PAUSE:
                await self._fetch(now)
        if key_id in self._keys and now - self._fetched < STALE:
            return self._keys[key_id]
        if now - self._fetched > FRESH:
            raise IdentityUnavailable("the identity provider's keys cannot be read now", retry_after=PAUSE)
        raise Unauthenticated("this token is not accepted: it is signed with a key that is not known")

    async def _fetch(self, now: float) -> None:
        self._tried = now
        try:
            found = await asyncio.to_thread(self._source.get_jwk_set, True)
        except (jwt.PyJWTError, OSError, ValueError, HTTPException) as trouble:
            log.warning("identity.keys_not_read", reason=str(trouble))
            return
        self._keys = {str(key.key_id or ""): key for key in found.keys if key.public_key_use in {None, "sig"}}
        self._fetched = now
