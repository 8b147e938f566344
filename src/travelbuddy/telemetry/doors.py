"""The HTTP door's span: one for each request, after the caller's ``traceparent`` where it sends one."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from travelbuddy.telemetry.tracing import recorder

_UNTRACED = (
    *("/health", "/ready", "/metrics", "/docs", "/redoc", "/openapi.json", "/offline-model"),
    *("/messages", "/dapr"),  # the sidecar's; what it hands in has a span of its own
)


class TraceDoor:
    """ASGI middleware. The span is named by the route, for an address may hold ids of users.

    ``traceresponse`` tells the caller where its request is in a trace, in the form of ``traceparent``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or recorder() is None or scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
        else:
            await self._traced(scope, receive, send)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        otel, method = recorder(), scope["method"]
        assert otel is not None  # noqa: S101  __call__ has looked
        told = {"http.request.method": method, "url.scheme": scope.get("scheme", "http")}
        with otel.enter(method, "server", told, Headers(scope=scope)) as span:
            here = otel.headers()["traceparent"]

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message)["traceresponse"] = here
                    span.set({"http.response.status_code": message["status"]})
                    if message["status"] >= 500:
                        span.fail(str(message["status"]))
                await send(message)

            try:
                await self._app(scope, receive, noted)
            finally:
                if (path := getattr(scope.get("route"), "path", None)) is not None:
                    span.name(f"{method} {path}")
                    span.set({"http.route": path})
