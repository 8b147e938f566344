"""What keeps other people's web pages away from the service, and the service's answers from being misused in one."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from travelbuddy.api.problems import problem

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_CDN = "https://cdn.jsdelivr.net"
_DOCS = (
    f"default-src 'none'; frame-ancestors 'none'; connect-src 'self'; script-src 'unsafe-inline' {_CDN}; "
    f"style-src 'unsafe-inline' {_CDN}; worker-src blob:; img-src data: {_CDN} https://fastapi.tiangolo.com"
)
POLICIES: Mapping[str, str] = {"/docs": _DOCS, "/redoc": _DOCS}
"""Content security policies of the documentation; the chat page names its own. Else it is data, and loads nothing."""
_YEAR = 365 * 24 * 3600


class BrowserGuard:
    """ASGI middleware: security headers on every answer, and no answer under a name that is not ours.

    The names matter where nobody is asked for a credential: a page may make its own name point to this machine, and its
    visitor's browser would then call the service as if the page were a part of it (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...] = ()) -> None:
        """``names`` are the host names that are answered; none means any."""
        self._app = app
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and mark its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = POLICIES.get(scope["path"], _NOTHING)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_ALWAYS)
                headers.setdefault("Content-Security-Policy", policy)
                headers.setdefault("Cache-Control", "no-store")
                if scope.get("scheme") == "https":
                    headers["Strict-Transport-Security"] = f"max-age={_YEAR}"
            await send(message)

        if self._names and (name := _host(scope)) not in self._names:
            detail = f"this service does not answer as {name!r}; add the name to ALLOWED_HOSTS"
            await problem(421, "unknown-host", detail)(scope, receive, marked)
        else:
            await self._app(scope, receive, marked)


def _host(scope: Scope) -> str:
    """The name the client called, without its port."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
