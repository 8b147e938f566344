"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")
INTERVAL, LONGEST_INTERVAL = 0.05, 0.25
"""Seconds between two looks at first, and later: most that is polled costs the service some milliseconds a look."""


@overload
async def poll_until(probe: Callable[[], Coroutine[Any, Any, T | None]], within: float, what: str) -> T: ...
@overload
async def poll_until(probe: Callable[[], T | None], within: float, what: str) -> T: ...
async def poll_until(probe: Callable[[], Any], within: float, what: str) -> Any:
    """Return the first truthy answer of ``probe``, sync or async; fail with ``what`` after ``within`` seconds.

    An exception of the probe counts as "not yet" and is told when the time is up.
    """
    began = time.monotonic()
    last: object = None
    while (waited := time.monotonic() - began) < within:
        try:
            answer = probe()
            if inspect.isawaitable(answer):
                answer = await answer
        except Exception as error:
            last = error
        else:
            last = answer
            if answer:
                return answer
        await asyncio.sleep(min(INTERVAL + waited / 20, LONGEST_INTERVAL))
    raise AssertionError(f"not within {within:.0f} s: {what} (last seen: {last!r})")
