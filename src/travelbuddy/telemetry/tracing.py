"""Traces of turns: off unless OTEL_EXPORTER_OTLP_ENDPOINT names a receiver, and then the SDK is not even imported.

What is here can be called anywhere at any time: without a receiver, or outside of a trace, it does nothing. Which spans
there are, and what they say, is in ``spans``; how they are made and sent in ``otel``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from travelbuddy import __version__

if TYPE_CHECKING:
    from travelbuddy.settings import Settings
    from travelbuddy.telemetry.otel import Otel

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | float | bool | tuple[str, ...]
Trace = dict[str, str]
"""A place in a trace as it travels: the W3C headers ``traceparent`` and, where there is one, ``tracestate``."""
UNTRACED: Trace = {"traceparent": "00-00000000000000000000000000000001-0000000000000001-00"}
"""Tells the sidecar that this call belongs to no trace: it would begin one for each."""


class Span:
    """A span that is not recorded; ``otel`` has the one that is."""

    def set(self, attributes: Mapping[str, Value]) -> None:
        """Say more of it."""

    def name(self, name: str) -> None:
        """Call it otherwise."""

    def event(self, name: str) -> None:
        """Something happened in it, now."""

    def fail(self, kind: str, detail: str = "") -> None:
        """It went wrong: ``kind`` is one of few words, ``detail`` quotes nobody."""


NOTHING = nullcontext(Span())
_otel: Otel | None = None


def configure_tracing(settings: Settings) -> None:
    """Begin to trace, where a receiver is configured."""
    global _otel
    if settings.otel_exporter_otlp_endpoint:
        from travelbuddy.telemetry.otel import Otel

        _otel = Otel(
            settings.otel_exporter_otlp_endpoint,
            {
                "service.name": settings.otel_service_name,
                "service.version": __version__,
                "service.instance.id": settings.replica,
            },
            settings.otel_traces_sampler,
            settings.otel_traces_sampler_arg,
        )


def recorder() -> Otel | None:
    """What records spans, None when tracing is off."""
    return _otel


def stop_tracing() -> None:
    """Send what is not sent yet, for a moment at most, and trace no more."""
    global _otel
    if _otel is not None:
        _otel.close()
        _otel = None


def span(name: str, kind: Kind, attributes: Mapping[str, Value]) -> AbstractContextManager[Span]:
    """A span of the trace that this task is in; nothing outside of one."""
    return _otel.span(name, kind, attributes) if _otel is not None else NOTHING


def headers() -> Trace:
    """Where this task is in a trace, for whoever is called; empty outside of one."""
    return _otel.headers() if _otel is not None else {}


def sidecar_headers() -> Trace:
    """The same for the sidecar, which is also told when a call belongs to no trace."""
    return (_otel.headers() or UNTRACED) if _otel is not None else {}


def ids() -> Trace:
    """``trace_id`` and ``span_id`` for a line of a log; empty outside of a trace."""
    return _otel.ids() if _otel is not None else {}
