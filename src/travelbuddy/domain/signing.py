"""Signatures of webhooks as Standard Webhooks 1.0 has them (https://www.standardwebhooks.com): ``v1,`` and an HMAC."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Annotated

from pydantic import AfterValidator, SecretStr

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


def secret_bytes(secret: str) -> bytes:
    """The key in a secret of the form ``whsec_`` and base64. Raises ValueError that says how to make one."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(
            'write whsec_ and 24 to 64 bytes as base64; make one with `echo "whsec_$(openssl rand -base64 32)"`'
        )
    return key


def signature(key: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    """What the header ``webhook-signature`` says; ``timestamp`` is in seconds since 1970."""
    signed = b".".join((event_id.encode(), str(timestamp).encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def _checked(secret: SecretStr) -> SecretStr:
    secret_bytes(secret.get_secret_value())
    return secret


WebhookSecret = Annotated[SecretStr, AfterValidator(_checked)]
"""A secret that can be signed with."""
