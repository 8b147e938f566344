"""Answers that leave in one piece, as far as this process can see to it."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class WholeAnswers:
    """ASGI middleware: the head of an answer waits for its body, unless it is a stream.

    A process that is killed between the two leaves an answer that has begun, and no proxy can ask another replica then.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head: Message | None = None

        async def together(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start" and "content-length" in Headers(raw=message["headers"]):
                head = message
                return
            if head is not None:
                await send(head)
                head = None
            await send(message)

        await self._app(scope, receive, together)
