"""Work that goes on in rounds, whatever goes wrong in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from travelbuddy.errors import StoreUnavailable

log = structlog.get_logger(__name__)


@contextmanager
def troubles_logged(work: str, part: str) -> Iterator[None]:
    """Whatever goes wrong ends one round of this part of the work, and is logged; the next round comes."""
    try:
        yield
    except StoreUnavailable as down:
        log.info(f"{work}.waits", part=part, reason=str(down))
    except Exception:
        log.exception(f"{work}.broke_down", part=part)
