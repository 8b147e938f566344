"""How long a turn waits for a model that is away, and when it asks again. Pure, as all of the domain."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isnan
from typing import Literal

Trouble = Literal["model", "breaker", "store", "defect"]
"""What a step waits for: a model that failed, the breaker before it, the store, or nothing but another try after an
exception of ours. Only the first and the last use up an attempt."""
MAX_BACKOFF = 30.0
LONGEST = 86_400.0
"""The longest time that is waited because the other side named it; patience may be shorter."""
_FOR = {"model": "the model", "breaker": "the model", "store": "the store", "defect": "another try"}


def backoff(tries: int, named: float | None = None) -> float:
    """Seconds to wait after so many failed tries: from half a second, each twice the one before; or the time named."""
    if named is not None and not isnan(named):
        return min(max(named, 0.1), LONGEST)
    return float(min(0.5 * 2 ** min(max(tries, 1) - 1, 10), MAX_BACKOFF))


def after_failure(now: datetime, since: datetime, attempt: int, named: float | None, patience: float) -> float | None:
    """Seconds until a turn whose ``attempt``-th try has failed asks again; None: it has waited for long enough.

    The model is away ``since``. The last try is made when patience ends, unless the server ``named`` a later time.
    """
    left = patience - (now - since).total_seconds()
    if left <= 0 or (named is not None and named > left):
        return None
    return min(backoff(attempt, named), left)


def held_back(now: datetime, since: datetime, open_for: float, patience: float) -> float | None:
    """Seconds until a turn that the breaker held back tries to ask; None as above.

    The longer the model is away the seldomer it tries, so that many turns that wait are not much work.
    """
    away = (now - since).total_seconds()
    left = patience - away
    return min(max(backoff(1, open_for), min(away / 4, MAX_BACKOFF)), left) if left > 0 else None


def waiting(trouble: Trouble, seconds: float | None, since: datetime | None = None) -> str:
    """What a turn does meanwhile, in the one wording that the status, its followers and the page use."""
    words = f"waiting for {_FOR[trouble]}"
    if since is not None:
        words += f" since {since.astimezone(UTC):%H:%M:%S} UTC"
    return words if seconds is None else f"{words}; asks again in {max(round(seconds, 1), 0.1):g} s"
