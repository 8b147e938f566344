"""Whether something became slower: the ratio of paired measurements, with what chance allows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LIMIT = 1.05
"""As much slower as is still no news."""
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Student's t for 95 % with 1, 2, … degrees of freedom; it is rounded up to the next one that is here."""


@dataclass(frozen=True)
class Ratio:
    """How many times as slow as before, with its 95 % interval."""

    middle: float
    low: float
    high: float

    @property
    def slower(self) -> bool:
        """Whether all of the interval lies above the limit."""
        return self.low > LIMIT


def ratio(before: Sequence[float], after: Sequence[float], *, more_is_better: bool = False) -> Ratio:
    """Of measurements in pairs, each pair taken one soon after the other; above 1 is slower, or larger.

    What the pairs have in common, a machine that is busy for a minute, is in both and cancels out.
    """
    if len(before) != len(after) or len(before) < 2:
        raise ValueError(f"two or more pairs are needed, not {len(before)} and {len(after)} measurements")
    logs = [math.log(one / other) for other, one in zip(before, after, strict=True)]
    if more_is_better:
        logs = [-log for log in logs]
    middle = statistics.fmean(logs)
    spread = student(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return Ratio(math.exp(middle), math.exp(middle - spread), math.exp(middle + spread))


def student(freedom: int) -> float:
    """The quantile for a two-sided 95 % interval; never too small."""
    return _T[min(freedom, len(_T)) - 1]
