"""A circuit breaker as a pure state machine: after repeated trouble nobody asks for a while, then one asks at a time.

closed ──trouble × threshold──▶ open ──open_for seconds──▶ half-open ──success──▶ closed
                               ▲                             │
                               └───────────trouble───────────┘
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "half-open", "open"]


class Breaker:
    """``clock`` gives monotonic seconds. Trouble in a row is counted; a success in between starts the count anew."""

    def __init__(self, threshold: int, open_for: float, clock: Callable[[], float]) -> None:
        self._threshold = threshold
        self._open_for = open_for
        self._clock = clock
        self._troubles = 0
        self._opened_at: float | None = None
        self._probed_at: float | None = None

    @property
    def state(self) -> BreakerState:
        """Closed lets everything through, open nothing, half-open one request in ``open_for`` seconds."""
        if self._opened_at is None:
            return "closed"
        return "open" if self._clock() - self._opened_at < self._open_for else "half-open"

    def seconds_to_wait(self) -> float:
        """0 when the caller may ask; it must then tell how that ended. Else how long to wait before trying again."""
        state = self.state
        if state == "closed":
            return 0
        if state == "open":
            return self._open_for - (self._clock() - (self._opened_at or 0))
        now = self._clock()
        if self._probed_at is not None and now - self._probed_at < self._open_for:
            return self._open_for - (now - self._probed_at)
        self._probed_at = now  # an earlier one may be pending still: who answers slowly is not away
        return 0

    def succeeded(self) -> None:
        """The request was answered, or its answer has begun."""
        self._troubles, self._opened_at, self._probed_at = 0, None, None

    def failed(self) -> bool:
        """The request met trouble; True when that opens the breaker."""
        self._troubles += 1
        probing = self._probed_at is not None
        if not probing and (self._opened_at is not None or self._troubles < self._threshold):
            return False
        self._opened_at, self._probed_at = self._clock(), None
        return True

    def gave_up(self) -> None:
        """The request ended without a verdict: it was cancelled, say. A probe lets the next one try."""
        self._probed_at = None
