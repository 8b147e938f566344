"""The offline model over HTTP, spoken to by the real ``openai`` client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from travelbuddy.offline.server import create_offline_app
from travelbuddy.offline.wire import MODEL, count_tokens

_URL = "http://offline/v1"
_SYSTEM = {"role": "system", "content": "You are TravelBuddy.\nToday is 2026-11-23 (Monday)."}
_TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("search_flights", "remember_preference", "forget_preference")
]
_INTRODUCTION = "I'm Ada and I live in Bergen, find me flights to Rome tomorrow"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client of the app, without a socket."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_offline_app()), base_url=_URL) as client:
        yield client


@pytest.fixture
def client(http: httpx.AsyncClient) -> openai.AsyncOpenAI:
    """The client the service uses, with any key."""
    return openai.AsyncOpenAI(api_key="none", base_url=_URL, http_client=http, max_retries=0)


async def ask(client: openai.AsyncOpenAI, text: str, **options: Any) -> ChatCompletion:
    """One whole answer to one message."""
    messages: Any = [_SYSTEM, {"role": "user", "content": text}]
    answer: ChatCompletion = await client.chat.completions.create(
        model="any", messages=messages, **({"tools": _TOOLS} | options)
    )
    return answer


async def stream(client: openai.AsyncOpenAI, text: str, **options: Any) -> list[ChatCompletionChunk]:
    """The same as chunks."""
    messages: Any = [_SYSTEM, {"role": "user", "content": text}]
    chunks: Any = await client.chat.completions.create(
        model="any", messages=messages, stream=True, **({"tools": _TOOLS} | options)
    )
    return [chunk async for chunk in chunks]


def joined(chunks: list[ChatCompletionChunk]) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    """The text and the tool calls that the deltas add up to."""
    text, parts = "", dict[int, list[str]]()
    for choice in (choice for chunk in chunks for choice in chunk.choices):
        text += choice.delta.content or ""
        for call in choice.delta.tool_calls or []:
            assert call.function is not None
            if call.id:
                parts[call.index] = [call.function.name or "", ""]
            parts[call.index][1] += call.function.arguments or ""
    return text, [(name, json.loads(arguments)) for _, (name, arguments) in sorted(parts.items())]


async def test_text_answer(client: openai.AsyncOpenAI) -> None:
    """A text ends with ``stop`` and names the model that wrote it."""
    answer = await ask(client, "hello")
    assert answer.model == MODEL == "offline-travel-1"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.role == "assistant"
    assert (answer.choices[0].message.content or "").startswith("Hello")
    assert not answer.choices[0].message.tool_calls


async def test_tool_calls_have_own_ids_and_json_arguments(client: openai.AsyncOpenAI) -> None:
    """Several calls come in one message, each with its id."""
    answer = await ask(client, _INTRODUCTION)
    calls = answer.choices[0].message.tool_calls or []
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    assert len({call.id for call in calls}) == 3
    functions = [(call.function.name, json.loads(call.function.arguments)) for call in calls if call.type == "function"]
    assert functions == [
        ("remember_preference", {"key": "name", "value": "Ada"}),
        ("remember_preference", {"key": "home_airport", "value": "Bergen"}),
        ("search_flights", {"destination": "Rome", "departure_date": "2026-11-24", "origin": "Bergen"}),
    ]


async def test_usage_adds_up(client: openai.AsyncOpenAI) -> None:
    """Usage is an estimate that grows with the prompt and adds up."""
    short, long = (await ask(client, "hello")).usage, (await ask(client, "hello " * 200)).usage
    assert short is not None
    assert long is not None
    assert short.total_tokens == short.prompt_tokens + short.completion_tokens
    assert short.completion_tokens > 0
    assert long.prompt_tokens >= short.prompt_tokens + 199


@pytest.mark.parametrize("text", ["hello", "who are you?", _INTRODUCTION, "Ich heiße 😀", "My name is Zoë Müller"])
async def test_stream_adds_up_to_the_whole_answer(client: openai.AsyncOpenAI, text: str) -> None:
    """The deltas of a stream make the same text and the same calls as the answer in one piece."""
    whole = (await ask(client, text)).choices[0].message
    chunks = await stream(client, text)
    content, calls = joined(chunks)
    assert content == (whole.content or "")
    functions = [call.function for call in whole.tool_calls or [] if call.type == "function"]
    assert calls == [(function.name, json.loads(function.arguments)) for function in functions]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == ("tool_calls" if calls else "stop")
    assert len({chunk.id for chunk in chunks}) == 1


async def test_stream_tells_usage_only_where_asked(client: openai.AsyncOpenAI) -> None:
    """``include_usage`` adds one last chunk without choices, equal to the usage of the whole answer."""
    plain = await stream(client, "hello")
    assert all(chunk.usage is None and chunk.choices for chunk in plain)
    *_, last = await stream(client, "hello", stream_options={"include_usage": True})
    assert last.choices == []
    assert last.usage == (await ask(client, "hello")).usage


async def test_turn_with_tool_results(client: openai.AsyncOpenAI) -> None:
    """A tool's error, sent back as the protocol has it, becomes a question to the user."""
    error = {"type": "unknown_place", "field": "destination", "message": "No airport is known for 'Pariss'.",
             "suggestions": ["Paris, FR (PAR)"]}  # fmt: skip
    call = {"id": "call_1", "type": "function", "function": {"name": "search_flights", "arguments": "{}"}}
    messages: Any = [
        _SYSTEM,
        {"role": "user", "content": [{"type": "text", "text": "flights to Pariss"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": json.dumps({"error": error})},
    ]
    answer: Any = await client.chat.completions.create(model="any", messages=messages, tools=_TOOLS)
    assert answer.choices[0].message.content == "No airport is known for 'Pariss'. Did you mean Paris, FR (PAR)?"


@pytest.mark.parametrize("streamed", [False, True])
async def test_half_a_surrogate_pair_is_not_sent_on(http: httpx.AsyncClient, streamed: bool) -> None:
    """JSON may hold what UTF-8 cannot; the answer can be sent all the same."""
    call = {"id": "a", "type": "function", "function": {"name": "search_flights", "arguments": "{}"}}
    error = {"error": {"message": "no \ud800", "suggestions": ["\ud800x"]}}
    messages = [
        {"role": "user", "content": "flights to Rome \ud800"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": json.dumps(error)},
    ]
    body = json.dumps({"model": "m", "messages": messages, "stream": streamed})
    answer = await http.post("chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert "?x" in answer.text


async def test_tool_choice_is_kept(client: openai.AsyncOpenAI) -> None:
    """``none`` and a named function limit the calls; without parallel calls there is one at a time."""
    assert not (await ask(client, _INTRODUCTION, tool_choice="none")).choices[0].message.tool_calls
    only = {"type": "function", "function": {"name": "search_flights"}}
    for options in ({"tool_choice": only}, {"parallel_tool_calls": False}):
        assert len((await ask(client, _INTRODUCTION, **options)).choices[0].message.tool_calls or []) == 1


async def test_models_are_listed(client: openai.AsyncOpenAI) -> None:
    """The model can be found the way clients look for models."""
    assert [model.id async for model in client.models.list()] == [MODEL]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ("{not json", None, "invalid_json"),
        ("{}", "model", "missing_required_parameter"),
        ('{"model": "m", "messages": ' + "[" * 50_000 + "]" * 50_000 + "}", None, None),
        ('{"model": "m"}', "messages", "missing_required_parameter"),
        ('{"model": "m", "messages": []}', "messages", "invalid_type"),
        ('{"model": "m", "messages": "hi"}', "messages", "invalid_type"),
        ('{"model": "m", "messages": [{"role": "ghost", "content": "x"}]}', "messages.0.role", "invalid_type"),
        ('{"model": "m", "messages": [{"role": "user", "content": 3}]}', None, "invalid_type"),
        ('{"model": "m", "messages": [{"role": "user"}], "n": 2}', "n", "invalid_type"),
    ],
)
async def test_bad_request_is_an_openai_error(
    http: httpx.AsyncClient, body: str, param: str | None, code: str | None
) -> None:
    """What cannot be read is refused with 400 in OpenAI's shape."""
    answer = await http.post("chat/completions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["code"]) == ("invalid_request_error", code)
    assert param is None or error["param"] == param
    assert error["message"]


async def test_client_raises_its_own_error(client: openai.AsyncOpenAI) -> None:
    """The ``openai`` client recognises the refusal."""
    with pytest.raises(openai.BadRequestError, match="messages"):
        await client.chat.completions.create(model="any", messages=[])


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "chat/completions", 405), ("GET", "nothing", 404)])
async def test_unknown_path_is_an_openai_error(http: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    """Wrong paths and methods have the same shape of error."""
    answer = await http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_megabyte_over_the_wire(client: openai.AsyncOpenAI) -> None:
    """A message of a megabyte is read by its beginning and counted in full."""
    text = "Find me flights to Paris. " + "la " * 333_000
    answer = await ask(client, text)
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 333_000
    assert answer.usage.prompt_tokens > count_tokens(text)
