"""Indicators: as plain Python has them, as others have published them, and None in doubt."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.strategies.indicators import (
    VALUES_MAX,
    atr,
    deviation,
    ema,
    fitted,
    half_life,
    returns,
    sma,
    zscore,
)

PRICES = st.lists(
    st.integers(100, 1_000_000).map(lambda cents: cents / 100), min_size=5, max_size=80
)
WINDOWS = st.integers(2, 80)

# StockCharts ChartSchool, "Moving Averages": Intel, with the 10-day means to two places.
INTEL = [
    22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39, 22.38,
    22.61, 23.36, 24.05, 23.75, 23.83, 23.95, 23.63,
]  # fmt: skip
INTEL_SMA = [22.22, 22.21, 22.23, 22.26, 22.30, 22.42, 22.61, 22.77, 22.91, 23.08, 23.21]
INTEL_EMA = [22.22, 22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34]
# NIST Statistical Reference Datasets, linear regression "Norris": y, x and the certified values.
NORRIS = [
    (0.1, 0.2), (338.8, 337.4), (118.1, 118.2), (888.0, 884.6), (9.2, 10.1), (228.1, 226.5),
    (668.5, 666.3), (998.5, 996.3), (449.1, 448.6), (778.9, 777.0), (559.2, 558.2), (0.3, 0.4),
    (0.1, 0.6), (778.1, 775.5), (668.8, 666.9), (339.3, 338.0), (448.9, 447.5), (10.8, 11.6),
    (557.7, 556.0), (228.3, 228.1), (998.0, 995.8), (888.8, 887.6), (119.6, 120.2), (0.3, 0.3),
    (0.6, 0.3), (557.6, 556.8), (339.3, 339.1), (888.0, 887.2), (998.5, 999.0), (778.9, 779.0),
    (10.2, 11.1), (117.6, 118.3), (228.9, 229.2), (668.4, 669.1), (449.2, 448.9), (0.2, 0.5),
]  # fmt: skip


def close(value: float | None, expected: float, part: float = 1e-9) -> bool:
    assert value is not None
    return math.isclose(value, expected, rel_tol=part, abs_tol=1e-9)


# ---- as published


@pytest.mark.parametrize("number", range(len(INTEL_SMA)))
def test_means_are_those_of_a_published_table(number: int) -> None:
    until = INTEL[: 10 + number]
    simple, exponential = sma(until, 10), ema(until, 10)
    assert simple is not None
    assert exponential is not None
    # Two places of a table: half a cent, and what its own rounding has added up.
    assert abs(simple - INTEL_SMA[number]) <= 0.0051
    assert abs(exponential - INTEL_EMA[number]) <= 0.0101


def test_a_line_is_that_of_the_reference_data_of_nist() -> None:
    line = fitted([y for y, _ in NORRIS], [x for _, x in NORRIS])
    assert line is not None
    assert close(line.intercept, -0.262323073774029, 1e-9)
    assert close(line.slope, 1.00211681802045, 1e-12)
    assert close(line.deviation, 0.884796396144373, 1e-10)
    assert close(line.correlation**2, 0.999993745883712, 1e-12)


def test_a_deviation_is_that_of_the_reference_data_of_nist() -> None:
    """NumAcc1 and NumAcc3: large values that differ by little lose digits in a careless sum."""
    assert deviation([10_000_001.0, 10_000_003.0, 10_000_002.0], 3) == 1.0
    shaken = [1_000_000.2] + [1_000_000.1, 1_000_000.3] * 350
    assert close(deviation(shaken, len(shaken)), 0.1, 1e-9)


def test_a_true_range_counts_from_the_close_before() -> None:
    """By hand: a gap up of 4 counts from the close, a gap down of 9 too, then Wilder's mean."""
    highs, lows = [10.0, 15.0, 7.0, 8.0], [8.0, 14.0, 5.0, 6.0]
    closes = [10.0, 14.0, 6.0, 7.0]
    assert atr(highs, lows, closes, 2) == ((5 + 9) / 2 * 1 + 2) / 2


# ---- as plain Python has them


@given(PRICES, WINDOWS)
def test_means_and_deviations_are_those_of_plain_python(prices: list[float], window: int) -> None:
    if window > len(prices):
        assert sma(prices, window) is deviation(prices, window) is zscore(prices, window) is None
        return
    last = prices[-window:]
    mean = math.fsum(last) / window
    assert close(sma(prices, window), mean)
    width = statistics.stdev(last)
    if max(last) == min(last):
        assert deviation(prices, window) is zscore(prices, window) is None
    else:
        assert close(deviation(prices, window), width, 1e-6)
        assert close(zscore(prices, window), (last[-1] - mean) / width, 1e-5)


@given(PRICES, WINDOWS)
def test_an_exponential_mean_is_that_of_the_loop(prices: list[float], window: int) -> None:
    if window > len(prices):
        assert ema(prices, window) is None
        return
    mean = math.fsum(prices[:window]) / window
    for price in prices[window:]:
        mean += 2 / (window + 1) * (price - mean)
    assert close(ema(prices, window), mean)


@given(PRICES, st.lists(st.integers(0, 500), min_size=80, max_size=80), WINDOWS)
def test_a_true_range_is_that_of_the_loop(
    closes: list[float], widths: list[int], window: int
) -> None:
    highs = [one + width / 100 for one, width in zip(closes, widths, strict=False)]
    lows = [one - width / 200 for one, width in zip(closes, widths, strict=False)]
    if window >= len(closes):
        assert atr(highs, lows, closes, window) is None
        return
    ranges = [
        max(highs[n] - lows[n], abs(highs[n] - closes[n - 1]), abs(lows[n] - closes[n - 1]))
        for n in range(1, len(closes))
    ]
    average = math.fsum(ranges[:window]) / window
    for one in ranges[window:]:
        average = (average * (window - 1) + one) / window
    if average > 1e-6:
        assert close(atr(highs, lows, closes, window), average, 1e-6)


