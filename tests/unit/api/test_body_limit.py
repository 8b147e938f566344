"""The bound on request bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.types import Message, Receive, Scope, Send

from travelbuddy.api.limits import BodyLimit
from travelbuddy.api.problems import install_problem_handlers

LIMIT = 2048


class Body(BaseModel):
    """A body that the framework parses."""

    text: str


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """An app that answers how many bytes it was given, raw and parsed."""
    app = FastAPI()
    install_problem_handlers(app)
    app.add_middleware(BodyLimit, limit=LIMIT)

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.post("/parsed")
    async def parsed(body: Body) -> int:
        return len(body.text) + len('{"text":""}')

    @app.get("/none")
    async def none() -> int:
        return 0

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client


def _body(size: int) -> bytes:
    return b'{"text":"' + b"x" * (size - 11) + b'"}'


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 500):
        yield body[start : start + 500]


async def _post(http: httpx.AsyncClient, path: str, size: int, *, declared: bool) -> httpx.Response:
    content = _body(size) if declared else _chunks(_body(size))
    response = await http.post(path, content=content, headers={"Content-Type": "application/json"})
    assert ("content-length" in response.request.headers) == declared
    return response


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
@pytest.mark.parametrize("path", ["/raw", "/parsed"])
async def test_a_body_up_to_the_limit_passes_whole(http: httpx.AsyncClient, path: str, declared: bool) -> None:
    """The last byte within the limit is taken, whether or not the length was declared."""
    response = await _post(http, path, LIMIT, declared=declared)
    assert (response.status_code, response.json()) == (200, LIMIT)


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT * 50])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
@pytest.mark.parametrize("path", ["/raw", "/parsed"])
async def test_a_larger_body_is_refused(http: httpx.AsyncClient, path: str, declared: bool, size: int) -> None:
    """One byte more is 413, with one type of problem for declared and chunked bodies."""
    response = await _post(http, path, size, declared=declared)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:travelbuddy:problem:body-too-large"
    assert "2 KiB" in response.json()["detail"]


async def test_a_request_without_a_body_passes(http: httpx.AsyncClient) -> None:
    """Nothing is counted where nothing is sent."""
    assert (await http.get("/none")).status_code == 200


async def test_a_declared_body_is_refused_before_it_is_read() -> None:
    """Not one byte of a body that is declared too large is taken in."""
    received: list[str] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        received.append("app")

    async def receive() -> Message:
        received.append("body")
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-length", str(LIMIT + 1).encode())]
    await BodyLimit(app, LIMIT)({"type": "http", "headers": headers}, receive, send)
    assert received == []
    assert sent[0]["status"] == 413


async def test_a_lie_about_the_length_does_not_help(http: httpx.AsyncClient) -> None:
    """A body longer than declared is counted as it comes."""
    request = http.build_request("POST", "/raw", content=_chunks(_body(LIMIT + 1)), headers={"Content-Length": "5"})
    assert (await http.send(request)).status_code == 413


async def test_other_kinds_of_connection_pass_untouched() -> None:
    """Start-up and shut-down events are none of its business."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        return

    await BodyLimit(app)({"type": "lifespan"}, receive, send)
    assert seen == ["lifespan"]


async def test_the_sidecar_may_hand_in_more() -> None:
    """What a broker holds gets to the inbox, which buries it with the reason; the sidecar's bound is a higher one."""
    app = FastAPI()
    app.add_middleware(BodyLimit, limit=LIMIT)

    @app.post("/messages/any")
    async def message(request: Request) -> int:
        return len(await request.body())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        assert (await client.post("/messages/any", content=b"x" * 100 * LIMIT)).json() == 100 * LIMIT
        assert (await client.post("/messages/any", content=b"x" * (16 * 1024 * 1024 + 1))).status_code == 413
