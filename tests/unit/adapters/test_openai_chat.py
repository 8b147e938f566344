"""The adapter against a real server on the loopback: every answer becomes a usable one, or the right error."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sizes import examples

from travelbuddy.adapters import openai_chat
from travelbuddy.adapters.openai_chat import OnText, OpenAIChat
from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.domain.messages import ToolCall
from travelbuddy.domain.model_errors import WORDS, Refusal
from travelbuddy.errors import ModelRefused, ModelUnavailable

QUESTION = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "search_flights", "parameters": {"type": "object", "properties": {}}}}
DONE = b"data: [DONE]\n\n"

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    """An HTTP request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """A model's server: ``answer`` is what it does with the next requests, ``requests`` what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.connections = 0
        """How many were accepted so far."""
        self.answer: Handler = _always(_completion())
        self._server = web.Server(self._handle, handler_cancellation=True)
        self._chats: list[OpenAIChat] = []

    async def open(self) -> None:
        self._listener = await asyncio.get_running_loop().create_server(self._accept, "127.0.0.1", 0)
        self.root = f"http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        self.chat = self.another()

    def another(self, base_url: str | None = "", *, seconds: float = 5) -> OpenAIChat:
        """A further client; of this server unless another address is given."""
        chat = OpenAIChat(f"{self.root}/v1" if base_url == "" else base_url, "k", seconds)
        self._chats.append(chat)
        return chat

    def _accept(self) -> asyncio.BaseProtocol:
        self.connections += 1
        return self._server()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(Asked(request.method, request.path, request.headers, await request.read()))
        return await self.answer(request)

    async def ask(self, *tools: dict[str, Any], on_text: OnText | None = None) -> ModelAnswer:
        return await self.chat.complete(QUESTION, model="m", tools=tools, on_text=on_text)

    async def trouble(self) -> ModelUnavailable:
        """The error of a request that is worth another try; asked once, not again behind the workflow's back."""
        self.requests.clear()
        with pytest.raises(ModelUnavailable) as caught:
            await self.ask()
        assert len(self.requests) == 1
        return caught.value

    async def close(self) -> None:
        for chat in self._chats:
            await chat.close()
        self._listener.close()
        await self._server.shutdown(0)


