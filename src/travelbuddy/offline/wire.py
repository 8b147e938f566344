"""The OpenAI chat-completions protocol: what a request may hold and what an answer looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from travelbuddy.offline.dialogue import Reply
from travelbuddy.offline.transcript import Call, Message

MODEL = "offline-travel-1"

_PIECE = re.compile(r"\w{1,6}|[^\w\s]")
_DELTA = re.compile(r"\s*\S{1,200}|\s+")


class _Part(BaseModel):
    type: str
    text: str = ""


class _FunctionCall(BaseModel):
    name: str
    arguments: str


class _ToolCall(BaseModel):
    id: str
    type: Literal["function"] = "function"
    function: _FunctionCall


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None

    def plain(self) -> Message:
        """The message as the dialogue reads it; arguments that are not a JSON object count as none."""
        text = self.content if isinstance(self.content, str) else "".join(p.text for p in self.content or [])
        calls = tuple(
            Call(call.function.name, _json_object(call.function.arguments), call.id) for call in self.tool_calls or ()
        )
        return Message("system" if self.role == "developer" else self.role, text, calls, self.tool_call_id)


class _Function(BaseModel):
    name: str
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None


class _Tool(BaseModel):
    type: Literal["function"]
    function: _Function


class _NamedFunction(BaseModel):
    name: str


class _NamedTool(BaseModel):
    type: Literal["function"]
    function: _NamedFunction


class _StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """A request; fields of the protocol that a rule-based model has no use for are accepted and ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str
    messages: list[_Message] = Field(min_length=1)
    tools: list[_Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | _NamedTool | None = None
    parallel_tool_calls: bool | None = None
    n: Literal[1] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None

    def conversation(self) -> list[Message]:
        """The messages as the dialogue reads them."""
        return [message.plain() for message in self.messages]

    def usable_tools(self) -> frozenset[str]:
        """The names of the tools that this answer may call."""
        names = frozenset(tool.function.name for tool in self.tools or ())
        if self.tool_choice == "none":
            return frozenset()
        return names & {self.tool_choice.function.name} if isinstance(self.tool_choice, _NamedTool) else names


@dataclass(frozen=True)
class Answer:
    """A reply on its way out: the frame that whole answers and chunks share."""

    id: str
    created: int
    reply: Reply
    call_ids: tuple[str, ...]
    prompt_tokens: int

    def whole(self) -> dict[str, Any]:
        """The ``chat.completion`` object."""
        message: dict[str, Any] = {"role": "assistant", "content": self.reply.text, "refusal": None}
        if self.reply.calls:
            message["tool_calls"] = [
                {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": call.json()}}
                for call_id, call in zip(self.call_ids, self.reply.calls, strict=True)
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage()}

    def chunks(self, include_usage: bool) -> Iterator[dict[str, Any]]:
        """The ``chat.completion.chunk`` objects, whose deltas add up to the whole message."""
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "" if self.reply.text else None}]
        deltas += [{"content": piece} for piece in _DELTA.findall(self.reply.text or "")]
        for index, (call_id, call) in enumerate(zip(self.call_ids, self.reply.calls, strict=True)):
            start = {
                "index": index,
                "id": call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
            deltas.append({"tool_calls": [start]})
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                for piece in _DELTA.findall(call.json())
            ]
        head = self._head("chat.completion.chunk") | ({"usage": None} if include_usage else {})
        for delta in deltas:
            yield head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        yield head | {"choices": [{"index": 0, "delta": {}, "finish_reason": self.finish_reason}]}
        if include_usage:
            yield head | {"choices": [], "usage": self.usage()}

    @property
    def finish_reason(self) -> str:
        """Why the answer ends, in the protocol's words."""
        return "tool_calls" if self.reply.calls else "stop"

    def usage(self) -> dict[str, int]:
        """Approximate token counts; see ``count_tokens``."""
        completion = count_tokens(self.reply.text or "") + sum(
            count_tokens(call.name) + count_tokens(call.json()) for call in self.reply.calls
        )
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
        }

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": MODEL}


def count_tokens(text: str) -> int:
    """About how many tokens the text is: runs of up to six letters or digits, and each other sign, count one.

    There is no tokenizer behind this model, so the figure is an estimate of what a real one would bill.
    """
    return sum(1 for _ in _PIECE.finditer(text))


def count_prompt_tokens(request: ChatRequest) -> int:
    """About how many tokens the request's messages and tools are, with four for each message's frame."""
    texts = [text for message in request.conversation() for text in (message.text, *(c.json() for c in message.calls))]
    tools = json.dumps([tool.model_dump(exclude_none=True) for tool in request.tools]) if request.tools else ""
    return 4 * len(request.messages) + sum(map(count_tokens, texts)) + count_tokens(tools)


def _json_object(text: str) -> dict[str, JsonValue]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
