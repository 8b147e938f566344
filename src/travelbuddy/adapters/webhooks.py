"""Signed events to addresses that users chose: checked, then called at the very address that was checked."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult

from pydantic import JsonValue
from pydantic_core import to_json

from travelbuddy import __version__
from travelbuddy.adapters.public_addresses import Address, check_address, checked_url, refused
from travelbuddy.domain.signing import signature
from travelbuddy.errors import Transient
from travelbuddy.retry_after import seconds_to_wait

if TYPE_CHECKING:  # it takes some megabytes, so it is imported where something is sent
    import httpx

TIMEOUT = 10.0
"""Seconds for all of it: finding the address, connecting, sending, and the head of the answer."""
GONE = 410
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


async def resolve(host: str, port: int) -> Sequence[Address]:
    """The addresses of a name. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(where[0]).partition("%")[0]) for *_, where in found]


class Webhooks:
    """The WebhookSender port. Without a ``key`` to sign with nothing is sent."""

    def __init__(
        self,
        key: bytes | None,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``allow_private`` lets it call private addresses and any port, and loopback without TLS. For tests."""
        self._key = key
        self._allow_private = allow_private
        self._resolve = resolve
        self._transport = transport
        self._clock = clock

    async def check(self, url: str) -> None:
        """See WebhookSender. A name that cannot be resolved now is refused: whoever wrote it can still mend it."""
        if self._key is None:
            raise refused("this service sends no webhooks: its operator has to set WEBHOOK_SECRET")
        where = checked_url(url, allow_private=self._allow_private)
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._address(where)
        except (OSError, UnicodeError, TimeoutError):
            raise refused(f"the name {str(where.hostname)[:100]!r} cannot be resolved") from None

    async def send(self, url: str, event_id: str, body: Mapping[str, JsonValue]) -> None:
        """See WebhookSender. Redirects are not followed, and the answer's body is not read."""
        import httpx

        if self._key is None:
            raise refused("this service sends no webhooks any more")
        where = checked_url(url, allow_private=self._allow_private)
        content, now = to_json(body), int(self._clock())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"TravelBuddy/{__version__}",
            "webhook-id": event_id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._key, event_id, now, content),
        }
        try:
            async with asyncio.timeout(TIMEOUT):
                status, wait = await self._post(where, await self._address(where), content, headers)
        except TimeoutError:
            raise Transient(f"the receiver did not answer within {TIMEOUT:g} s") from None
        except (OSError, UnicodeError, httpx.HTTPError) as error:
            raise Transient(f"the receiver cannot be reached ({type(error).__name__})") from error
        if status == GONE:
            raise refused("the receiver wants no more events (410)")
        if not 200 <= status < 300:
            raise Transient(f"the receiver answered {status}", retry_after=wait)

    async def _address(self, where: SplitResult) -> Address:
        """The address to connect to. All of the name's must be allowed: a resolver may give any of them next time."""
        found = await self._resolve(str(where.hostname), _port(where))
        for address in found:
            check_address(address, allow_private=self._allow_private)
            if where.scheme == "http" and not address.is_loopback:
                raise refused("begin the address with https://")
        if not found:
            raise OSError("no address")
        return found[0]

    async def _post(
        self, where: SplitResult, address: Address, content: bytes, headers: Mapping[str, str]
    ) -> tuple[int, float | None]:
        """Post to this address; the certificate must be the name's. Returns the status and the time asked to wait."""
        import httpx

        url = httpx.URL(where.geturl()).copy_with(host=str(address), port=_port(where), fragment=None)
        host, name = where.netloc.rpartition("@")[2], str(where.hostname)
        extensions = {"sni_hostname": name} if where.scheme == "https" else {}
        async with (
            httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, transport=self._transport) as http,
            http.stream(
                "POST", url, content=content, headers={**headers, "Host": host}, extensions=extensions
            ) as answer,
        ):
            asked = answer.headers.get("retry-after")
            return answer.status_code, seconds_to_wait(asked, datetime.fromtimestamp(self._clock(), UTC))


def _port(where: SplitResult) -> int:
    return where.port or (443 if where.scheme == "https" else 80)
