"""Margin by kind of account and instrument."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.unit.sim.broker.wealth import CALL, COIN, FUTURE, PAIR, PUT, STOCK, D
from trader.sim.broker.money.accounts import Kind
from trader.sim.broker.money.margin import NOTHING, Need, Terms, lends_on, need

LARGE, SMALL = Terms(Kind.MARGIN), Terms(Kind.MARGIN, is_small=True)
PORTFOLIO, CASH = Terms(Kind.PORTFOLIO), Terms(Kind.CASH)


def test_shares_need_a_quarter_or_half_by_the_size_of_the_account() -> None:
    assert need(LARGE, STOCK, D(100), D(100)) == Need(D(2500), D(2500))
    assert need(SMALL, STOCK, D(100), D(100)) == Need(D(5000), D(2500))
    assert need(PORTFOLIO, STOCK, D(100), D(100)) == Need(D(1500), D(1500))
    assert need(CASH, STOCK, D(100), D(100)) == Need(D(10_000), D(10_000))


def test_short_shares_need_more_than_held_ones() -> None:
    assert need(LARGE, STOCK, D(-100), D(100)) == Need(D(3000), D(3000))
    assert need(SMALL, STOCK, D(-100), D(100)) == Need(D(5000), D(3000))


def test_buying_power_is_four_times_the_funds_twice_in_a_small_account() -> None:
    assert [t.leverage for t in (LARGE, SMALL, CASH)] == [4, 2, 1]
    assert round(PORTFOLIO.leverage, 4) == Decimal("6.6667")


def test_a_future_needs_a_share_of_its_notional_value_and_a_tenth_more_to_open() -> None:
    found = need(LARGE, FUTURE, D(2), D(5000))
    assert found == Need(D(500_000) * D("0.06") * D("1.10"), D(500_000) * D("0.06"))
    volatility = replace(FUTURE, symbol="VIX", trading_class="VX")
    assert need(LARGE, volatility, D(1), D(20)).maintenance == D(400)
    unknown = replace(FUTURE, trading_class="ZZ")
    assert need(LARGE, unknown, D(-1), D(100)).maintenance == D(500)


def test_a_held_option_needs_nothing_and_a_written_one_by_what_it_is_out_of_the_money() -> None:
    assert need(LARGE, CALL, D(1), D(4), D(100)) == NOTHING
    # Premium 400, 20% of 100 a share.
    assert need(LARGE, CALL, D(-1), D(4), D(100)).initial == D(400 + 2000)
    # 10 out of the money: 2000 - 1000; the floor of 10% is the same.
    assert need(LARGE, CALL, D(-1), D(4), D(90)).initial == D(400) + 100 * D(9)
    assert need(LARGE, PUT, D(-1), D(4), D(130)).initial == D(400) + 100 * D(10)
    assert need(PORTFOLIO, PUT, D(-1), D(4), D(100)).initial == D(400 + 1500)


def test_coins_are_paid_in_full_and_a_pair_has_no_margin_of_its_own() -> None:
    assert need(LARGE, COIN, D("0.5"), D(60_000)) == Need(D(30_000), D(30_000))
    assert need(LARGE, PAIR, D(20_000), D("1.1")) == NOTHING
    assert need(LARGE, STOCK, D(0), D(100)) == NOTHING
    assert lends_on(STOCK)
    assert not lends_on(CALL)