@given(PRICES, st.integers(-300, 300), st.floats(-5, 5))
def test_a_line_is_that_of_the_sums(xs: list[float], intercept: int, slope: float) -> None:
    noise = [math.sin(17 * number * number + 1) for number in range(len(xs))]
    ys = [intercept + slope * x + e for x, e in zip(xs, noise, strict=True)]
    line = fitted(ys, xs)
    if max(xs) == min(xs):
        assert line is None
        return
    expected = statistics.linear_regression(xs, ys)
    assert line is not None
    assert math.isclose(line.slope, expected.slope, rel_tol=1e-6, abs_tol=1e-8)
    assert math.isclose(line.intercept, expected.intercept, rel_tol=1e-5, abs_tol=1e-4)
    assert math.isclose(line.correlation, statistics.correlation(xs, ys), abs_tol=1e-6)
    left = [y - line.intercept - line.slope * x for x, y in zip(xs, ys, strict=True)]
    width = math.sqrt(math.fsum(e * e for e in left) / (len(xs) - 2))
    assert math.isclose(line.deviation, width, rel_tol=1e-5, abs_tol=1e-8)


@given(PRICES)
def test_returns_are_the_changes_one_by_one(prices: list[float]) -> None:
    found = returns(prices)
    assert found is not None
    expected = [after / before - 1 for before, after in pairwise(prices)]
    assert found.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("half", [1.0, 3.0, 12.0])
def test_a_half_life_is_found_in_what_goes_back(half: float) -> None:
    """Each step goes back by the same part, with shocks that say nothing of the next."""
    generator = np.random.default_rng(7)
    values, part = [0.0], 1 - math.exp(-math.log(2) / half)
    for shock in generator.normal(size=700).tolist():
        values.append(values[-1] * (1 - part) + shock)
    found = half_life(values)
    # The fit measures ln 2 / part, which is a little under the half-life of steps that are whole.
    assert found is not None
    assert math.isclose(found, math.log(2) / part, rel_tol=0.35)


def test_what_only_rises_has_no_half_life() -> None:
    assert half_life([float(n * n) for n in range(20)]) is None


# ---- in doubt


SOME = [10.0, 11.0, 10.5, 12.0, 11.5, 12.5]
OTHER = [20.0, 23.0, 21.0, 24.0, 24.0, 24.5]
ASKED: tuple[Callable[[list[float]], object], ...] = (
    lambda values: sma(values, 4),
    lambda values: ema(values, 4),
    lambda values: deviation(values, 4),
    lambda values: zscore(values, 4),
    returns,
    lambda values: atr(values, values, values, 4),
    lambda values: fitted(values, OTHER),
    lambda values: fitted(OTHER, values),
    half_life,
)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_gives_none(asked: Callable[[list[float]], object], bad: float) -> None:
    assert asked(SOME) is not None
    assert asked([*SOME[:-2], bad, SOME[-1]]) is None


@pytest.mark.parametrize("asked", ASKED)
def test_too_few_values_give_none(asked: Callable[[list[float]], object]) -> None:
    assert asked([]) is None
    assert asked([10.0]) is None


@pytest.mark.parametrize("asked", ASKED[2:4] + ASKED[5:])
@pytest.mark.parametrize("price", [10.0, 0.1, 0.3, 123456.7])
def test_what_does_not_move_gives_none(
    asked: Callable[[list[float]], object], price: float
) -> None:
    """A mean of equal prices can be off by a bit: what is divided by it would be anything."""
    assert asked([price] * 6) is None


@pytest.mark.parametrize("window", [0, -1, 7])
def test_a_window_that_does_not_fit_gives_none(window: int) -> None:
    assert sma(SOME, window) is ema(SOME, window) is deviation(SOME, window) is None
    assert zscore(SOME, window) is atr(SOME, SOME, SOME, window) is None


def test_a_history_without_an_end_gives_none() -> None:
    endless = [float(n % 7 + 1) for n in range(VALUES_MAX + 1)]
    assert [ema(endless, 10), returns(endless), fitted(endless, endless[::-1])] == [None] * 3
    assert ema(endless[1:], 10) is not None


def test_a_price_of_nothing_has_no_return() -> None:
    assert returns([1.0, 0.0, 2.0]) is None


def test_a_line_through_every_point_has_no_deviation_to_measure_in() -> None:
    assert fitted([2 * x for x in SOME], SOME) is None


def test_highs_and_lows_that_do_not_belong_together_give_none() -> None:
    assert atr(SOME, [one + 1 for one in SOME], SOME, 3) is None
    assert atr(SOME[1:], SOME, SOME, 3) is None
    assert fitted(SOME[1:], SOME) is None


def test_nobody_loads_them_but_who_trades_by_them() -> None:
    """The kill switch, a check and a start without such a strategy do not wait for numpy."""
    words = "trader.emergency, trader.wiring, trader.commands.check, trader.commands.run"
    found = "sorted({'numpy', 'trader.strategies.single'} & {*sys.modules})"
    code = f"import sys, {words}\nprint({found})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
    )  # fmt: skip
    assert done.stdout == "[]\n"


def test_it_never_changes_what_it_is_given() -> None:
    values = np.array(SOME)
    for asked in ASKED:
        asked(values)  # type: ignore[arg-type]
    assert values.tolist() == SOME
