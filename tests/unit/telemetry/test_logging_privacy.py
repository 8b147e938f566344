"""The log holds no words of people, also when an exception quotes them; unless it is asked to."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from pydantic import BaseModel

from travelbuddy.errors import CannotOpen, ModelRefused, ModelUnavailable, StoreUnavailable
from travelbuddy.telemetry.logging import configure_logging

WORDS = "my secret journey"
STYLES: list[Literal["console", "json"]] = ["console", "json"]


class Trip(BaseModel):
    """Something whose validation error quotes its input."""

    day: int


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Logging as it was before."""
    root, loop = logging.getLogger(), logging.getLogger("asyncio")
    before = (root.handlers[:], root.level, loop.filters[:])
    yield
    root.handlers[:], loop.filters[:] = before[0], before[2]
    root.setLevel(before[1])
    structlog.reset_defaults()


def _logged(style: Literal["console", "json"], *, content: bool) -> str:
    """What is written when exceptions of every make quote the words."""
    output, sys.stdout = sys.stdout, io.StringIO()
    try:
        configure_logging("DEBUG", style, content=content)
        log = structlog.get_logger(f"test-{style}-{content}")
        _raise_and_log(log)
        asyncio.run(_lose_a_task())
        return sys.stdout.getvalue()
    finally:
        sys.stdout = output


def _raise_and_log(log: structlog.stdlib.BoundLogger) -> None:
    log.warning("said", said=WORDS, reason="key")
    try:
        Trip.model_validate({"day": WORDS})
    except ValueError:
        log.exception("validated")
    try:
        try:
            raise KeyError(WORDS)
        except KeyError as cause:
            raise RuntimeError(f"about {WORDS}") from cause
    except RuntimeError as error:
        log.error("chained", exc_info=error)
        logging.getLogger("a.library").exception("of a library")
    try:
        raise CannotOpen("name it in STATE_KEY_OLD") from ModelUnavailable(f"no answer: {WORDS}")
    except CannotOpen:
        log.exception("closed")
    try:
        raise ExceptionGroup(WORDS, [ValueError(WORDS)])
    except ExceptionGroup:
        log.exception("grouped")


async def _lose_a_task() -> None:
    """A task whose exception nobody fetches: the event loop logs it, described at length."""

    async def broken() -> None:
        raise ValueError(WORDS)

    task = asyncio.create_task(broken())
    await asyncio.wait({task})
    del task


@pytest.mark.parametrize("style", STYLES)
def test_exceptions_are_logged_without_their_messages(style: Literal["console", "json"]) -> None:
    """Types, places and causes are there, and none of the words."""
    text = _logged(style, content=False)
    assert WORDS not in text
    for part in (
        "ValidationError",
        "KeyError",
        "RuntimeError",
        "ExceptionGroup",
        "ValueError",
        "never retrieved",
        "STATE_KEY_OLD",
        "no answer",
    ):
        assert part in text
    assert "test_logging_privacy.py" in text
    assert "which led to" in text


@pytest.mark.parametrize("style", STYLES)
def test_the_words_are_logged_when_asked_for(style: Literal["console", "json"]) -> None:
    """LOG_CONTENT brings the messages back, all of them."""
    assert _logged(style, content=True).count(WORDS) >= 5


def test_the_log_does_not_repeat_what_a_models_server_says() -> None:
    """A refusal may quote the prompt: the log has what happened, and the server's words when LOG_CONTENT asks."""
    assert ModelRefused(f"the server refused (400): {WORDS}").brief == "the server refused (400)"
    assert ModelRefused(f"the server refused (400): {WORDS}").said == WORDS
    assert ModelUnavailable(f"could not be had: {WORDS}").brief == "could not be had"
    assert StoreUnavailable("not available: refused").brief == "not available: refused"
