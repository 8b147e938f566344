"""Requests through a circuit breaker, with what it does made visible."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from travelbuddy.domain.breaker import Breaker, BreakerState
from travelbuddy.errors import Transient

log = structlog.get_logger(__name__)
Result = TypeVar("Result")


class Guard:
    """A breaker around requests to one other side. ``refusal`` makes the error of a request that is not made."""

    def __init__(
        self,
        name: str,
        threshold: int,
        open_for: float,
        refusal: Callable[[float], Transient],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.trips = 0
        self._breaker = Breaker(threshold, open_for, clock)
        self._refusal = refusal

    @property
    def state(self) -> BreakerState:
        """The breaker's state now."""
        return self._breaker.state

    def answering(self) -> None:
        """A request's answer has begun: the other side is there, however long the rest takes."""
        self._breaker.succeeded()

    async def call(self, request: Callable[[], Awaitable[Result]], counts: Callable[[Transient], bool]) -> Result:
        """The request's result. Trouble that ``counts`` brings the breaker nearer to opening; other errors do not."""
        if (wait := self._breaker.seconds_to_wait()) > 0:
            raise self._refusal(wait)
        verdict = False
        try:
            result = await request()
            verdict = True
            self._breaker.succeeded()
            return result
        except Transient as trouble:
            if counts(trouble):
                verdict = True
                if self._breaker.failed():
                    self.trips += 1
                    log.warning("breaker.opened", breaker=self.name, reason=trouble.brief)
            raise
        finally:
            if not verdict:
                self._breaker.gave_up()
