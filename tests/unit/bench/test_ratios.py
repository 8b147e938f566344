"""`make bench BEFORE=`: when it says that something became slower, and when not."""

from __future__ import annotations

import math
import random

import pytest
from bench.compare import FIGURES, judged, order, table
from bench.ratios import ratio, student


def test_the_interval_is_that_of_the_textbook() -> None:
    """Three pairs with known logarithms: the mean of them, and t times their standard error, each way."""
    one = ratio([1, 1, 1], [math.exp(0.1), math.exp(0.2), math.exp(0.3)])
    half = 4.303 * 0.1 / math.sqrt(3)
    assert one.middle == pytest.approx(math.exp(0.2))
    assert (one.low, one.high) == pytest.approx((math.exp(0.2 - half), math.exp(0.2 + half)))


def test_noise_that_both_share_cancels_out() -> None:
    """A machine that is up to five times as slow in some rounds hides neither 20 % more nor makes any of nothing."""
    chance = random.Random(7)
    rounds = [chance.uniform(1, 5) for _ in range(10)]
    before = [each * chance.uniform(0.98, 1.02) for each in rounds]
    after = [each * chance.uniform(0.98, 1.02) for each in rounds]
    assert not ratio(before, after).slower
    assert ratio(before, [1.2 * each for each in after]).slower


def test_more_replies_a_second_are_not_slower() -> None:
    """Of a throughput twice as much is half as slow, and half as much is slower."""
    steady = [100.0, 101.0, 99.0, 100.0]
    assert ratio(steady, [2 * each for each in steady], more_is_better=True).middle == pytest.approx(0.5)
    assert ratio(steady, [each / 2 for each in steady], more_is_better=True).slower


def test_an_interval_that_reaches_the_limit_is_not_slower() -> None:
    """A tenth more on average, with a spread that reaches below a twentieth, proves nothing."""
    one = ratio([1, 1, 1, 1], [1.0, 1.2, 1.0, 1.2])
    assert one.middle > 1.05 > one.low
    assert not one.slower


@pytest.mark.parametrize(("before", "after"), [([], []), ([1.0], [1.0]), ([1.0, 2.0], [1.0])])
def test_too_few_pairs_are_refused(before: list[float], after: list[float]) -> None:
    """One pair has no spread, and an odd measurement no partner."""
    with pytest.raises(ValueError, match="two or more pairs"):
        ratio(before, after)


@pytest.mark.parametrize(("freedom", "value"), [(1, 12.706), (9, 2.262), (15, 2.131), (100, 2.131)])
def test_students_t_is_never_too_small(freedom: int, value: float) -> None:
    """The values of the table; beyond its end the last of it, which is a little too careful."""
    assert student(freedom) == value


def test_rounds_alternate_and_every_figure_has_its_line() -> None:
    """A B, B A, and so on; a figure that became worse is named, and only that one."""
    assert [order(number)[0] for number in range(4)] == ["before", "after", "before", "after"]
    before = [dict.fromkeys(FIGURES, 1.0 + number / 100) for number in range(4)]
    after = [{**run, "start": 1.5 * run["start"]} for run in before]
    ratios = judged(before, after)
    assert [key for key, one in ratios.items() if one.slower] == ["start"]
    lines = table(before, after, ratios)[2:]
    assert len(lines) == len(FIGURES)
    assert [line for line in lines if "| slower" in line] == [line for line in lines if "cold start" in line]
