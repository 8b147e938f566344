"""A bound on request bodies, so that nobody fills the memory."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from travelbuddy.api.problems import problem

MAX_BODY = 2 * 1024 * 1024
FROM_SIDECAR, MAX_FROM_SIDECAR = "/messages/", 16 * 1024 * 1024


class BodyLimit:
    """ASGI middleware: a body above ``limit`` bytes is answered with 413, whether its length is declared or not.

    The sidecar may send more: what the broker holds already is better buried by the inbox, with a reason.
    """

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY) -> None:
        self._app = app
        self._limit = limit
        self._detail = f"The body is larger than {limit // 1024} KiB; send a shorter message."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = MAX_FROM_SIDECAR if scope.get("path", "").startswith(FROM_SIDECAR) else self._limit
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await self._refuse(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, self._detail)
            return message

        await self._app(scope, counted, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await problem(413, "body-too-large", self._detail)(scope, receive, send)
