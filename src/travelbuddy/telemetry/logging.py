"""Structured logs, one event a line. No message text goes into them."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from dapr.ext.workflow.logger import LoggerOptions


def configure_logging(level: str, style: Literal["console", "json"]) -> None:
    """Send structlog and the standard library's loggers to stdout in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("durabletask-worker", "durabletask-client"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("opentelemetry.instrumentation").setLevel(logging.ERROR)  # Dapr's SDK switches gRPC's on twice


def sdk_logging() -> LoggerOptions:
    """Options that keep Dapr's SDK from adding handlers of its own: each event would be printed twice."""
    return LoggerOptions(log_level="WARNING", log_handler=logging.NullHandler())
