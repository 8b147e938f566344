"""Chat completions over the ``openai`` client. Its own retries are off: the workflow decides when to try again."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from typing import Any

import httpx
import openai
from openai.types.chat import ChatCompletion

from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.domain.messages import ToolCall
from travelbuddy.errors import ModelRefused, ModelUnavailable

OnText = Callable[[str], None]
_WORTH_A_RETRY = {408, 409, 425, 429}


class OpenAIChat:
    """The ChatModel port over any server of the OpenAI chat-completions protocol."""

    def __init__(self, client: openai.AsyncOpenAI, seconds: float) -> None:
        """``seconds`` bounds a whole call, however long its stream goes on."""
        self._client = client
        self._seconds = seconds

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        tools: Sequence[Mapping[str, Any]],
        on_text: OnText | None = None,
    ) -> ModelAnswer:
        """See ChatModel. Always asked for as a stream; a server that answers in one piece is understood as well."""
        # In extra_body, because the client copies each field of each message otherwise: 5 ms for ten turns.
        body: dict[str, Any] = {"messages": list(messages), **({"tools": list(tools)} if tools else {})}
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.chat.completions.with_streaming_response.create(
                    model=model, messages=[], stream=True, stream_options={"include_usage": True}, extra_body=body
                ) as response,
            ):
                if "text/event-stream" not in response.headers.get("content-type", ""):
                    return _answer(ChatCompletion.construct(**json.loads(await response.read())), on_text)
                return await _assembled(response.iter_lines(), on_text)
        except openai.APIStatusError as error:
            raise _status_error(error) from error
        except TimeoutError as late:
            raise ModelUnavailable(f"the model did not answer within {self._seconds:g} s") from late
        except (openai.OpenAIError, httpx.HTTPError) as error:  # no connection, broken off, not the protocol's
            raise ModelUnavailable(f"the model did not answer: {error}") from error
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise ModelUnavailable(f"the model's answer could not be read: {error}") from error


async def _assembled(lines: AsyncIterable[str], on_text: OnText | None) -> ModelAnswer:
    """The answer of a stream. Raises ValueError when it ends before the model said that it was done.

    The lines are read to the very end, which the client's own reader does not: else no connection is used twice.
    """
    text, calls, model, tokens, finished = _Text(on_text), _Calls(), "", 0, False
    async for line in lines:
        if not line.startswith("data:") or (data := line[5:].strip()) == "[DONE]":
            continue
        chunk = json.loads(data)
        if error := chunk.get("error"):
            raise ValueError(f"the server broke off: {str(error)[:300]}")
        model = model or str(chunk.get("model") or "")
        tokens = (chunk.get("usage") or {}).get("total_tokens") or tokens
        for choice in (chunk.get("choices") or ())[:1]:
            delta = choice.get("delta") or {}
            text.add(delta.get("content") or "")
            for call in delta.get("tool_calls") or ():
                calls.add(call)
            finished = finished or bool(choice.get("finish_reason"))
    if not finished:
        raise ValueError("the answer broke off")
    return _checked(text.whole(), calls.whole(), model, tokens)


class _Text:
    """Text that comes in pieces; half a character waits for its other half."""

    def __init__(self, on_text: OnText | None) -> None:
        self._on_text = on_text
        self._parts: list[str] = []
        self._half = ""

    def add(self, piece: str) -> None:
        """Take in a piece and pass on what is whole."""
        piece, self._half = self._half + piece, ""
        if not piece.isascii():
            try:
                piece = piece.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                self._half = piece
                return
        if piece:
            self._parts.append(piece)
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
        return tuple(ToolCall(**self._calls[index]) for index in sorted(self._calls))


def _answer(completion: ChatCompletion, on_text: OnText | None) -> ModelAnswer:
    message = completion.choices[0].message
    calls = tuple(
        ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
        for call in message.tool_calls or ()
        if call.type == "function"
    )
    text = _Text(on_text)
    text.add(message.content or "")
    tokens = getattr(completion.usage, "total_tokens", None)
    return _checked(text.whole(), calls, str(completion.model or ""), tokens if isinstance(tokens, int) else 0)


def _checked(content: str, calls: tuple[ToolCall, ...], model: str, tokens: int) -> ModelAnswer:
    if len({call.id for call in calls}) < len(calls) or not all(call.id for call in calls):
        calls = tuple(call.model_copy(update={"id": f"call_{i}"}) for i, call in enumerate(calls))
    if not calls and not content:
        raise ValueError("neither text nor a tool call")
    return ModelAnswer(content=content, tool_calls=calls, model=model, tokens=tokens)


def _status_error(error: openai.APIStatusError) -> ModelUnavailable | ModelRefused:
    status = error.status_code
    if status >= 500 or status in _WORTH_A_RETRY:
        return ModelUnavailable(f"the model's server answered {status}", _retry_after(error))
    return ModelRefused(f"the model's server refused the request ({status}): {error.message}")


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None  # "nan" is a float, and no JSON number
