"""What is not counted but looked at, each time Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from travelbuddy.admission import Admission
from travelbuddy.resilience import Guard

_BREAKER = {"closed": 0, "half-open": 1, "open": 2}


class Breakers(Collector):
    """The states of breakers, and how often they opened."""

    def __init__(self, guards: Iterable[Guard]) -> None:
        self._guards = tuple(guards)

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        state = GaugeMetricFamily("travelbuddy_breaker_state", "0 closed, 1 half-open, 2 open", labels=["breaker"])
        trips = CounterMetricFamily("travelbuddy_breaker_trips", "How often it opened", labels=["breaker"])
        for guard in self._guards:
            state.add_metric([guard.name], _BREAKER[guard.state])
            trips.add_metric([guard.name], guard.trips)
        yield from (state, trips)


class Doors(Collector):
    """How many turns are in progress, and how many messages were sent away for it."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        yield GaugeMetricFamily(
            "travelbuddy_turns_in_progress", "Turns let in here and not known to be over", self._admission.in_progress
        )
        yield CounterMetricFamily("travelbuddy_overloaded", "Messages not let in", self._admission.refused)


class Number(Collector):
    """One number that somebody knows."""

    def __init__(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        self._name, self._help, self._value = f"travelbuddy_{name}", help_text, value

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        yield GaugeMetricFamily(self._name, self._help, self._value())


class Parts(Collector):
    """What the service needs and whether it has it."""

    def __init__(self, parts: Mapping[str, Callable[[], bool]]) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        up = GaugeMetricFamily("travelbuddy_part_up", "1 while the part works", labels=["part"])
        for name, works in self._parts.items():
            up.add_metric([name], int(works()))
        yield up
