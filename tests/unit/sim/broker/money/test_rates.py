"""Exchange rates come from the pairs, either way round or over the dollar."""

from __future__ import annotations

import pytest

from tests.unit.sim.broker.wealth import D, Wealth
from trader.sim.broker.money.rates import NoRate


def test_a_pair_gives_the_rate_in_both_directions() -> None:
    rates = Wealth().bank.rates
    assert rates.rate("EUR", "USD") == D("1.10")
    assert rates.rate("USD", "EUR") == D("0.9090909")
    assert rates.rate("EUR", "EUR") == 1


def test_two_currencies_without_a_pair_meet_over_the_dollar() -> None:
    assert abs(Wealth().bank.rates.rate("EUR", "GBP") - D("0.88")) < D("0.0000001")


def test_a_currency_without_a_way_is_named() -> None:
    rates = Wealth().bank.rates
    with pytest.raises(NoRate, match="from XYZ to EUR"):
        rates.rate("XYZ", "EUR")
    assert not rates.knows("XYZ", "USD")
    assert rates.knows("GBP", "EUR")


def test_a_rate_follows_the_market() -> None:
    wealth = Wealth()
    wealth.prices[8] = D("1.20")
    assert wealth.bank.rates.rate("EUR", "USD") == D("1.20")
