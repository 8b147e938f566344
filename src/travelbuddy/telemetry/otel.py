"""The OpenTelemetry SDK behind ``tracing``. Imported only where traces are wanted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from travelbuddy.errors import TravelBuddyError
from travelbuddy.telemetry.span_ids import Ids, given_id, span_id_of
from travelbuddy.telemetry.tracing import NOTHING, Kind, Span, Trace, Value

EVERY_MS = 1_000
"""How often ended spans are sent: what a killed process had not sent is missing from its traces."""
QUEUE = 8_192
"""Ended spans that wait to be sent; more are dropped, for a receiver that is away must cost no turn anything."""
PATIENCE = 2.0
"""Seconds, of sending a batch and of the last one at the end."""
COMPLAIN_EVERY = 60.0
"""Seconds in which the exporter says at most once that it cannot send."""
_W3C = TraceContextTextMapPropagator()
_SAMPLERS = {
    "always_on": lambda arg: sampling.ALWAYS_ON,
    "always_off": lambda arg: sampling.ALWAYS_OFF,
    "traceidratio": sampling.TraceIdRatioBased,
    "parentbased_always_on": lambda arg: sampling.DEFAULT_ON,
    "parentbased_always_off": lambda arg: sampling.DEFAULT_OFF,
    "parentbased_traceidratio": sampling.ParentBasedTraceIdRatio,
}


class _Complaints(logging.Filter):
    """Lets a line of the exporter through now and then, and adds where it sends to.

    A receiver that is away would be told of every other second.
    """

    _last = -COMPLAIN_EVERY

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        where = urlsplit(endpoint)
        self._endpoint = where._replace(netloc=where.netloc.rpartition("@")[2]).geturl()  # a password is not for logs

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created - self._last < COMPLAIN_EVERY:
            return False
        self._last = record.created
        record.msg, record.args = f"{record.getMessage()} (OTEL_EXPORTER_OTLP_ENDPOINT is {self._endpoint})", None
        return True


class _Recorded(Span):
    """A span that is recorded."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, attributes: Mapping[str, Value]) -> None:
        self._span.set_attributes(attributes)

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def event(self, name: str) -> None:
        self._span.add_event(name)

    def fail(self, kind: str, detail: str = "") -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(StatusCode.ERROR, detail or None)


class Otel:
    """Makes spans and sends them, in batches, on a thread of its own."""

    def __init__(
        self,
        endpoint: str,
        resource: Mapping[str, str],
        sampler: str,
        arg: float,
        exporter: SpanExporter | None = None,
    ) -> None:
        """``exporter`` replaces the one to ``endpoint``, for tests."""
        exporter = exporter or OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=PATIENCE)
        logging.getLogger(OTLPSpanExporter.__module__).filters[:] = [_Complaints(endpoint)]
        self._provider = TracerProvider(
            sampler=_SAMPLERS[sampler](arg),
            resource=Resource.create(dict(resource)),
            id_generator=Ids(),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=QUEUE, schedule_delay_millis=EVERY_MS)
        )
        self._tracer = self._provider.get_tracer("travelbuddy", resource.get("service.version"))

    def close(self) -> None:
        """Send what is left. A receiver that does not take it in time is not waited for."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(PATIENCE)

    @contextmanager
    def span(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> Iterator[Span]:
        """A child of the current span; nothing where there is none, or none that is sampled."""
        current = trace.get_current_span().get_span_context()
        if not (current.is_valid and current.trace_flags.sampled):
            with NOTHING as nothing:
                yield nothing
            return
        begun = self._tracer.start_span(name, kind=_kind(kind), attributes=attributes)
        token = attach(trace.set_span_in_context(begun))
        try:
            with _ending(begun) as recorded:
                yield recorded
        finally:
            detach(token)

    @contextmanager
    def enter(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, Value],
        parent: Mapping[str, object],
        *,
        turn_id: str | None = None,
        execution: str = "",
        link: str = "",
    ) -> Iterator[Span]:
        """A span after ``parent``, which came from outside, or the first of a new trace.

        The task stays in it after its end, so that what is logged and told last still has its ids. With ``turn_id``
        the span of that turn stands between the two, and the same ``execution`` again is the same span.
        """
        context, given = _W3C.extract(_w3c(parent), Context()), None
        if turn_id is not None:
            context, given = _of_turn(context, turn_id), span_id_of(turn_id, execution)
        links = [Link(other)] if (other := _context_of(link)).is_valid else []
        begun = self._start(name, kind, attributes, context, given, links)
        attach(trace.set_span_in_context(begun, context))
        with _ending(begun) as recorded:
            yield recorded

    def record(
        self,
        name: str,
        attributes: Mapping[str, Value],
        parent: Trace,
        turn_id: str,
        times: tuple[datetime, datetime],
        *,
        part: str = "",
        error: str = "",
    ) -> None:
        """The span of a turn that is over; or, with ``part``, one in it."""
        context = _W3C.extract(_w3c(parent), Context())
        if not trace.get_current_span(context).get_span_context().is_valid:
            return
        if part:
            context = _of_turn(context, turn_id)
        given = span_id_of(turn_id, part) if part else span_id_of(turn_id)
        begun = self._start(name, "internal", attributes, context, given, (), _nanos(times[0]))
        if error:
            _Recorded(begun).fail(error)
        begun.end(_nanos(times[1]))

    def say(self, attributes: Mapping[str, Value]) -> None:
        """Say more of the current span."""
        trace.get_current_span().set_attributes(attributes)

    def headers(self) -> Trace:
        """See ``tracing.headers``."""
        carrier: Trace = {}
        _W3C.inject(carrier)
        return carrier

    def ids(self) -> Trace:
        """See ``tracing.ids``."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def _start(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, Value],
        context: Context,
        given: int | None,
        links: Sequence[Link],
        began: int | None = None,
    ) -> trace.Span:
        token = given_id.set(given)
        try:
            return self._tracer.start_span(name, context, _kind(kind), attributes, links, began)
        finally:
            given_id.reset(token)


@contextmanager
def _ending(span: trace.Span) -> Iterator[Span]:
    """Ends the span. An exception that passes is named; its message may quote people, but for those of our own."""
    recorded = _Recorded(span)
    try:
        yield recorded
    except BaseException as error:
        recorded.fail(type(error).__name__, error.brief if isinstance(error, TravelBuddyError) else "")
        raise
    finally:
        span.end()


def _of_turn(context: Context, turn_id: str) -> Context:
    """The place in the trace of the span that the turn will have had."""
    door = trace.get_current_span(context).get_span_context()
    turn = SpanContext(door.trace_id, span_id_of(turn_id), True, door.trace_flags, door.trace_state)
    return trace.set_span_in_context(NonRecordingSpan(turn), context)


def _context_of(traceparent: str) -> SpanContext:
    return trace.get_current_span(_W3C.extract({"traceparent": traceparent}, Context())).get_span_context()


def _w3c(headers: Mapping[str, object]) -> Trace:
    """What the propagator can read of these headers, and nothing else."""
    return {name: value for name in ("traceparent", "tracestate") if isinstance(value := headers.get(name), str)}


def _kind(kind: Kind) -> SpanKind:
    return SpanKind[kind.upper()]


def _nanos(time: datetime) -> int:
    return int(time.timestamp() * 1_000_000) * 1_000
