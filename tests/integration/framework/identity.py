"""An identity provider as the service meets one: published keys, and tokens signed with the private ones."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from jwt.algorithms import ECAlgorithm

AUDIENCE, ISSUER = "travelbuddy", "https://identity.example"


class IdentityProvider:
    """``with IdentityProvider() as provider``: serves its keys over HTTP on loopback, and counts who reads them."""

    def __init__(self) -> None:
        self.reads = 0
        self.down = False
        self.hold = threading.Event()
        self.hold.set()
        self.body: bytes | None = None
        self._keys: dict[str, EllipticCurvePrivateKey] = {}
        self.rotate("key-1")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> IdentityProvider:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where the keys are."""
        return f"http://127.0.0.1:{self._server.server_port}/keys"

    @property
    def env(self) -> dict[str, str]:
        """The settings of a service that trusts this provider."""
        return {"AUTH": "jwt", "JWT_JWKS_URL": self.url, "JWT_AUDIENCE": AUDIENCE, "JWT_ISSUER": ISSUER}

    def rotate(self, key_id: str) -> None:
        """From now on sign with a new key; the old ones are published no more."""
        self._keys = {key_id: generate_private_key(SECP256R1())}

    def token(self, user: str, *, key_id: str | None = None, lifetime: float = 600, **claims: Any) -> str:
        """A token of this user. A claim given as None is left out."""
        known, key = next(iter(self._keys.items()))
        said = {"sub": user, "aud": AUDIENCE, "iss": ISSUER, "exp": int(time.time() + lifetime), **claims}
        whole = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(whole, key, algorithm="ES256", headers={"kid": key_id or known})

    def bearer(self, user: str) -> dict[str, str]:
        """The header of this user's requests."""
        return {"Authorization": f"Bearer {self.token(user)}"}

    def published(self) -> list[dict[str, Any]]:
        """The public keys (RFC 7517)."""
        return [
            {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "use": "sig", "alg": "ES256"}
            for key_id, key in self._keys.items()
        ]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.reads += 1
                provider.hold.wait(30)
                body = provider.body or json.dumps({"keys": provider.published()}).encode()
                self.send_response(503 if provider.down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        return Handler
