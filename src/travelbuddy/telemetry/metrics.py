"""What Prometheus reads at ``/metrics``. Labels never hold an id."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from travelbuddy import __version__
from travelbuddy.adapters.ports import ModelAnswer
from travelbuddy.admission import Admission
from travelbuddy.resilience import Guard
from travelbuddy.telemetry.families import STORE_SECONDS, Families
from travelbuddy.telemetry.model_metrics import ModelMetrics
from travelbuddy.telemetry.prices import Prices
from travelbuddy.telemetry.turn_metrics import TurnMetrics
from travelbuddy.telemetry.watched import Breakers, Doors, Number, Parts

DEAD_LETTERS = ("unreadable", "invalid", "refused", "broken", "undelivered")
HTTP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60)


class Metrics:
    """All metrics of one service, in a registry of their own."""

    def __init__(self, prices: Prices | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they are half the page, and nobody reads them
        self.registry = CollectorRegistry()
        families = Families(self.registry)
        self.turns = TurnMetrics(families)
        self.models = ModelMetrics(families, prices or Prices({}))
        self._cache = families.counter("user_cache_requests", "Reads of users' records", {"result": ("hit", "miss")})
        self._store = families.histogram(
            "state",
            "Operations on the state store, with their retries",
            {"operation": (), "outcome": ()},
            STORE_SECONDS,
        )
        self._retries = families.counter("state_retries", "Operations that were repeated", {"operation": ()})
        self._dead = families.counter("dead_letters", "Messages that no retry could help", {"reason": DEAD_LETTERS})
        self._http = families.histogram(
            "http_request",
            "Until an answer begins; a stream goes on after that",
            {"method": (), "route": (), "status": ()},
            HTTP_SECONDS,
        )
        build = Info("travelbuddy_build", "What runs", registry=self.registry)
        build.info({"version": __version__, "python": platform.python_version()})
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def cache_asked(self, hit: bool) -> None:
        """A user's record was wanted; the cached copy did, or did not."""
        self._cache.labels("hit" if hit else "miss").inc()

    def retried(self, operation: str) -> None:
        """An operation on the state store is repeated."""
        self._retries.labels(operation).inc()

    def buried(self, reason: str) -> None:
        """A message went to the dead letters; ``reason`` is its kind."""
        self._dead.labels(reason).inc()

    def model_answered(self, model: str, answer: ModelAnswer) -> None:
        """A model was asked and answered."""
        self.models.answered(model, answer)

    def http(self, method: str, route: str, status: int, seconds: float) -> None:
        """An answer began."""
        self._http.labels(method, route, status).observe(seconds)

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
        self.registry.register(Breakers(guards))

    def watch_doors(self, admission: Admission) -> None:
        """Show how many turns are in progress, and how many messages were sent away for it."""
        self.registry.register(Doors(admission))

    def watch_waiting(self, turns: Callable[[], int]) -> None:
        """Show how many turns wait on this replica for others of their session."""
        self.registry.register(Number("turns_waiting", "Turns that wait here for others of their session", turns))

    def watch_streams(self, clients: Callable[[], int]) -> None:
        """Show how many clients follow a turn event by event."""
        self.registry.register(Number("stream_clients", "Clients that follow a turn, event by event", clients))

    def watch_parts(self, **parts: Callable[[], bool]) -> None:
        """Show whether these parts work."""
        self.registry.register(Parts(parts))

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
