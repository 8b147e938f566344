"""How long a turn waits for a model that is away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.domain.patience import MAX_BACKOFF, Trouble, after_failure, held_back, waiting

NOW = datetime(2026, 1, 1, 12, 3, 5, tzinfo=UTC)


def _after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("away", "named", "wait"),
    [
        (0, None, 0.5),
        (898, None, 0.5),
        (899.75, None, 0.25),
        (900, None, None),
        (0, 120, 120),
        (0, 900, 900),
        (1, 900, None),
        (0, 86_400, None),
        (899, 2, None),
    ],
)
def test_a_named_time_is_honoured_within_patience(away: float, named: float | None, wait: float | None) -> None:
    """In full, however long; one that leads beyond it ends the turn at once. The last try is when patience ends."""
    assert after_failure(_after(away), NOW, 1, named, 900) == wait


@given(st.floats(1, 900))
def test_tries_go_on_until_patience_ends(patience: float) -> None:
    """Waits grow to half a minute; the last try comes when patience ends, and the one after it never."""
    now, attempt = 0.0, 1
    while (wait := after_failure(_after(now), NOW, attempt, None, patience)) is not None:
        assert 0 < wait <= MAX_BACKOFF
        now, attempt = now + max(wait, 0.001), attempt + 1
    assert now == pytest.approx(patience, abs=0.01)


@given(st.floats(0, 900), st.floats(0.1, 5))
def test_who_is_held_back_tries_at_least_every_half_minute(away: float, open_for: float) -> None:
    """Not before the breaker says so, the seldomer the longer it lasts, and not beyond patience."""
    wait = held_back(_after(away), NOW, open_for, 1_000)
    assert wait is not None
    assert open_for - 0.001 <= wait <= min(MAX_BACKOFF, 1_000 - away) + 0.001
    assert held_back(_after(1_000), NOW, open_for, 1_000) is None


@pytest.mark.parametrize(
    ("trouble", "seconds", "since", "words"),
    [
        ("model", 8.0, NOW, "waiting for the model since 12:03:05 UTC; asks again in 8 s"),
        ("breaker", 4.873, NOW, "waiting for the model since 12:03:05 UTC; asks again in 4.9 s"),
        ("store", 1, None, "waiting for the store; asks again in 1 s"),
        ("store", None, None, "waiting for the store"),
        ("defect", 0.5, None, "waiting for another try; asks again in 0.5 s"),
    ],
)
def test_the_words_say_for_what_since_when_and_how_long(
    trouble: Trouble, seconds: float | None, since: datetime | None, words: str
) -> None:
    """One wording, wherever it is shown."""
    assert waiting(trouble, seconds, since) == words
