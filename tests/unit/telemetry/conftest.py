"""Traces recorded in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from travelbuddy.telemetry import tracing
from travelbuddy.telemetry.otel import Otel


class Recorded:
    """What was recorded so far."""

    def __init__(self, sampler: str = "parentbased_always_on", arg: float = 1) -> None:
        self._exporter = InMemorySpanExporter()
        self.otel = Otel("http://unused", {"service.name": "test"}, sampler, arg, self._exporter)

    def spans(self) -> Sequence[ReadableSpan]:
        """All ended spans, in the order of their ends."""
        self.otel._provider.force_flush()
        return self.sent()

    def sent(self) -> Sequence[ReadableSpan]:
        """Those that were sent."""
        return self._exporter.get_finished_spans()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    """Tracing is on, and what it records stays here."""
    recorded = Recorded()
    monkeypatch.setattr(tracing, "_otel", recorded.otel)
    outside = attach(Context())  # doors stay in their spans, as the task of a request does
    yield recorded
    detach(outside)
    recorded.otel.close()
