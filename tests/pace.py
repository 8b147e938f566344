"""How fast this machine is just now, for tests that hold a time of computing."""

from __future__ import annotations

import time

_ROUNDS = 300_000
_REFERENCE = 0.019
"""Seconds for them on the two cores of 2026-11 on which the documents' figures were seen."""


def slowness() -> float:
    """How many times as long as there computing takes here, at least 1: what others do on the machine counts too."""
    began = time.process_time()
    sum(number * number for number in range(_ROUNDS))
    return max(1.0, (time.process_time() - began) / _REFERENCE)
