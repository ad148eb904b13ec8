"""A tally's percentiles are those of the values, to a bucket's width, whatever is added to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.bench.percentile import at
from trader.bench.tally import Tally

WIDTH_S = 1e-5
TIMES = st.lists(st.floats(0.0, 0.9), min_size=1, max_size=200)


def of(values: list[float]) -> Tally:
    tally = Tally()
    for value in values:
        tally.add(value)
    return tally


@given(values=TIMES, percent=st.floats(0.0, 100.0))
def test_a_percentile_is_at_most_a_bucket_above_that_of_the_values(
    values: list[float], percent: float
) -> None:
    exact, found = at(values, percent), of(values).at(percent)
    assert exact - 1e-9 <= found <= exact + WIDTH_S + 1e-9


@given(first=TIMES, second=TIMES)
def test_two_that_are_put_together_are_one_of_all(first: list[float], second: list[float]) -> None:
    both, whole = of(first), of(first + second)
    both.add_all(of(second))
    assert (both.count, both.longest_s) == (whole.count, whole.longest_s)
    assert [both.at(percent) for percent in (1, 50, 99)] == [
        whole.at(percent) for percent in (1, 50, 99)
    ]


@pytest.mark.parametrize(("values", "found"), [([], 0.0), ([3.0], 3.0), ([0.5, 2.0, 7.0], 7.0)])
def test_beyond_a_second_the_longest_counts(values: list[float], found: float) -> None:
    assert of(values).at(99) == found


def test_a_time_below_zero_is_none() -> None:
    tally = of([-1.0, 0.2])
    assert tally.at(0) <= WIDTH_S
    assert tally.count == 2
