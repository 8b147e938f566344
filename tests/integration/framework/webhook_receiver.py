"""A receiver of webhooks that checks the signatures as the specification of Standard Webhooks tells receivers to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

SECRET = "whsec_" + base64.b64encode(b"travelbuddy-tests-only-secret").decode()
TOLERANCE = 300


class Event(NamedTuple):
    """An event that was taken."""

    id: str
    body: dict[str, Any]


class WebhookReceiver:
    """``with WebhookReceiver() as receiver``: answers 500 ``fails`` times, then takes every event that is signed."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.taken: list[Event] = []
        self.refused: list[str] = []
        """Ids that were answered with an error because they were to be."""
        self.forged: list[str] = []
        """Ids whose signature or time did not hold."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it takes events."""
        return f"http://127.0.0.1:{self._server.server_port}/fares"

    @property
    def env(self) -> dict[str, str]:
        """The settings that let the service call it."""
        return {"WEBHOOK_SECRET": SECRET, "WEBHOOK_ALLOW_PRIVATE": "true"}

    def __enter__(self) -> WebhookReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, event_id: str, stamp: str, signature: str, body: bytes) -> int:
        """The status that this event is answered with."""
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        digest = hmac.new(key, f"{event_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(digest).decode()
        if abs(time.time() - int(stamp)) > TOLERANCE or not hmac.compare_digest(expected, signature):
            self.forged.append(event_id)
            return 401
        if len(self.refused) < self.fails:
            self.refused.append(event_id)
            return 500
        self.taken.append(Event(event_id, json.loads(body)))
        return 204


class _Handler(BaseHTTPRequestHandler):
    receiver: WebhookReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event_id, stamp, signature = (self.headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        self.send_response(self.receiver.take(event_id, stamp, signature, body))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        return
