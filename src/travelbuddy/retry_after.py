"""The header ``Retry-After`` as seconds from now."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """What the header asks for, as seconds or as a date; None when it says neither, or a date that is over."""
    if not header:
        return None
    try:
        seconds = float(header)
        return seconds if math.isfinite(seconds) else None  # "nan" is a float, and no JSON number
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    left = (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds()
    return left if left > 0 else None
