"""The real ``openai`` client against a scripted wire: every answer becomes a usable one, or the right error."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from travelbuddy.adapters.openai_chat import OpenAIChat
from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.domain.messages import ToolCall
from travelbuddy.errors import ModelRefused, ModelUnavailable

QUESTION = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "search_flights", "parameters": {"type": "object", "properties": {}}}}

Handler = Callable[[httpx.Request], httpx.Response]


class Wire:
    """A model's server: ``answer`` is what it does with the next requests, ``requests`` what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answer: Handler = lambda _: httpx.Response(200, json=_completion())
        self._http = httpx.AsyncClient(transport=httpx.MockTransport(self._handle))
        client = openai.AsyncOpenAI(api_key="k", base_url="http://model/v1", max_retries=0, http_client=self._http)
        self.chat = OpenAIChat(client, 5)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)

    async def ask(self, *tools: dict[str, Any]) -> ModelAnswer:
        return await self.chat.complete(QUESTION, model="m", tools=tools)

    async def trouble(self) -> ModelUnavailable:
        """The error of a request that is worth another try; asked once, not again behind the workflow's back."""
        self.requests.clear()
        with pytest.raises(ModelUnavailable) as caught:
            await self.ask()
        assert len(self.requests) == 1
        return caught.value

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A server that answers ``hi``."""
    wire = Wire()
    yield wire
    await wire.close()


def _completion(content: Any = "hi", calls: list[Any] | None = None, **changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content} | ({"tool_calls": calls} if calls is not None else {})
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m-2026",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
    } | changes


def _call(call_id: Any, arguments: Any = "{}", name: Any = "search_flights") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _always(response: httpx.Response) -> Handler:
    return lambda _: response


def _raises(error: Exception) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        raise error

    return handle


async def test_a_reply_is_read(wire: Wire) -> None:
    """Text, the model that answered, and the tokens it took."""
    assert await wire.ask() == ModelAnswer(content="hi", tool_calls=(), model="m-2026", tokens=5)


async def test_tools_are_offered_only_when_there_are_any(wire: Wire) -> None:
    """Servers refuse an empty list of tools, so it is left out."""
    await wire.ask(TOOL)
    await wire.ask()
    first, second = (request.read().decode() for request in wire.requests)
    assert "search_flights" in first
    assert '"tools"' not in second


async def test_tool_calls_keep_their_order_and_text(wire: Wire) -> None:
    """The calls as the model made them, their arguments untouched even when they are not JSON."""
    wire.answer = _always(httpx.Response(200, json=_completion(None, [_call("b", "{oops"), _call("a", '{"x":1}')])))
    answer = await wire.ask(TOOL)
    assert answer.content == ""
    assert answer.tool_calls == (
        ToolCall(id="b", name="search_flights", arguments="{oops"),
        ToolCall(id="a", name="search_flights", arguments='{"x":1}'),
    )


@pytest.mark.parametrize("ids", [("c", "c"), ("", "c"), ("", "")])
async def test_call_ids_are_made_unique(wire: Wire, ids: tuple[str, ...]) -> None:
    """A model that repeats or omits ids still gets each result to its own call, in order."""
    wire.answer = _always(httpx.Response(200, json=_completion(None, [_call(i, str(n)) for n, i in enumerate(ids)])))
    calls = (await wire.ask(TOOL)).tool_calls
    assert len({call.id for call in calls}) == len(ids)
    assert all(call.id for call in calls)
    assert [call.arguments for call in calls] == [str(n) for n in range(len(ids))]


@pytest.mark.parametrize("usage", [None, {}, {"total_tokens": None}, {"total_tokens": "many"}, [], "5"])
async def test_usage_is_optional(wire: Wire, usage: Any) -> None:
    """A server that does not count tokens, or not in numbers, costs none and loses no answer."""
    wire.answer = _always(httpx.Response(200, json=_completion(usage=usage)))
    assert await wire.ask() == ModelAnswer(content="hi", tool_calls=(), model="m-2026", tokens=0)


async def test_the_model_s_name_is_optional(wire: Wire) -> None:
    """A server that does not say which model answered is no trouble."""
    wire.answer = _always(httpx.Response(200, json=_completion(model=None)))
    assert (await wire.ask()).model == ""


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        (None, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("", None),
    ],
)
async def test_a_busy_server_names_its_time(wire: Wire, header: str | None, seconds: float | None) -> None:
    """429 is worth another try after ``Retry-After``, when that is a real number of seconds."""
    headers = {"Retry-After": header} if header is not None else {}
    wire.answer = _always(httpx.Response(429, json={"error": {"message": "slow down"}}, headers=headers))
    assert (await wire.trouble()).retry_after == seconds


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
async def test_trouble_that_passes_is_worth_another_try(wire: Wire, status: int) -> None:
    """A time-out, a conflict, a limit and every 5xx may go better next time; the error names the status."""
    wire.answer = _always(httpx.Response(status, text="<html>oops</html>"))
    assert str(status) in str(await wire.trouble())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_a_refused_request_is_not_sent_again(wire: Wire, status: int) -> None:
    """A bad key or a bad request would end the same way; the error says what the server said."""
    wire.answer = _always(httpx.Response(status, json={"error": {"message": "no such key"}}))
    with pytest.raises(ModelRefused, match=rf"{status}.*no such key"):
        await wire.ask()


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.PoolTimeout("full"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("closed without an answer"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_line_that_breaks_is_worth_another_try(wire: Wire, error: Exception) -> None:
    """Whatever happens to the connection, no client exception comes through."""
    wire.answer = _raises(error)
    assert (await wire.trouble()).retry_after is None


async def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    """A real refused connection, not a scripted one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody answers, and nobody else can take it
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        async with openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0) as client:
            with pytest.raises(ModelUnavailable):
                await OpenAIChat(client, 5).complete(QUESTION, model="m", tools=[])


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"17", b'"text"', b"{}", b'{"choices":[{"mess', b'{"error":{"message":"x"}}', b"\xff"],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
async def test_a_body_that_is_no_completion_is_worth_another_try(wire: Wire, body: bytes, content_type: str) -> None:
    """200 with half an answer, a proxy's page or an error object is no answer."""
    wire.answer = _always(httpx.Response(200, content=body, headers={"Content-Type": content_type}))
    await wire.trouble()


