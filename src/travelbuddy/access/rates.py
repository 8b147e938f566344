"""How often one user and one address may ask."""

from __future__ import annotations

import time
from math import ceil

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from travelbuddy.errors import TooManyRequests


class Rates:
    """Counts requests on this replica. A rate is written ``100/minute``; ``off`` is any number."""

    def __init__(self, per_user: str, per_address: str) -> None:
        self._limits = {"user": _parsed(per_user), "address": _parsed(per_address)}
        self._seen = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def count(self, kind: str, who: str) -> None:
        """One more request of this user or address; raises TooManyRequests."""
        limit = self._limits[kind]
        if limit is None or await self._seen.hit(limit, kind, who):
            return
        stats = await self._seen.get_window_stats(limit, kind, who)
        seconds = max(1, ceil(stats.reset_time - time.time()))
        raise TooManyRequests(f"more than {limit} from this {kind}; wait {seconds} s", retry_after=seconds)


def _parsed(rate: str) -> RateLimitItem | None:
    return parse(rate) if rate != "off" else None
