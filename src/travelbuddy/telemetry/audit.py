"""The audit log: every request, every read and change of users' state, as one JSON line: who, what, when, which door.

It only ever grows: a file is opened for appending, each line is one write, and nothing here shortens or replaces it.
Whoever rotates it may rename it (a new one is begun) or copy and empty it (the next line is its first).

No message text and no value is in it, only keys. ``who`` is the user on whose behalf it happens, as far as the door
knows one; ``door`` is the HTTP request, ``pubsub``, or the activity of a workflow.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from urllib.parse import parse_qs, unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from travelbuddy.telemetry.tracing import ids

_door: ContextVar[str] = ContextVar("door", default="service")
_who: ContextVar[str | None] = ContextVar("who", default=None)
_log = logging.getLogger("travelbuddy.audit")
_NOBODYS = ("turn:readiness-probe", "erased:")
_OF_NOBODY = ("/health", "/ready", "/metrics", "/docs", "/redoc", "/openapi.json", "/offline-model", "/messages/dead")
"""Paths that touch nothing of a user."""


def configure_audit(target: str) -> None:
    """Write to ``target``: a file (found again when it was rotated away), ``stdout`` or ``off``."""
    _log.handlers[:] = []
    _log.propagate = False
    _log.disabled = target == "off"
    if not _log.disabled:
        stream = target in {"", "stdout"}
        handler = logging.StreamHandler(sys.stdout) if stream else _AuditFile(target, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(message)s"))
        _log.addHandler(handler)
        _log.setLevel(logging.INFO)


class _AuditFile(WatchedFileHandler):
    """A file that only its owner reads, opened for appending."""

    def _open(self) -> io.TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return io.TextIOWrapper(os.fdopen(handle, "ab", buffering=0), encoding="utf-8", write_through=True)


def enter(door: str, who: str | None) -> None:
    """Say, for everything that this task does from now on, through which door it came and for whom."""
    _door.set(door)
    _who.set(who)


def identify(who: str) -> None:
    """The door has learned for whom it works."""
    _who.set(who)


def record(action: str, keys: Sequence[str], outcome: str) -> None:
    """Note a read or change of these keys."""
    if _log.disabled or not _log.handlers:
        return
    what = [key for key in keys if not key.startswith(_NOBODYS)]
    if what:
        line = {
            "audit": action,
            "when": datetime.now(UTC).isoformat(),
            "who": _who.get(),
            "door": _door.get(),
            "what": what,
            "outcome": outcome,
            **ids(),
        }
        _log.info(json.dumps(line, ensure_ascii=False))


class AuditDoor:
    """ASGI middleware: names the request as the door, and the user when the address has one; notes how it ended.

    So a line says of every cancel, export and erasure what became of it, also when it was refused.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["path"] == "/" or scope["path"].startswith(_OF_NOBODY):
            await self._app(scope, receive, send)
            return
        await self._noted(scope, receive, send)

    async def _noted(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = "broke off"

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        query = parse_qs(scope.get("query_string", b"").decode(errors="replace"))
        parts = scope["path"].split("/")
        user = unquote(parts[2]) if parts[1:2] == ["users"] and len(parts) > 2 else None
        enter(f"{scope['method']} {scope['path']}", user or next(iter(query.get("user_id", [])), None))
        try:
            await self._app(scope, receive, watched)
        finally:
            if status == "401":
                _who.set(None)  # whoever it was has not shown to be the one the address names
            record("request", [scope["path"]], status)