@pytest.mark.parametrize(
    "completion",
    [
        _completion(choices=[]),
        _completion(choices=None),
        _completion(choices=[{}]),
        _completion(choices=[{"message": None}]),
        _completion(choices=[None]),
        _completion(content=None),
        _completion(content=""),
        _completion(content=None, calls=[]),
        _completion(content=17),
        _completion(content=[{"type": "text", "text": "hi"}]),
        _completion(content="half \ud800 character"),
        _completion(content=None, calls=[_call("a", arguments=None)]),
        _completion(content=None, calls=[_call("a", arguments={"x": 1})]),
        _completion(content=None, calls=[_call("a", name=None)]),
        _completion(content=None, calls=[_call(None)]),
        _completion(content=None, calls=[{"id": "a", "type": "function"}]),
        _completion(content=None, calls=[None]),
    ],
    ids=lambda completion: repr(completion["choices"])[:60],
)
async def test_a_completion_that_cannot_be_used_is_worth_another_try(wire: Wire, completion: dict[str, Any]) -> None:
    """No choice, no words, or parts of the wrong kind: the model is asked again, and nothing breaks down later."""
    wire.answer = _always(httpx.Response(200, content=json.dumps(completion)))
    await wire.trouble()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=6,
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "content": JSON,
        "tool_calls": st.lists(
            JSON
            | st.fixed_dictionaries(
                {"id": JSON, "type": st.just("function"), "function": JSON | st.builds(_call, JSON, JSON, JSON)}
            ),
            max_size=3,
        ),
    },
)


@given(st.one_of(MESSAGES, JSON), JSON, JSON)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_answer_breaks_the_adapter(wire: Wire, message: Any, usage: Any, model: Any) -> None:
    """For any JSON in the places of message, usage and model: an answer with fields of their types, or a retry."""
    body = _completion(usage=usage, model=model, choices=[{"index": 0, "message": message}])
    wire.answer = _always(httpx.Response(200, json=body))
    try:
        answer = await wire.ask()
    except ModelUnavailable:
        return
    assert isinstance(answer.content, str)
    assert isinstance(answer.model, str)
    assert isinstance(answer.tokens, int)
    assert len({call.id for call in answer.tool_calls}) == len(answer.tool_calls)


async def test_a_connection_is_used_again() -> None:
    """Five streamed answers come over one connection."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while head := await _head(reader):
            await reader.readexactly(int(re.findall(rb"content-length: (\d+)", head.lower())[0]))
            event = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
            body = f"data: {json.dumps(event)}\n\ndata: [DONE]\n\n".encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)  # the end comes a moment after the last event, as it does on a network
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with httpx.AsyncClient() as http:
        client = openai.AsyncOpenAI(
            api_key="k", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0, http_client=http
        )
        for _ in range(5):
            assert (await OpenAIChat(client, 5).complete(QUESTION, model="m", tools=[])).content == "hi"
    server.close()
    assert connections == 1


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
