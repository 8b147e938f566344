"""How large a test is: the gate tries fewer examples and fewer of many, ``--full-size`` as many as are named."""

from __future__ import annotations

IN_GATE = 4
"""The gate tries one example in so many, and never fewer than `FEWEST`."""
FEWEST = 15


class Sizes:
    """What ``--full-size`` says; set before a test module is imported."""

    full = False


def examples(most: int) -> int:
    """How many examples a property test tries, of the ``most`` that it tries at full size."""
    return most if Sizes.full else min(most, max(most // IN_GATE, FEWEST))
