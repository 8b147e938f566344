"""The rules of a fare watch, against plain models of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from travelbuddy.domain.travel import FlightQuery
from travelbuddy.domain.watch import KEPT, Look, Watch, closed, due_at, end_of, grid_of, next_number, taken_in

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
QUERY = FlightQuery(origin="LHR", destination="JFK", departure_date=date(2026, 9, 1))
PRICES = st.one_of(st.none(), st.integers(1, 400_00).map(lambda cents: f"{cents / 100:.2f}"))
PERIODS = st.floats(0.05, 7 * 86_400)


def _watch(limit: str = "200.00", every: float = 3600) -> Watch:
    return Watch(
        id="w",
        user_id="ada",
        session_id="s",
        created_at=NOW,
        query=QUERY,
        limit=limit,
        every=every,
        until=date(2026, 9, 1),
        ends_at=datetime(2026, 9, 2, tzinfo=UTC),
        next_check_at=NOW,
    )


def _look(number: int, price: str | None, currency: str = "EUR") -> Look:
    return Look(number=number, price=price, currency=currency if price else None)


@given(st.lists(PRICES, max_size=40), st.integers(1, 400))
def test_each_new_low_below_the_limit_is_told_once(prices: list[str | None], limit: int) -> None:
    """The prices told are the strictly falling minima below the limit, each by the look that found it first."""
    watch, expected, bound = _watch(str(limit)), [], Decimal(limit)
    for number, price in enumerate(prices):
        watch = taken_in(watch, _look(number, price), NOW)
        if price is not None and Decimal(price) < bound:
            bound = Decimal(price)
            expected.append((number, price))
        told = watch.told_by(number)
        assert (told.price if told else None) == (price if expected and expected[-1][0] == number else None)
    assert [(told.look, told.price) for told in watch.notified] == expected[-KEPT:]
    found = [Decimal(price) for price in prices if price is not None]
    assert watch.lowest_price == (None if not found else f"{min(found)}")
    assert watch.checks == len(prices)


@given(st.lists(st.tuples(st.integers(0, 6), PRICES), max_size=30))
def test_a_look_counts_once(looks: list[tuple[int, str | None]]) -> None:
    """Looks that come again, or after later ones, change nothing, whatever they found."""
    watch, last, counted = _watch(), -1, 0
    for number, price in looks:
        before, watch = watch, taken_in(watch, _look(number, price), NOW)
        if number > last:
            last, counted = number, counted + 1
        else:
            assert watch is before
    assert (watch.taken, watch.checks) == (last, counted)


@given(PERIODS, st.text("0123456789abcdef", min_size=1, max_size=12), st.integers(0, 10_000), st.floats(0, 50))
def test_due_times_lie_on_a_fixed_grid(every: float, name: str, number: int, late: float) -> None:
    """However late a look is, the next is due at the first point of the grid to come; none is taken twice for it."""
    grid = grid_of(NOW, every, name)
    assert due_at(grid, every, 0) <= NOW <= grid < NOW + timedelta(seconds=every)
    done_at = due_at(grid, every, number) + timedelta(seconds=every * late)
    after = next_number(grid, every, number, done_at)
    assert after > number
    assert due_at(grid, every, after) > done_at - timedelta(microseconds=2)  # a moment of a period is not exact
    assert after == number + 1 or due_at(grid, every, after - 1) <= done_at + timedelta(microseconds=2)


@given(st.lists(st.text(min_size=1), min_size=200, max_size=200, unique=True))
def test_looks_are_spread(names: list[str]) -> None:
    """Watches that begin at one moment do not look at one moment."""
    starts = {grid_of(NOW, 21_600, name) for name in names}
    assert len(starts) == len(names)
    assert max(starts) - min(starts) > timedelta(minutes=15)


def test_trouble_is_noted_and_is_no_price() -> None:
    """A look that failed leaves the prices as they were; the next good one takes the trouble away."""
    watch = taken_in(_watch(), _look(0, "180.00"), NOW)
    watch = taken_in(watch, Look(number=1, error="the supplier is busy"), NOW)
    assert (watch.error, watch.last_price, watch.checks, watch.status) == (
        "the supplier is busy",
        "180.00",
        2,
        "watching",
    )
    watch = taken_in(watch, _look(2, None), NOW)
    assert (watch.error, watch.last_price, watch.lowest_price) == (None, None, "180.00")


def test_another_currency_is_not_compared() -> None:
    """A fare in another currency than the first one is told as trouble, not as a low price."""
    watch = taken_in(_watch(), _look(0, "300.00", "EUR"), NOW)
    watch = taken_in(watch, _look(1, "20.00", "GBP"), NOW)
    assert watch.notified == ()
    assert watch.lowest_price == "300.00"
    assert "GBP" in (watch.error or "")


def test_nothing_changes_a_watch_that_is_over() -> None:
    """Neither a look that was under way, nor its end after it was cancelled."""
    watch = closed(_watch(), "cancelled")
    assert watch.over
    assert taken_in(watch, _look(0, "1.00"), NOW) is watch
    assert closed(watch, "ended") is watch


def test_the_last_day_is_watched_to_its_end() -> None:
    """A watch ends when its last day is over in UTC; with a fixed calendar that day comes as many days from now."""
    assert end_of(date(2026, 7, 3), None, NOW) == datetime(2026, 7, 4, tzinfo=UTC)
    assert end_of(date(2026, 1, 3), date(2026, 1, 1), NOW) == datetime(2026, 7, 4, tzinfo=UTC)


def test_the_next_look_is_not_after_the_end() -> None:
    """What the record says of the next look is when something happens next."""
    watch = _watch(every=7 * 86_400.0).model_copy(update={"ends_at": NOW + timedelta(days=1)})
    assert taken_in(watch, _look(0, "300.00"), NOW).next_check_at == watch.ends_at
