"""Chat completions over HTTP. Nothing is retried here: the workflow decides when to try again.

Speaks the OpenAI chat-completions protocol (https://platform.openai.com/docs/api-reference/chat) itself, because the
turn's speed and the service's memory hang on it: docs/decisions/ARC-013.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from pydantic_core import from_json, to_json

from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.domain.messages import ToolCall
from travelbuddy.domain.model_errors import WORDS, read_error, refusal
from travelbuddy.errors import ModelRefused, ModelUnavailable
from travelbuddy.retry_after import seconds_to_wait
from travelbuddy.telemetry.tracing import headers

OnText = Callable[[str], None]
OPENAI = "https://api.openai.com/v1"
CONNECTIONS = 1_000
CONNECT_SECONDS = 10.0
MOST_TOKENS = 10**9
MAX_ERROR = 64_000
ERROR_SECONDS = 5.0
"""Bytes of an error's body that are read at most, and how long they may take."""
_BROKEN = (
    *(aiohttp.ClientError, OSError, RuntimeError),  # RuntimeError: closed, or nested too deep
    *(ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
)


_UNREACHABLE = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError)
"""Of these: no connection, or one that was lost."""


class OpenAIChat:
    """The ChatModel port over any server of the OpenAI chat-completions protocol."""

    def __init__(self, base_url: str | None, api_key: str, seconds: float) -> None:
        """``seconds`` bounds a whole call, however long its stream goes on. Nothing connects before the first call."""
        self.url = f"{(base_url or OPENAI).rstrip('/')}/chat/completions"
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        tools: Sequence[Mapping[str, Any]],
        on_text: OnText | None = None,
    ) -> ModelAnswer:
        """See ChatModel. Always asked for as a stream; a server that answers in one piece is understood as well."""
        body = {
            "model": model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            **({"tools": tools} if tools else {}),
        }
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._http.post(self.url, data=to_json(body), headers=headers(), allow_redirects=False) as response,
            ):
                if response.status >= 300:
                    raise await _status_error(response)
                if response.content_type != "text/event-stream":
                    return _answer(from_json(await response.read()), on_text)
                return await _assembled(_lines(response.content), on_text)
        except TimeoutError as late:
            raise ModelUnavailable(f"the model did not answer within {self._seconds:g} s", reason="timeout") from late
        except _BROKEN as error:  # no connection, broken off, not the protocol's
            reason = "unreachable" if isinstance(error, _UNREACHABLE) else "broken"
            raise ModelUnavailable(
                f"the model's answer could not be had: {str(error) or type(error).__name__}", reason=reason
            ) from error

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                proxy=_proxy(self.url),
            )
        return self._session


def _proxy(url: str) -> str | None:
    """The proxy that the machine is configured to use for this address.

    Not ``trust_env``: that reads files on a thread at every call, and a ``.netrc`` would clash with the key.
    """
    where, proxies = urlsplit(url), getproxies()
    proxy = None if proxy_bypass(where.netloc) else proxies.get(where.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a body, however long they are."""
    rest = b""
    async for piece in content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line
    yield rest


async def _assembled(lines: AsyncIterable[bytes], on_text: OnText | None) -> ModelAnswer:
    """The answer of a stream. Raises ValueError when it ends before the model said that it was done.

    The lines are read to the very end: else no connection is used twice.
    """
    text, calls, model, usage, finished = _Text(on_text), _Calls(), "", None, ""
    async for line in lines:
        if not line.startswith(b"data:") or (data := line[5:].strip()) == b"[DONE]":
            continue
        chunk = _parsed(data)
        if error := chunk.get("error"):
            raise ValueError(f"the server broke off: {repr(error)[:300]}")
        model = model or _joined(str(chunk.get("model") or ""))
        usage = chunk.get("usage") or usage
        for choice in (chunk.get("choices") or ())[:1]:
            delta = choice.get("delta") or {}
            text.add(delta.get("content") or "")
            for call in delta.get("tool_calls") or ():
                calls.add(call)
            text.begins()
            finished = finished or str(choice.get("finish_reason") or "")
    if not finished:
        raise ValueError("the answer broke off")
    return _checked(text.whole(), calls.whole(), model, usage, finished)


def _parsed(data: bytes) -> Any:
    try:
        return from_json(data)
    except ValueError:
        return json.loads(data)  # slower, but half a character is none of its business


def _joined(text: str) -> str:
    """The text with its half characters joined. Raises ValueError for one alone, which could not be stored."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16")


