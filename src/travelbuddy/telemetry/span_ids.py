"""Ids of spans: random ones, and those that can be known before their spans are made (ARC-018)."""

from __future__ import annotations

from contextvars import ContextVar
from hashlib import sha256

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

given_id: ContextVar[int | None] = ContextVar("given_span_id", default=None)
"""The id of the next span; None for a random one."""


def span_id_of(*parts: str) -> int:
    """The id of a span that others can name before it is made, and that is the same when it is made again."""
    return int.from_bytes(sha256("/".join(parts).encode()).digest()[:8]) or 1


class Ids(RandomIdGenerator):
    """Random ids, but for a span whose id is given."""

    def generate_span_id(self) -> int:
        """The given one, if there is one."""
        return given_id.get() or super().generate_span_id()
