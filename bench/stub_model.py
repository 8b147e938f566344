"""The model of the benchmark: the OpenAI chat-completions protocol, and no work but to wait as long as it is told.

A user's message is answered with one call of ``search_flights``, anything else with a reply. ``PUT /think`` sets how
many seconds each answer takes. Requests with a user's message that holds the word ``probe`` are kept and listed by
``GET /probes``; ``DELETE /probes`` forgets them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

ARGUMENTS = '{"origin": "LHR", "destination": "CDG"}'
REPLY = "The best offer to Paris is SkyHighAir at 8:00 for 89 USD; GlobalWings flies at noon for 112 USD."
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}

Json = dict[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class StubModel:
    """An ASGI application."""

    def __init__(self) -> None:
        self.think = 0.0
        self.requests = 0
        self.probes: list[list[Json]] = []

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        match scope["method"], scope["path"]:
            case "POST", "/v1/chat/completions":
                await self._complete(json.loads(body), send)
            case "PUT", "/think":
                self.think = float(body)
                await _send_json(send, {"think": self.think})
            case "GET", "/probes":
                await _send_json(send, {"requests": self.requests, "probes": self.probes})
            case "DELETE", "/probes":
                self.probes = []
                await _send_json(send, {"probes": []})
            case _:
                await _send_json(send, {"error": {"message": f"no {scope['path']}"}}, status=404)

    async def _complete(self, request: Json, send: Send) -> None:
        self.requests += 1
        messages = request["messages"]
        if any("probe" in str(message.get("content")) for message in messages if message["role"] == "user"):
            self.probes.append(messages)
        if self.think:
            await asyncio.sleep(self.think)
        calls = bool(request.get("tools")) and messages[-1]["role"] == "user"
        reply = _shaped(request.get("response_format") or {})
        if request.get("stream"):
            chunks = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in _chunks(calls))
            await _send(send, f"{chunks}data: [DONE]\n\n".encode(), "text/event-stream")
        else:
            await _send_json(send, _completion(calls, reply))


def _call(number: int) -> Json:
    function = {"name": "search_flights", "arguments": ARGUMENTS}
    return {"id": f"call_{number}", "type": "function", "function": function}


_number = iter(range(1, sys.maxsize))


def _shaped(response_format: Json) -> str:
    """The reply, as JSON where a schema of texts is asked for."""
    schema = response_format.get("json_schema", {}).get("schema", {})
    return json.dumps(dict.fromkeys(schema["properties"], REPLY)) if schema.get("properties") else REPLY


def _completion(calls: bool, reply: str) -> Json:
    message = (
        {"role": "assistant", "content": None, "tool_calls": [_call(next(_number))]}
        if calls
        else {"role": "assistant", "content": reply}
    )
    choice = {"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message}
    return {**_head("chat.completion"), "choices": [choice], "usage": USAGE}


def _chunks(calls: bool) -> Iterator[Json]:
    """The answer as a stream: a tool call whole, a reply word by word."""
    deltas: list[Json] = (
        [{"role": "assistant", "tool_calls": [{"index": 0, **_call(next(_number))}]}]
        if calls
        else [{"content": f"{word} "} for word in REPLY.split()]
    )
    for delta in deltas:
        yield {**_head("chat.completion.chunk"), "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    reason = "tool_calls" if calls else "stop"
    yield {**_head("chat.completion.chunk"), "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    yield {**_head("chat.completion.chunk"), "choices": [], "usage": USAGE}


def _head(kind: str) -> Json:
    return {"id": "stub", "object": kind, "created": 0, "model": "stub-1"}


async def _body(receive: Receive) -> bytes:
    whole = b""
    while True:
        message = await receive()
        whole += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return whole


async def _send_json(send: Send, answer: Json, status: int = 200) -> None:
    await _send(send, json.dumps(answer).encode(), "application/json", status)


async def _send(send: Send, body: bytes, kind: str, status: int = 200) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(StubModel(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", lifespan="off")
