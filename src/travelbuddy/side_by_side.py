"""Several requests at the same time, but not too many."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

AT_ONCE = 8
Result = TypeVar("Result")


class Together(Protocol):
    """Makes all calls and gives their results in their order; raises the first error once all have ended."""

    async def __call__(self, calls: Sequence[Callable[[], Awaitable[Result]]]) -> list[Result]:
        """The results."""
        ...


async def side_by_side(calls: Sequence[Callable[[], Awaitable[Result]]]) -> list[Result]:
    """See Together; at most AT_ONCE of them at the same time."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(call: Callable[[], Awaitable[Result]]) -> Result:
        async with limit:
            return await call()

    tasks = [asyncio.ensure_future(one(call)) for call in calls]
    try:
        if tasks:
            await asyncio.wait(tasks)
    finally:
        for task in tasks:
            task.cancel()
    return [task.result() for task in tasks]
