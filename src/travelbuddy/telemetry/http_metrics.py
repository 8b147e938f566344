"""How long requests take, by the template of their route: an address may hold ids, and has no end."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = {"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"}
UNMATCHED = "unmatched"


class HttpMeter:
    """ASGI middleware: measures each request until its answer begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, state = time.perf_counter(), scope["app"].state  # now: a mounted app puts itself in its place

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in METHODS else "other"
                state.services.metrics.http(method, _template(scope), message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, timed)


def _template(scope: Scope) -> str:
    """The route's template; what is mounted is one route, and so is everything that is none."""
    return str(getattr(scope.get("route"), "path", "") or scope.get("root_path") or UNMATCHED)
