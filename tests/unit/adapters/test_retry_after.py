"""``Retry-After`` in both of its forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.retry_after import seconds_to_wait

NOW = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 09:28:30 +0200", 30.0),
        ("Wednesday, 21-Oct-26 07:28:30 GMT", 30.0),
        ("Wed Oct 21 07:28:30 2026", 30.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("Tue, 20 Oct 2026 07:28:00 GMT", None),
        ("Wed, 99 Oct 2026 07:28:00 GMT", None),
        ("soon", None),
        ("nan", None),
        ("1e999", None),
        ("", None),
        (None, None),
    ],
)
def test_seconds_and_dates_are_understood(header: str | None, seconds: float | None) -> None:
    """A number is seconds; a date is the time until then; what is neither, or over, says nothing."""
    assert seconds_to_wait(header, NOW) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d{1,5} \w{3} \d{1,6} \d+:\d+:\d+ ?(GMT|[+-]\d{4,6})?"))
def test_no_header_breaks_it(header: str) -> None:
    """Whatever a server sends, it is a number or nothing."""
    seconds = seconds_to_wait(header, NOW)
    assert seconds is None or isinstance(seconds, float)
