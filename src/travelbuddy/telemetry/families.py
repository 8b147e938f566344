"""How this service makes metrics: names with its prefix, labels with values that are known before.

A series that first appears with the value 1 shows Prometheus no increase; so each is there from the start, at 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

OTHER = "other"
"""Stands for every label value that is not known before, so that nobody makes series without end."""
Labels = Mapping[str, Iterable[str]]
"""The labels of a metric with their known values; none where the values come from the settings."""
STORE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Families:
    """Makes the metrics of one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, help_text: str, labels: Labels) -> Counter:
        """A counter; its name on the page ends with ``_total``."""
        made = Counter(f"travelbuddy_{name}", help_text, list(labels), registry=self._registry)
        for values in product(*labels.values()) if labels else ():
            made.labels(*values)
        return made

    def gauge(self, name: str, help_text: str, labels: Labels) -> Gauge:
        """A gauge."""
        made = Gauge(f"travelbuddy_{name}", help_text, list(labels), registry=self._registry)
        for values in product(*labels.values()) if labels else ():
            made.labels(*values)
        return made

    def histogram(self, name: str, help_text: str, labels: Labels, buckets: tuple[float, ...] = SECONDS) -> Histogram:
        """A histogram of seconds. Its series appear with their first value: each is as long as its buckets."""
        return Histogram(
            f"travelbuddy_{name}_seconds", help_text, list(labels), buckets=buckets, registry=self._registry
        )


def known(value: str | None, values: Iterable[str]) -> str:
    """The label's value, or ``other``."""
    return value if value is not None and value in values else OTHER
