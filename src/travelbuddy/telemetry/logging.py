"""Structured logs, one event a line. No message text goes into them, unless LOG_CONTENT asks for it.

Nothing here logs what people wrote. But an exception of a library may quote it, so exceptions are logged as their
types and where they were raised, and without their messages.
"""

from __future__ import annotations

import logging
import sys
import traceback
from functools import partial
from types import TracebackType
from typing import Literal

import structlog
from dapr.ext.workflow.logger import LoggerOptions

from travelbuddy.errors import CannotOpen, Transient
from travelbuddy.telemetry.tracing import ids

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure_logging(
    level: str, style: Literal["console", "json"], *, content: bool = False, replica: str = ""
) -> None:
    """Send structlog and the standard library's loggers to stdout in one form.

    ``content``: exceptions with their messages and ``said``, the words of another side; both may quote what people
    wrote. Lines for a collector name the
    ``replica``; those of a turn name the turn, and where it is in its trace.
    """
    shared = _shared(replica if style == "json" else "", content=content)
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
                structlog.processors.ExceptionRenderer() if content else structlog.processors.ExceptionRenderer(bare),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    loop = logging.getLogger("asyncio")  # it describes tasks and futures with their results and exceptions
    loop.filters[:] = [] if content else [first_line_only]
    for noisy in ("durabletask-worker", "durabletask-client", "mcp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("opentelemetry.instrumentation").setLevel(logging.ERROR)  # Dapr's SDK switches gRPC's on twice


def _shared(replica: str, *, content: bool) -> list[structlog.typing.Processor]:
    """What every line says, whichever logger it comes from."""
    return [
        structlog.contextvars.merge_contextvars,
        partial(_where, replica),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([] if content else [_without_words]),
    ]


def _without_words(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The line without what another side said."""
    event.pop("said", None)
    return event


def _where(replica: str, logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Name the replica, and the trace and span by OpenTelemetry's names for them in logs."""
    event.update(ids())
    if replica:
        event["replica"] = replica
    return event


def bare(exc_info: ExcInfo) -> str:
    """An exception with its causes, as a traceback has them, without their messages."""
    error: BaseException | None = exc_info[1]
    parts: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        inner = [bare((type(one), one, one.__traceback__)) for one in getattr(error, "exceptions", ())]
        where = "".join(traceback.format_tb(error.__traceback__))
        parts.append("\n".join([where + _named(error), *inner]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nwhich led to:\n".join(reversed(parts))


def _named(error: BaseException) -> str:
    """The type of an exception, with the message where that is about us and not about what people wrote."""
    kind = type(error).__qualname__
    return f"{kind}: {error.brief}" if isinstance(error, Transient | CannotOpen) else kind


def first_line_only(record: logging.LogRecord) -> bool:
    """Keep what happened of a message, and leave out what it happened to."""
    record.msg, record.args = record.getMessage().partition("\n")[0].partition("<")[0], ()
    return True


def sdk_logging() -> LoggerOptions:
    """Options that keep Dapr's SDK from adding handlers of its own: each event would be printed twice."""
    return LoggerOptions(log_level="WARNING", log_handler=logging.NullHandler())
