"""Option prices obey what must hold for any option, and agree with a worked example."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.sim.market import options
from trader.sim.market.options import RATE, Terms

SPOTS = st.floats(1, 1000)
SHARES = st.floats(0.5, 2)
YEARS = st.floats(0.01, 3)
VOLATILITIES = st.floats(0.05, 1.5)


def test_a_textbook_call_has_its_known_value() -> None:
    # Spot 100, strike 100, a year, 20 %, 4 %: d1 = 0.3, d2 = 0.1.
    found = options.greeks(Terms("C", 100, 1), 100, 0.2)
    assert found.price == pytest.approx(100 * 0.617911 - 96.078944 * 0.539828, abs=1e-3)
    assert found.delta == pytest.approx(0.617911, abs=1e-6)


@given(SPOTS, SHARES, YEARS, VOLATILITIES)
def test_a_call_and_a_put_differ_by_the_forward(
    spot: float, share: float, left: float, volatility: float
) -> None:
    strike = spot * share
    call = options.price(Terms("C", strike, left), spot, volatility)
    put = options.price(Terms("P", strike, left), spot, volatility)
    assert call - put == pytest.approx(spot - strike * math.exp(-RATE * left), abs=1e-6 * spot)


@given(SPOTS, SHARES, YEARS, VOLATILITIES, st.sampled_from(["C", "P"]))
def test_greeks_are_the_slopes_of_the_price(
    spot: float, share: float, left: float, volatility: float, right: str
) -> None:
    terms, step = Terms(right, spot * share, left), spot * 1e-4
    found = options.greeks(terms, spot, volatility)
    above, below = (options.price(terms, spot + s * step, volatility) for s in (1, -1))
    assert found.delta == pytest.approx((above - below) / (2 * step), abs=1e-3)
    dearer = options.price(terms, spot, volatility + 0.0001)
    assert found.vega == pytest.approx((dearer - found.price) / 0.01, abs=1e-3 * spot)
    assert found.gamma >= 0


@given(SPOTS, st.floats(0.9, 1.1), st.floats(0.1, 2), st.floats(0.1, 1))
def test_the_volatility_of_a_price_is_found_again(
    spot: float, share: float, left: float, volatility: float
) -> None:
    terms = Terms("C", spot * share, left)
    found = options.implied_volatility(terms, spot, options.price(terms, spot, volatility))
    assert found == pytest.approx(volatility, abs=1e-4)


def test_no_volatility_fits_an_impossible_price() -> None:
    assert options.implied_volatility(Terms("C", 100, 1), 100, 101) is None
    assert options.implied_volatility(Terms("C", 50, 1), 100, 10) is None


def test_an_expired_option_is_worth_its_intrinsic_value() -> None:
    assert options.price(Terms("C", 90, 0), 100, 0.2) == pytest.approx(10, abs=1e-3)
    assert options.price(Terms("P", 90, 0), 100, 0.2) == 0


def test_the_smile_is_dearest_far_below_the_money_and_belongs_to_its_name() -> None:
    low, middle, high = (options.smile(1, "AAPL", Terms("P", k, 0.5), 100) for k in (70, 100, 110))
    assert low > middle > 0.1
    assert high > 0.05
    assert middle != options.smile(1, "IBM", Terms("P", 100, 0.5), 100)


def test_a_future_carries_interest() -> None:
    assert options.carried(100, 1) == pytest.approx(100 * math.exp(RATE))
    assert options.carried(100, -1) == 100