@pytest.fixture
async def wire(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    """A server that answers ``hi``, reached without the proxies of this machine."""
    monkeypatch.setenv("no_proxy", "*")
    wire = Wire()
    await wire.open()
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


def _chunk(content: Any = None, finish: Any = None, **delta: Any) -> dict[str, Any]:
    """A part of a streamed answer."""
    delta |= {"content": content} if content is not None else {}
    return {"model": "m-2026", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _part(index: Any, arguments: Any = None, call_id: Any = None, name: Any = None) -> dict[str, Any]:
    """A part of a streamed tool call."""
    return {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}


END = _chunk(finish="stop")
USAGE = {"model": "m-2026", "choices": [], "usage": {"total_tokens": 5}}


def _events(*chunks: Any, ascii_only: bool = True) -> bytes:
    return b"".join(f"data: {json.dumps(chunk, ensure_ascii=ascii_only)}\n\n".encode() for chunk in chunks)


def _always(body: Any, status: int = 200, content_type: str = "application/json", **headers: str) -> Handler:
    """The same answer to every request: these bytes, or this as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    all_headers = {"Content-Type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, body=data, headers=all_headers)

    return handle


def _streams(*pieces: bytes, pause: float = 0, end: float = 0, status: int = 200) -> Handler:
    """A stream that comes in these pieces, with so many seconds between them and before its end."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(pause)
        await asyncio.sleep(end)
        await response.write_eof()
        return response

    return handle


def _breaks(*head: str, body: bytes = b"", reset: bool = False) -> Handler:
    """These bytes instead of an answer, and then the connection ends: in good order, or with a reset."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        line = request.transport
        assert line is not None
        line.write("\r\n".join(head).encode() + body)
        if reset:
            line.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()
        return web.Response()

    return handle


async def _never(_: web.BaseRequest) -> web.StreamResponse:
    """No answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_reply_is_read(wire: Wire) -> None:
    """Text, the model that answered, and the tokens it took."""
    assert await wire.ask() == ModelAnswer(content="hi", tool_calls=(), model="m-2026", tokens=5, prompt_tokens=2)


async def test_a_call_is_one_request_of_the_protocol(wire: Wire) -> None:
    """Each call is one POST with the key and the body that the protocol wants, its text as UTF-8."""
    message = {"role": "user", "content": "Zürich “✈”"}
    await wire.chat.complete([message], model="m", tools=[TOOL])
    (asked,) = wire.requests
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.headers["Authorization"] == "Bearer k"
    assert asked.headers["Content-Type"] == "application/json"
    assert int(asked.headers["Content-Length"]) == len(asked.body)
    body = {"model": "m", "messages": [message], "stream": True, "stream_options": {"include_usage": True}}
    expected = json.dumps(body | {"tools": [TOOL]}, ensure_ascii=False, separators=(",", ":"))
    assert asked.body == expected.encode()


async def test_a_slash_at_the_end_of_the_address_is_no_matter(wire: Wire) -> None:
    """``/v1`` and ``/v1/`` are the same server."""
    await wire.another(f"{wire.root}/v1/").complete(QUESTION, model="m", tools=[])
    assert [asked.path for asked in wire.requests] == ["/v1/chat/completions"]


async def test_nothing_connects_before_the_first_call(wire: Wire) -> None:
    """A client that nobody asks anything makes no connection, and can be closed."""
    await wire.another().close()
    assert wire.connections == 0


async def test_without_an_address_openai_is_asked_by_the_machine_s_proxy(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy of the environment is told to connect to OpenAI, and is not shown the key."""
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("https_proxy", wire.root.replace("//", "//somebody:secret@"))
    wire.answer = _always(b"", status=502)
    with pytest.raises(ModelUnavailable):
        await wire.another(None).complete(QUESTION, model="m", tools=[])
    (asked,) = wire.requests
    assert (asked.method, asked.headers["Host"]) == ("CONNECT", "api.openai.com")
    assert asked.headers["Proxy-Authorization"] == "Basic c29tZWJvZHk6c2VjcmV0"
    assert "Authorization" not in asked.headers


async def test_the_key_is_not_replaced_by_the_machine_s_passwords(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A ``.netrc`` that names the model's host, or any, changes nothing."""
    (tmp_path / "netrc").write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    await wire.ask()
    assert wire.requests[0].headers["Authorization"] == "Bearer k"


async def test_tools_are_offered_only_when_there_are_any(wire: Wire) -> None:
    """Servers refuse an empty list of tools, so it is left out."""
    await wire.ask(TOOL)
    await wire.ask()
    first, second = (asked.body.decode() for asked in wire.requests)
    assert "search_flights" in first
    assert '"tools"' not in second


async def test_tool_calls_keep_their_order_and_text(wire: Wire) -> None:
    """The calls as the model made them, their arguments untouched even when they are not JSON."""
    wire.answer = _always(_completion(None, [_call("b", "{oops"), _call("a", '{"x":1}')]))
    answer = await wire.ask(TOOL)
    assert answer.content == ""
    assert answer.tool_calls == (
        ToolCall(id="b", name="search_flights", arguments="{oops"),
        ToolCall(id="a", name="search_flights", arguments='{"x":1}'),
    )


@pytest.mark.parametrize("ids", [("c", "c"), ("", "c"), ("", "")])
async def test_call_ids_are_made_unique(wire: Wire, ids: tuple[str, ...]) -> None:
    """A model that repeats or omits ids still gets each result to its own call, in order."""
    wire.answer = _always(_completion(None, [_call(i, str(n)) for n, i in enumerate(ids)]))
    calls = (await wire.ask(TOOL)).tool_calls
    assert len({call.id for call in calls}) == len(ids)
    assert all(call.id for call in calls)
    assert [call.arguments for call in calls] == [str(n) for n in range(len(ids))]


@pytest.mark.parametrize(
    "usage",
    [
        *(None, {}, {"total_tokens": None}, {"total_tokens": "many"}, [], "5"),
        *({"total_tokens": -5}, {"prompt_tokens": -1, "completion_tokens": 10**400}),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_usage_is_optional(wire: Wire, usage: Any, streamed: bool) -> None:
    """A server that does not count tokens, or not in numbers that can be counts, costs none and loses no answer."""
    stream = _streams(_events(_chunk("hi"), END, USAGE | {"usage": usage}), DONE)
    wire.answer = stream if streamed else _always(_completion(usage=usage))
    assert await wire.ask() == ModelAnswer(content="hi", tool_calls=(), model="m-2026", tokens=0)


async def test_tokens_without_a_sum_are_summed(wire: Wire) -> None:
    """A server that names only the parts is not free: a budget holds for it as well."""
    wire.answer = _always(_completion(usage={"prompt_tokens": 2, "completion_tokens": 3}))
    answer = await wire.ask()
    assert (answer.tokens, answer.prompt_tokens) == (5, 2)


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_model_s_name_is_optional(wire: Wire, streamed: bool) -> None:
    """A server that does not say which model answered is no trouble."""
    stream = _streams(_events(_chunk("hi") | {"model": None}, END | {"model": None}), DONE)
    wire.answer = stream if streamed else _always(_completion(model=None))
    assert (await wire.ask()).model == ""


async def test_a_stream_is_put_together(wire: Wire) -> None:
    """Text, the model and the tokens, and each piece of the text as soon as it is there."""
    said: list[str] = []
    wire.answer = _streams(_events(_chunk("", role="assistant"), _chunk("good "), _chunk("morning"), END, USAGE), DONE)
    answer = await wire.ask(on_text=said.append)
    assert answer == ModelAnswer(content="good morning", tool_calls=(), model="m-2026", tokens=5)
    assert said == ["", "good ", "morning"]


async def test_text_is_passed_on_before_the_stream_ends(wire: Wire) -> None:
    """The first word is told while the server still thinks about the next one."""
    told = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(_events(_chunk("good ")))
        await told.wait()
        await response.write(_events(_chunk("morning"), END))
        return response

    wire.answer = handle
    assert (await wire.ask(on_text=lambda _: told.set())).content == "good morning"


async def test_streamed_tool_calls_are_put_together(wire: Wire) -> None:
    """The parts of each call by its index, the calls in the order of their indices."""
    wire.answer = _streams(
        _events(
            _chunk(tool_calls=[_part(1, "", "b", "second")]),
            _chunk(tool_calls=[{"index": 0, "id": "a", "function": {"name": "first"}}, _part(1, '{"y"')]),
            _chunk(tool_calls=[_part(0, "{oops"), _part(1, ":2}")]),
            _chunk(finish="tool_calls"),
        ),
        DONE,
    )
    assert (await wire.ask(TOOL)).tool_calls == (
        ToolCall(id="a", name="first", arguments="{oops"),
        ToolCall(id="b", name="second", arguments='{"y":2}'),
    )


async def test_half_characters_of_a_stream_are_joined(wire: Wire) -> None:
    """A character whose two halves come in two events is one: in the answer, in what is passed on, in arguments."""
    said: list[str] = []
    wire.answer = _streams(_events(_chunk("go \ud83d"), _chunk("\ude00"), _chunk("!"), END), DONE)
    assert (await wire.ask(on_text=said.append)).content == "go 😀!"
    assert said == ["", "go 😀", "!"]
    parts = [_part(0, '"\ud83d', "a", "x")], [_part(0, '\ude00"')]
    wire.answer = _streams(_events(*(_chunk(tool_calls=part) for part in parts), END), DONE)
    assert (await wire.ask()).tool_calls == (ToolCall(id="a", name="x", arguments='"😀"'),)


@pytest.mark.parametrize(
    "stream",
    [
        _events(_chunk("Zürich 😀"), END, USAGE) + DONE,
        _events(_chunk("Zürich 😀"), END, USAGE, ascii_only=False) + DONE,
        (_events(_chunk("Zürich 😀"), END, USAGE) + DONE).replace(b"\n", b"\r\n"),
        (_events(_chunk("Zürich 😀"), END, USAGE) + DONE).replace(b"data: ", b"data:"),
        (_events(_chunk("Zürich 😀"), END, USAGE) + DONE).replace(b"data: {", b": waiting\n\nevent: x\nid: 1\ndata: {"),
        _events(_chunk("Zürich 😀"), END, USAGE),
        (_events(_chunk("Zürich 😀"), END, USAGE) + DONE).rstrip(),
        _events(_chunk("Zürich 😀"), END, USAGE).rstrip(),
    ],
    ids=["ascii", "utf-8", "crlf", "no space", "comments", "no end mark", "no last line end", "neither"],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_a_stream_is_read_however_it_is_written(wire: Wire, stream: bytes, size: int) -> None:
    """Line ends, comments, the end mark and the cuts between the TCP pieces change nothing."""
    wire.answer = _streams(*(stream[i : i + size] for i in range(0, len(stream), size)))
    assert await wire.ask() == ModelAnswer(content="Zürich 😀", tool_calls=(), model="m-2026", tokens=5)


@given(st.text("aß😀\u2028\x85\r\n", min_size=1, max_size=9), st.booleans(), st.lists(st.integers(0, 500), max_size=9))
@settings(deadline=None, max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_cut_changes_a_stream(wire: Wire, text: str, ascii_only: bool, cuts: list[int]) -> None:
    """Any text, line separators of Unicode too, comes through in any TCP pieces."""
    stream = _events(*map(_chunk, text), END, USAGE, ascii_only=ascii_only) + DONE
    bounds = [0, *sorted(cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(bounds) if a < b]
    wire.answer = _streams(*pieces, pause=0.001)
    assert await wire.ask() == ModelAnswer(content=text, tool_calls=(), model="m-2026", tokens=5)


@pytest.mark.parametrize("length", [256 * 1024, 1_000_000])
async def test_a_line_of_a_stream_may_be_long(wire: Wire, length: int) -> None:
    """Lines far beyond the buffers of a connection are read whole, of text as of arguments."""
    long = "0123456789" * (length // 10 + 1)
    parts = [_part(0, long, "a", "search_flights")]
    wire.answer = _streams(_events(_chunk(long), _chunk(tool_calls=parts), END), DONE)
    answer = await wire.ask()
    assert answer.content == long
    assert answer.tool_calls == (ToolCall(id="a", name="search_flights", arguments=long),)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        (None, None),
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_names_its_time(wire: Wire, header: str | None, seconds: float | None, status: int) -> None:
    """429 and 5xx are worth another try after ``Retry-After``, when that is a real number of seconds."""
    headers = {"Retry_After": header} if header is not None else {}
    wire.answer = _always({"error": {"message": "slow down"}}, status, **headers)
    assert (await wire.trouble()).retry_after == seconds


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
async def test_trouble_that_passes_is_worth_another_try(wire: Wire, status: int) -> None:
    """A time-out, a conflict, a limit and every 5xx may go better next time; the error names the status."""
    wire.answer = _always(b"<html>oops</html>", status, "text/html")
    assert str(status) in str(await wire.trouble())


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, "t", "bad_request"),
        (401, "t", "key"),
        (403, "t", "key"),
        (404, "t", "not_found"),
        (413, "t", "too_long"),
        (422, "t", "bad_request"),
        (429, "insufficient_quota", "quota"),
        (400, "context_length_exceeded", "too_long"),
    ],
)
async def test_a_refused_request_is_not_sent_again(wire: Wire, status: int, code: str, reason: Refusal) -> None:
    """A bad key or a bad request would end the same way; the error says why, and apart from it what the server said."""
    wire.answer = _always({"error": {"message": "no such key: sk-1", "code": code}}, status)
    with pytest.raises(ModelRefused) as caught:
        await wire.ask()
    assert (caught.value.reason, caught.value.brief) == (reason, f"{WORDS[reason]} ({status})")
    assert caught.value.said == "no such key: sk-1"
    assert len(wire.requests) == 1


@pytest.mark.alone
async def test_an_error_that_does_not_end_is_known_by_its_status(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that breaks off, does not end or is endless costs neither the reason nor the time of a whole call."""
    monkeypatch.setattr(openai_chat, "ERROR_SECONDS", 0.2)
    for answer in (
        _breaks("HTTP/1.1 401 No", "Content-Length: 100", "", "", body=b'{"error": '),
        _streams(b'{"error": ', end=30, status=401),
        _streams(*[b"x" * 50_000] * 4, status=401),
    ):
        wire.answer = answer
        async with asyncio.timeout(5):
            with pytest.raises(ModelRefused) as caught:
                await wire.ask()
        assert caught.value.reason == "key"


@pytest.mark.parametrize(
    ("body", "reason"), [(b"{}", "broken"), (b'{"choices": []}', "broken"), (b"not json", "broken")]
)
async def test_an_answer_that_is_not_understood_is_no_outage(wire: Wire, body: bytes, reason: str) -> None:
    """A server that answers something else is there; one that cannot be reached is not."""
    wire.answer = _always(body)
    assert (await wire.trouble()).reason == reason
    wire.answer = _breaks(reset=True)
    assert (await wire.trouble()).reason == "unreachable"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error": "in one word"}', "in one word"),
        (b'{"detail": "elsewhere"}', '{"detail": "elsewhere"}'),
        (b'{"error": {"code": 7}}', '{"error": {"code": 7}}'),
        (b'["listed"]', '["listed"]'),
        (b"null", "null"),
        (b"<html>no such page</html>", "<html>no such page</html>"),
        (b'{"error": {"mess', '{"error": {"mess'),
        (b"caf\xe9", "caf\ufffd"),
        (b"", ""),
        (b"x" * 1_000, "x" * 300),
        (json.dumps({"error": {"message": "y" * 1_000}}).encode(), "y" * 300),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_refusal_in_other_words_is_told(wire: Wire, body: bytes, told: str) -> None:
    """What the server says of its refusal in another shape, or in none, is told as it is, up to 300 characters."""
    wire.answer = _always(body, 400, "text/html")
    with pytest.raises(ModelRefused) as caught:
        await wire.ask()
    assert str(caught.value) == f"the model's server refused the request (400): {told}"
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_request_is_not_taken_elsewhere(wire: Wire, status: int) -> None:
    """A redirection is a refusal: the conversation and the key go to the configured address alone, once."""
    wire.answer = _always(b"moved", status, Location=f"{wire.root}/elsewhere")
    with pytest.raises(ModelRefused, match=rf"{status}.*moved") as caught:
        await wire.ask()
    assert caught.value.reason == "not_found"
    assert [asked.path for asked in wire.requests] == ["/v1/chat/completions"]


OK = ("HTTP/1.1 200 OK", "content-type: text/event-stream")
CHUNKED = (*OK, "transfer-encoding: chunked", "", "")
SAID = _events(_chunk("hi"), END)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    ("head", "body"),
    [
        ((), b""),
        (("SSH-2.0-OpenSSH_9.9", "", ""), b""),
        (OK, b""),
        ((*OK, "content-length: 1000", "", ""), SAID),
        (("HTTP/1.1 200 OK", "content-type: application/json", "content-length: 99", "", ""), b'{"choices": ['),
        (CHUNKED, b""),
        (CHUNKED, b"1000\r\n" + SAID),
        (CHUNKED, f"{len(SAID):x}\r\n".encode() + SAID + b"\r\n"),
        (CHUNKED, b"wide\r\n" + SAID),
        ((*OK, "connection: close", "", ""), _events(_chunk("hi"))),
        ((*OK, "content-encoding: gzip", "content-length: 9", "", ""), b"not so..."),
    ],
    ids=[
        "nothing",
        "no HTTP",
        "half a head",
        "less than promised",
        "half a JSON",
        "no chunk",
        "half a chunk",
        "no last chunk",
        "no chunk size",
        "half a stream",
        "no gzip",
    ],
)
async def test_a_line_that_breaks_is_worth_another_try(
    wire: Wire, head: tuple[str, ...], body: bytes, reset: bool
) -> None:
    """Whatever happens to the connection, no client exception comes through, and the error says something."""
    wire.answer = _breaks(*head, body=body, reset=reset)
    error = await wire.trouble()
    assert error.retry_after is None
    assert not str(error).rstrip().endswith(":")
    assert wire.connections == 1


async def test_a_server_that_is_not_there_is_worth_another_try(wire: Wire) -> None:
    """A refused connection is trouble that may pass."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody answers, and nobody else can take it
        chat = wire.another(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        with pytest.raises(ModelUnavailable):
            await chat.complete(QUESTION, model="m", tools=[])


@pytest.mark.parametrize("address", ["nonsense", "http://", "http://[::1/v1", "ftp://127.0.0.1/v1", "http://a b/v1"])
async def test_an_address_that_is_none_is_told(wire: Wire, address: str) -> None:
    """A mistake in the address shows at the call, as trouble of the model's server."""
    with pytest.raises(ModelUnavailable):
        await wire.another(address).complete(QUESTION, model="m", tools=[])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue still accepts")
@pytest.mark.alone
async def test_a_connection_that_does_not_come_about_is_given_up_soon(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not even take the connection costs the seconds for connecting, not those for answering."""
    monkeypatch.setattr(openai_chat, "CONNECT_SECONDS", 0.1)
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(full.getsockname())
        chat = wire.another(f"http://127.0.0.1:{full.getsockname()[1]}/v1", seconds=30)
        async with asyncio.timeout(3):
            with pytest.raises(ModelUnavailable):
                await chat.complete(QUESTION, model="m", tools=[])


@pytest.mark.alone
async def test_a_call_without_a_free_connection_is_worth_another_try(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls beyond the limit of connections wait, but no longer than a call may take."""
    monkeypatch.setattr(openai_chat, "CONNECTIONS", 1)
    wire.answer = _streams(SAID, DONE, end=0.01)
    await asyncio.gather(*(wire.ask() for _ in range(3)))
    assert wire.connections == 1
    wire.answer = _never
    chat = wire.another(seconds=0.1)
    calls = (chat.complete(QUESTION, model="m", tools=[]) for _ in range(3))
    async with asyncio.timeout(3):
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [ModelUnavailable] * 3


@pytest.mark.parametrize(
    "answer",
    [_never, _streams(*[b": waiting\n\n"] * 500, pause=0.02), _streams(SAID, end=10)],
    ids=["no answer", "no end", "no end after the last word"],
)
@pytest.mark.alone
async def test_an_answer_that_takes_too_long_is_given_up(wire: Wire, answer: Handler) -> None:
    """A call ends after its seconds, whatever the stream is doing, and the server is hung up on."""
    gone = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await answer(request)
        finally:
            gone.set()

    wire.answer = handle
    wire.chat = wire.another(seconds=0.5)
    async with asyncio.timeout(3):
        error = await wire.trouble()
        await gone.wait()
    assert "within 0.5 s" in str(error)
    assert error.retry_after is None


async def test_a_call_that_is_cancelled_hangs_up(wire: Wire) -> None:
    """A cancelled call is cancelled, not worth a retry, and the server need not go on."""
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        arrived.set()
        try:
            return await _never(request)
        finally:
            gone.set()

    wire.answer = handle
    call = asyncio.create_task(wire.ask())
    async with asyncio.timeout(20):
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await gone.wait()


async def test_closing_ends_what_is_under_way(wire: Wire) -> None:
    """A call that is under way when the client is closed, and one that comes later, are worth another try."""
    arrived = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        arrived.set()
        return await _never(request)

    wire.answer = handle
    call = asyncio.create_task(wire.ask())
    async with asyncio.timeout(20):
        await arrived.wait()
        await wire.chat.close()
        with pytest.raises(ModelUnavailable):
            await call
        with pytest.raises(ModelUnavailable):
            await wire.ask()
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"17", b'"text"', b"{}", b'{"choices":[{"mess', b'{"error":{"message":"x"}}', b"\xff"],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/event-stream"])
async def test_a_body_that_is_no_completion_is_worth_another_try(wire: Wire, body: bytes, content_type: str) -> None:
    """200 with half an answer, a proxy's page or an error object is no answer."""
    wire.answer = _always(body, content_type=content_type)
    await wire.trouble()


@pytest.mark.parametrize(
    "completion",
    [
        _completion(choices=[]),
        _completion(choices=None),
        _completion(choices=[{}]),
        _completion(choices=[{"message": None}]),
        _completion(choices=[None]),
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
    wire.answer = _always(completion)
    await wire.trouble()


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        DONE,
        _events(_chunk("hi")) + DONE,
        _events(_chunk("hi"), {"error": {"message": "overloaded"}}),
        _events(_chunk("hi"), {"error": "overloaded"}, END) + DONE,
        _events(_chunk("hi"), END) + b"data: {oops\n\n",
        _events(_chunk("hi"), END) + b"data: \xff\n\n",
        _events(_chunk("hi"), END) + b"data: " + b"[" * 100_000 + b"\n\n",
        _events(_chunk("hi"), [], END),
        _events(_chunk("half \ud83d"), END) + DONE,
        _events(_chunk("half \ud83d"), _chunk("character"), END) + DONE,
        _events(_chunk("hi") | {"model": "half \ud83d"}, END) + DONE,
        _events(_chunk(17), END) + DONE,
        _events(_chunk("hi", tool_calls=[None]), END) + DONE,
        _events(_chunk("hi", tool_calls=[_part(0, {"x": 1})]), END) + DONE,
        _events(_chunk("hi", tool_calls=[_part(0, "half \ud83d")]), END) + DONE,
        _events(_chunk("hi", tool_calls=[_part(float("inf"), "{}")]), END) + DONE,
    ],
    ids=lambda stream: repr(stream)[-60:],
)
async def test_a_stream_that_cannot_be_used_is_worth_another_try(wire: Wire, stream: bytes) -> None:
    """A stream without its end, or with parts that are no part of an answer, is none, whatever was said before."""
    wire.answer = _streams(stream)
    await wire.trouble()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.just(float("inf")) | st.text(max_size=5),
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
                {"id": JSON, "type": st.just("function"), "function": JSON | st.builds(_call, JSON, JSON, JSON)},
                optional={"index": JSON},
            ),
            max_size=3,
        ),
    },
)


async def _holds(wire: Wire) -> None:
    """An answer with fields of their types, or a retry."""
    try:
        answer = await wire.ask()
    except ModelUnavailable:
        return
    assert isinstance(answer.content, str)
    assert isinstance(answer.model, str)
    assert isinstance(answer.tokens, int)
    assert len({call.id for call in answer.tool_calls}) == len(answer.tool_calls)


@given(st.one_of(MESSAGES, JSON), JSON, JSON)
@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_answer_breaks_the_adapter(wire: Wire, message: Any, usage: Any, model: Any) -> None:
    """For any JSON in the places of message, usage and model: an answer with fields of their types, or a retry."""
    wire.answer = _always(_completion(usage=usage, model=model, choices=[{"index": 0, "message": message}]))
    await _holds(wire)


@given(st.lists(MESSAGES | JSON, max_size=3), JSON, JSON)
@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_stream_breaks_the_adapter(wire: Wire, deltas: list[Any], usage: Any, model: Any) -> None:
    """For any JSON in the places of delta, usage and model: an answer with fields of their types, or a retry."""
    chunks = [{"model": model, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    wire.answer = _streams(_events(*chunks, END, {"usage": usage}), DONE)
    await _holds(wire)


async def test_a_connection_is_used_again(wire: Wire) -> None:
    """Five streamed answers come over one connection, though each ends a moment after its last event."""
    wire.answer = _streams(SAID, DONE, end=0.01)
    for _ in range(5):
        assert (await wire.ask()).content == "hi"
    assert len(wire.requests) == 5
    assert wire.connections == 1


async def test_a_connection_is_used_again_after_answers_in_one_piece(wire: Wire) -> None:
    """Answers in one piece, refusals and trouble leave the connection to the next call."""
    for answer in (_always(_completion()), _always({}, 400), _always({}, 429), _always({}), _always(_completion())):
        wire.answer = answer
        with suppress(ModelUnavailable, ModelRefused):
            await wire.ask()
    assert len(wire.requests) == 5
    assert wire.connections == 1


async def test_a_connection_that_the_server_closed_meanwhile_is_replaced(wire: Wire) -> None:
    """A kept connection that is gone when the next call comes is no trouble."""
    body = json.dumps(_completion()).encode()
    wire.answer = _breaks(
        "HTTP/1.1 200 OK", "connection: keep-alive", f"content-length: {len(body)}", "", "", body=body
    )
    for _ in range(3):
        assert (await wire.ask()).content == "hi"
        await asyncio.sleep(0.01)  # the end of the connection comes a moment after the answer
    assert wire.connections == 3


@pytest.mark.parametrize(
    "completion", [_completion(content=None), _completion(content=""), _completion(content=None, calls=[])]
)
async def test_an_answer_without_words_is_an_answer(wire: Wire, completion: dict[str, Any]) -> None:
    """A server that says nothing is not away: who asked decides what becomes of an empty answer."""
    wire.answer = _always(json.dumps(completion).encode())
    answer = await wire.ask()
    assert (answer.content, answer.tool_calls) == ("", ())
