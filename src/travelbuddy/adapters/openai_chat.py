"""Chat completions over the ``openai`` client. Its own retries are off: the workflow decides when to try again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.domain.messages import ToolCall
from travelbuddy.errors import ModelRefused, ModelUnavailable

_WORTH_A_RETRY = {408, 409, 425, 429}


class OpenAIChat:
    """The ChatModel port over any server of the OpenAI chat-completions protocol."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        model: str,
        tools: Sequence[Mapping[str, Any]],
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        """See ChatModel."""
        offered: Any = {"tools": list(tools)} if tools else {}
        wire: Any = list(messages)
        try:
            completion = await self._client.chat.completions.create(model=model, messages=wire, **offered)
            return _answer(completion)
        except openai.APIStatusError as error:
            raise _status_error(error) from error
        except openai.OpenAIError as error:  # no connection, time-out, an answer that is not the protocol's
            raise ModelUnavailable(f"the model did not answer: {error}") from error
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise ModelUnavailable(f"the model's answer could not be read: {error}") from error


def _answer(completion: ChatCompletion) -> ModelAnswer:
    message = completion.choices[0].message
    calls = tuple(
        ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
        for call in message.tool_calls or ()
        if call.type == "function"
    )
    if len({call.id for call in calls}) < len(calls) or not all(call.id for call in calls):
        calls = tuple(call.model_copy(update={"id": f"call_{i}"}) for i, call in enumerate(calls))
    content = message.content or ""
    content.encode()  # not a text, or one with half a character, cannot be stored
    if not calls and not content:
        raise ValueError("neither text nor a tool call")
    tokens = getattr(completion.usage, "total_tokens", None)
    return ModelAnswer(
        content=content,
        tool_calls=calls,
        model=str(completion.model or ""),
        tokens=tokens if isinstance(tokens, int) else 0,
    )


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
