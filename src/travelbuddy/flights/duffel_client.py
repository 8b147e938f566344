"""Requests to Duffel, and what its answers mean for us: an answer, ToolError or Transient, and nothing else.

Duffel asks not to repeat a request that was answered with 500 or 502, so these are no Transient to the caller; 503, 504
and time-outs are. See https://duffel.com/docs/api/overview/response-handling.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog
from pydantic_core import from_json

from travelbuddy.errors import ToolError, Transient
from travelbuddy.resilience import Guard
from travelbuddy.retry_after import seconds_to_wait
from travelbuddy.telemetry.tracing import Value, span

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 10.0
MOST_BYTES = 64 * 1024 * 1024
LONGEST_WAIT = 3600.0
THRESHOLD = 5
OPEN_FOR = 10.0
_WORTH_A_RETRY = {408, 425, 503, 504}
_NOT_YET = {202, 204}
_BROKEN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, RuntimeError, ValueError)
GONE = {"offer_no_longer_available", "offer_expired", "offer_request_expired"}
_ARGUMENTS = {
    ("origin", False): "origin",
    ("destination", False): "destination",
    ("departure_date", False): "departure_date",
    ("departure_date", True): "return_date",
    ("cabin_class", False): "cabin",
    ("max_connections", False): "max_stops",
}
"""What the caller knows a field of theirs as; True for the way back."""


@dataclass(frozen=True)
class Answer:
    """What was answered: ``data`` is None where there is none yet (202)."""

    status: int
    data: Any


class Failed(Transient):
    """The supplier broke down (500, 502): what was asked for may have been done or not. Not to be asked again."""

    def __init__(self, request_id: str) -> None:
        super().__init__("the flight supplier broke down")
        self.request_id = request_id


class Refused(ToolError):
    """The supplier does not do what was asked; ``code`` is its word for why."""

    def __init__(self, kind: str, message: str, *, field: str | None, code: str, status: int) -> None:
        super().__init__(kind, message, field=field)
        self.code = code
        self.status = status

    @property
    def brief(self) -> str:
        """The message up to the words of the other side, which may quote who travels."""
        return str(self).partition(":")[0]

    @property
    def gone(self) -> bool:
        """Whether the offer that was asked about is not to be had any more."""
        return self.status in {404, 410} or self.code in GONE


class DuffelClient:
    """Duffel's API v2 behind a breaker. Nothing connects before the first request."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.guard = Guard("duffel", THRESHOLD, OPEN_FOR, _refusal)
        self._token = token
        self._http: httpx.AsyncClient | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        seconds: float,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> Answer:
        """The answer to one request, which is made once. Raises Refused, ToolError, Failed or Transient."""
        return await self.guard.call(lambda: self._asked(method, path, seconds, params, data), _counts)

    async def close(self) -> None:
        """Give the connections back."""
        if self._http is not None:
            await self._http.aclose()

    async def _asked(
        self, method: str, path: str, seconds: float, params: Mapping[str, str] | None, data: Mapping[str, Any] | None
    ) -> Answer:
        body = None if data is None else {"data": data}
        what: dict[str, Value] = {"http.request.method": method, "server.address": httpx.URL(self.url).host}
        with span(f"{method} duffel", "client", what) as asked:
            try:
                async with (
                    asyncio.timeout(seconds),
                    self._client.stream(method, path, params=params, json=body) as response,
                ):
                    asked.set({"http.response.status_code": response.status_code})
                    content = await _read(response)
                    if response.status_code >= 300:
                        raise _error(response, content)
                    return Answer(response.status_code, _data(response.status_code, content))
            except TimeoutError as late:
                asked.fail("timeout")
                raise Transient(f"the flight supplier did not answer within {seconds:g} s") from late
            except _BROKEN as error:  # no connection, broken off, not the protocol's
                asked.fail(type(error).__name__)
                raise Transient(f"the flight supplier's answer could not be had ({type(error).__name__})") from error

    @property
    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                base_url=self.url,
                headers={
                    "Authorization": f"Bearer {self._token}",
                    "Duffel-Version": "v2",
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",
                    "User-Agent": "TravelBuddy",
                },
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            )
        return self._http


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MOST_BYTES:
            raise ValueError("too long")
    return bytes(content)


def _data(status: int, content: bytes) -> Any:
    """What the body is about. Raises ValueError for a body that is not theirs."""
    if status in _NOT_YET:
        return None
    body = from_json(content)
    if not isinstance(body, dict):
        raise ValueError("no object")
    return body.get("data")


def _error(response: httpx.Response, content: bytes) -> ToolError | Transient:
    status, told = response.status_code, _first_error(content)
    request_id = _line(response.headers.get("x-request-id"), 80)
    code = _line(told.get("code"), 80)
    log.warning("duffel.refused", status=status, code=code, request_id=request_id)
    if status == 429:
        header = response.headers.get("retry-after") or response.headers.get("ratelimit-reset")
        wait = min(seconds_to_wait(header, datetime.now(UTC)) or 1.0, LONGEST_WAIT)
        return Transient("the flight supplier is asked too often; try again later", max(wait, 0.1))
    if status in _WORTH_A_RETRY:
        return Transient("the flight supplier is not available at the moment")
    if status >= 500:
        return Failed(request_id)
    if status in {401, 403}:
        message = "The flight supplier does not let this service in; its operator has to look at DUFFEL_ACCESS_TOKEN."
        return ToolError("misconfigured", message)
    said = ": ".join(filter(None, (_line(told.get("title"), 80), _line(told.get("message"), 300)))) or f"HTTP {status}"
    message = f"The flight supplier refused: {said}"
    return Refused("refused", message, field=_argument(told.get("source")), code=code, status=status)


def _first_error(content: bytes) -> Mapping[str, Any]:
    try:
        error = from_json(content)["errors"][0]
        return error if isinstance(error, dict) else {}
    except (ValueError, TypeError, LookupError):
        return {}


def _argument(source: object) -> str | None:
    """Which argument of ours they complain about: ``/slices/1/departure_date`` is the day of the return."""
    if not isinstance(source, Mapping):
        return None
    where = re.findall(r"[A-Za-z_]+|\d+", _line(source.get("pointer") or source.get("field"), 200))
    named = [part for part in where if not part.isdigit() and part != "data"]
    if not named:
        return None
    back = where[:1] == ["slices"] and "1" in where[1:2]
    return _ARGUMENTS.get((named[-1], back)) or _ARGUMENTS.get((named[-1], False)) or named[-1][:60]


def _line(value: object, length: int) -> str:
    """A text of theirs in one bounded line of visible characters."""
    text = value[: 4 * length] if isinstance(value, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:length]


def _counts(trouble: Transient) -> bool:
    return trouble.retry_after is None


def _refusal(seconds: float) -> Transient:
    return Transient("the flight supplier is failing; it was not asked again yet", seconds)
