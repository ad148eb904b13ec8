"""Statistics against numbers worked out by other means."""

from __future__ import annotations

import math
import random
import statistics as reference
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.statistics import (
    PSR_SAMPLE_MIN,
    TRADING_DAYS,
    annual_sharpe,
    probabilistic_sharpe,
    sharpe_probability,
    volatility,
    volatility_ratio,
)


def normal(mean: float, count: int = 250, seed: int = 7) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(mean, 0.01) for _ in range(count)]


def test_it_is_the_closed_form() -> None:
    """Two-valued returns have moments that can be written down: mean, variance, skew, tails."""
    returns = [0.02] * 30 + [-0.01] * 30
    mean, moment = 0.005, 0.015**2
    sharpe = mean / math.sqrt(moment * 60 / 59)
    # Symmetric about the mean: no skew; all mass at one deviation: kurtosis 1.
    score = sharpe * math.sqrt(59) / math.sqrt(1 - 0 * sharpe + 0 * sharpe**2)
    expected = reference.NormalDist().cdf(score)
    assert probabilistic_sharpe(returns) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("moments", "published"),
    [
        # The paper's hedge fund: 24 months, a Sharpe ratio of 0.458 a month. Taken for normal it
        # is all but certain; with its skew and its tails it is not even significant at 95%.
        ((0.458, 24, 0.0, 3.0), 0.982),
        ((0.458, 24, -2.448, 10.164), 0.913),
    ],
)
def test_it_gives_the_values_that_its_authors_published(
    moments: tuple[float, int, float, float], published: float
) -> None:
    """Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012), section 3."""
    found = sharpe_probability(*moments)
    assert found is not None
    assert round(found, 3) == published


@pytest.mark.parametrize(
    ("periods_a_year", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)], ids=str
)
def test_the_published_track_record_lengths_are_where_it_reaches_95_percent(
    periods_a_year: int, years: float
) -> None:
    """The same paper: how long a yearly ratio of 2 needs to prove more than 1, returns normal."""
    ratio, benchmark = 2 / math.sqrt(periods_a_year), 1 / math.sqrt(periods_a_year)
    at_length = round(years * periods_a_year)
    found = sharpe_probability(ratio, at_length, 0.0, 3.0, benchmark)
    assert found == pytest.approx(0.95, abs=0.0015)
    half = sharpe_probability(ratio, at_length // 2, 0.0, 3.0, benchmark)
    assert half is not None
    assert half < 0.90


def test_returns_that_are_good_pass_and_bad_ones_fall_below_the_kill() -> None:
    good, bad = probabilistic_sharpe(normal(0.002)), probabilistic_sharpe(normal(-0.002))
    assert good is not None
    assert bad is not None
    assert good > 0.95
    assert bad < 0.20


def test_the_sign_of_all_returns_mirrors_the_probability() -> None:
    returns = normal(0.001)
    up = probabilistic_sharpe(returns)
    down = probabilistic_sharpe([-value for value in returns])
    assert up is not None
    assert down is not None
    assert up + down == pytest.approx(1.0)


def test_a_benchmark_that_is_met_exactly_is_even() -> None:
    returns = normal(0.001)
    sharpe = reference.fmean(returns) / reference.stdev(returns)
    assert probabilistic_sharpe(returns, sharpe) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "returns",
    [
        [],
        normal(0.01, PSR_SAMPLE_MIN - 1),
        [0.01] * 100,
        [*normal(0.01), math.nan],
        [*normal(0.01), math.inf],
    ],
)
def test_what_says_nothing_gives_nothing(returns: list[float]) -> None:
    assert probabilistic_sharpe(returns) is None


@given(st.lists(st.floats(-0.5, 0.5), min_size=30, max_size=60))
def test_it_is_a_probability_or_nothing(returns: list[float]) -> None:
    found = probabilistic_sharpe(returns)
    assert found is None or 0.0 <= found <= 1.0


def test_volatility_is_the_deviation_of_logarithmic_changes() -> None:
    prices = [100.0, 101.0, 99.0, 103.0]
    changes = [math.log(b / a) for a, b in pairwise(prices)]
    assert volatility(prices) == pytest.approx(reference.stdev(changes))


@pytest.mark.parametrize(
    "prices", [[], [1.0, 2.0], [1.0, 0.0, 2.0], [1.0, -1.0, 2.0], [1, math.nan, 2]]
)
def test_prices_that_are_none_have_no_volatility(prices: list[float]) -> None:
    assert volatility(prices) is None


def test_a_market_that_wakes_up_shows_in_the_ratio() -> None:
    chance = random.Random(3)
    price, prices = 100.0, [100.0]
    for size in [0.001] * 200 + [0.01] * 20:
        price *= math.exp(chance.gauss(0, size))
        prices.append(price)
    ratio = volatility_ratio(prices, 20)
    assert ratio is not None
    assert 6 < ratio < 15
    assert volatility_ratio(prices[:-20], 20) == pytest.approx(1.0, abs=0.5)


def test_too_few_prices_or_none_that_moved_give_no_ratio() -> None:
    assert volatility_ratio([1.0, 2.0, 3.0], 1) is None
    assert volatility_ratio([1.0, 2.0, 3.0, 4.0], 2) is None
    assert volatility_ratio([1.0] * 50 + [2.0, 3.0], 2) is None


def test_the_yearly_sharpe_ratio_is_that_of_the_last_days() -> None:
    """Half +2 %, half -1 %: the mean is 0.5 %, the sample's deviation 1.5 % times sqrt(30/29)."""
    returns = [0.5] * 10 + [0.02] * 15 + [-0.01] * 15
    expected = 0.005 / (0.015 * math.sqrt(30 / 29)) * math.sqrt(TRADING_DAYS)
    assert annual_sharpe(returns, 30) == pytest.approx(expected)
    assert annual_sharpe(returns, 30) == pytest.approx(
        reference.mean(returns[-30:]) / reference.stdev(returns[-30:]) * math.sqrt(TRADING_DAYS)
    )


@pytest.mark.parametrize("returns", [[0.01, -0.01] * 14 + [0.0], [0.01] * 30, [math.nan] * 30, []])
def test_there_is_no_yearly_ratio_of_too_few_or_of_what_does_not_vary(returns: list[float]) -> None:
    assert annual_sharpe(returns, 30) is None