def _tokens(usage: Any, kind: str) -> int:
    """What the server says it counted; a count that cannot be one is 0."""
    tokens = usage.get(kind) if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) and 0 <= tokens <= MOST_TOKENS else 0


class _Text:
    """Text that comes in pieces; half a character waits for its other half."""

    def __init__(self, on_text: OnText | None) -> None:
        self._on_text = on_text
        self._parts: list[str] = []
        self._half = ""
        self._begun = False

    def begins(self) -> None:
        """The answer has begun: say so once, with an empty piece, where it does not begin with text."""
        if not self._begun and self._on_text is not None:
            self._on_text("")
        self._begun = True

    def add(self, piece: str) -> None:
        """Take in a piece and pass on what is whole."""
        piece, self._half = self._half + piece, ""
        try:
            piece = _joined(piece)
        except UnicodeDecodeError:
            self._half = piece
            return
        if piece:
            self._parts.append(piece)
            self._begun = True
            if self._on_text is not None:
                self._on_text(piece)

    def whole(self) -> str:
        """All of it. Raises ValueError for half a character, which could not be stored."""
        if self._half:
            raise ValueError("half a character")
        return "".join(self._parts)


class _Calls:
    """Tool calls that come in pieces, told apart by their index."""

    def __init__(self) -> None:
        self._calls: dict[int, dict[str, str]] = {}

    def add(self, delta: dict[str, Any]) -> None:
        """Take in a piece: the first has id and name, the others more of the arguments."""
        call = self._calls.setdefault(int(delta.get("index", 0)), {"id": "", "name": "", "arguments": ""})
        function = delta.get("function") or {}
        call["id"] = call["id"] or delta.get("id") or ""
        call["name"] = call["name"] or function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def whole(self) -> tuple[ToolCall, ...]:
        """The calls in their order."""
        parts = (self._calls[index] for index in sorted(self._calls))
        return tuple(ToolCall(**{name: _joined(text) for name, text in call.items()}) for call in parts)


def _answer(completion: dict[str, Any], on_text: OnText | None) -> ModelAnswer:
    choice = completion["choices"][0]
    message = choice["message"]
    calls = tuple(
        ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
        if call.get("type", "function") == "function"
    )
    text = _Text(on_text)
    text.add(message.get("content") or "")
    model = str(completion.get("model") or "")
    return _checked(text.whole(), calls, model, completion.get("usage"), str(choice.get("finish_reason") or ""))


def _checked(content: str, calls: tuple[ToolCall, ...], model: str, usage: Any, finish: str) -> ModelAnswer:
    if len({call.id for call in calls}) < len(calls) or not all(call.id for call in calls):
        calls = tuple(call.model_copy(update={"id": f"call_{i}"}) for i, call in enumerate(calls))
    prompt, completion, total = (_tokens(usage, f"{kind}_tokens") for kind in ("prompt", "completion", "total"))
    return ModelAnswer(content, calls, model, max(total, prompt + completion), prompt, finish)


async def _status_error(response: aiohttp.ClientResponse) -> ModelUnavailable | ModelRefused:
    status, said = response.status, read_error(await _error_body(response))
    if (reason := refusal(status, said.codes)) is not None:
        return ModelRefused(f"{WORDS[reason]} ({status}): {said.words}", reason=reason)
    wait = seconds_to_wait(response.headers.get("retry-after"), datetime.now(UTC))
    words = f": {said.words}" if said.words else ""
    why = "rate_limited" if status == 429 else "server_error"
    return ModelUnavailable(f"the model's server answered {status}{words}", wait, reason=why)


async def _error_body(response: aiohttp.ClientResponse) -> bytes:
    """What there is of an error's body; the status alone says enough where it breaks off or does not end."""
    body = b""
    with suppress(TimeoutError, *_BROKEN):
        async with asyncio.timeout(ERROR_SECONDS):
            while len(body) < MAX_ERROR and (piece := await response.content.read(MAX_ERROR - len(body))):
                body += piece
    return body
