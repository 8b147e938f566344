"""What Prometheus reads at ``/metrics``. Labels never hold an id."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.admission import Admission
from travelbuddy.resilience import Guard

_BREAKER = {"closed": 0, "half-open": 1, "open": 2}
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """All metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._cache = Counter(
            "travelbuddy_user_cache_requests", "Reads of users' records", ["result"], registry=self.registry
        )
        self._store = Histogram(
            "travelbuddy_state_seconds",
            "Operations on the state store, with their retries",
            ["operation", "outcome"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._retries = Counter(
            "travelbuddy_state_retries", "Operations that were repeated", ["operation"], registry=self.registry
        )
        self._dead = Counter(
            "travelbuddy_dead_letters", "Messages that no retry could help", ["reason"], registry=self.registry
        )
        self._tokens = Counter(
            "travelbuddy_tokens", "Tokens that models report", ["kind", "model"], registry=self.registry
        )
        self._turns = Counter("travelbuddy_turns", "Turns that ended here", ["outcome"], registry=self.registry)

    def cache_asked(self, hit: bool) -> None:
        """A user's record was wanted; the cached copy did, or did not."""
        self._cache.labels("hit" if hit else "miss").inc()

    def retried(self, operation: str) -> None:
        """An operation on the state store is repeated."""
        self._retries.labels(operation).inc()

    def turn_ended(self, outcome: str) -> None:
        """A turn was committed here."""
        self._turns.labels(outcome).inc()

    def buried(self, reason: str) -> None:
        """A message went to the dead letters; ``reason`` is its kind."""
        self._dead.labels(reason).inc()

    def model_answered(self, model: str, answer: ModelAnswer) -> None:
        """A model was asked and answered. What it does not report as the prompt's counts as the completion's."""
        self._tokens.labels("prompt", model).inc(answer.prompt_tokens)
        self._tokens.labels("completion", model).inc(answer.tokens - answer.prompt_tokens)

    @contextmanager
    def store(self, operation: str) -> Iterator[None]:
        """Measure an operation on the state store."""
        began, outcome = time.perf_counter(), "error"
        try:
            yield
            outcome = "ok"
        finally:
            self._store.labels(operation, outcome).observe(time.perf_counter() - began)

    def watch(self, *guards: Guard) -> None:
        """Show these breakers."""
        self.registry.register(_Breakers(guards))

    def watch_doors(self, admission: Admission) -> None:
        """Show how many turns are in progress, and how many messages were sent away for it."""
        self.registry.register(_Doors(admission))

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


class _Breakers(Collector):
    def __init__(self, guards: Iterable[Guard]) -> None:
        self._guards = tuple(guards)

    def collect(self) -> Iterator[Metric]:
        state = GaugeMetricFamily("travelbuddy_breaker_state", "0 closed, 1 half-open, 2 open", labels=["breaker"])
        trips = CounterMetricFamily("travelbuddy_breaker_trips", "How often it opened", labels=["breaker"])
        for guard in self._guards:
            state.add_metric([guard.name], _BREAKER[guard.state])
            trips.add_metric([guard.name], guard.trips)
        yield from (state, trips)


class _Doors(Collector):
    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "travelbuddy_turns_in_progress", "Turns let in here and not known to be over", self._admission.in_progress
        )
        yield CounterMetricFamily("travelbuddy_overloaded", "Messages not let in", self._admission.refused)
