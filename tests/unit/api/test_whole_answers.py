"""When the head of an answer goes out."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from travelbuddy.api.whole import WholeAnswers

Headers = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    ("headers", "before_the_body"),
    [([(b"content-length", b"2")], []), ([(b"content-type", b"text/event-stream")], ["http.response.start"])],
)
async def test_the_head_waits_for_its_body_but_a_stream_begins_at_once(
    headers: Headers, before_the_body: list[str]
) -> None:
    """Between head and body of an answer of known length there is no moment to be killed in; a stream shows life."""
    sent: list[Any] = []
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        seen.extend(message["type"] for message in sent)
        await send({"type": "http.response.body", "body": b"hi", "more_body": False})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    await WholeAnswers(app)({"type": "http"}, receive, send)
    assert seen == before_the_body
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
