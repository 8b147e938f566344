"""How fast this machine is just now, for tests that hold a time of computing."""

from __future__ import annotations

import re
import time

_PATTERN = re.compile(r"\b(?:fly|flying|leave|leaving)\s+(?:from|out of)\s+(?P<place>[a-z]+(?: [a-z]+)?)\b")
_TEXT = "i would like to see whether there is something for two adults that gets to paris by noon, leaving out of york "
_ROUNDS = 6_000
_REFERENCE = 0.010
"""Seconds for them where a thousand sentences take 1.2."""


def slowness() -> float:
    """How many times as long as there a search in text takes here and now, at least 1."""
    began = time.process_time()
    for _ in range(_ROUNDS):
        _PATTERN.search(_TEXT)
    return max(1.0, (time.process_time() - began) / _REFERENCE)


def soon(took: float, limit: float) -> bool:
    """Whether ``took`` is below ``limit``, both in seconds; on a machine that is slow just now, below as many more."""
    return took < limit or took < limit * slowness()
