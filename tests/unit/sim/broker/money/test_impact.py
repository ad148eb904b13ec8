"""What an order ties up, by kind of account and instrument."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.sim.broker.wealth import (
    CALL,
    COIN,
    EURO_STOCK,
    FUTURE,
    PAIR,
    STOCK,
    D,
    Wealth,
    order,
)  # fmt: skip
from trader.sim.broker.money.accounts import Kind
from trader.sim.broker.money.impact import Assessor, Hold, may_be_short
from trader.sim.model.orders import Order


def assessor(wealth: Wealth) -> Assessor:
    return Assessor(wealth.quote, wealth.bank.sources.legs, wealth.bank.valuer)


def tied(wealth: Wealth, wanted: Order) -> Hold:
    return assessor(wealth).hold(wealth.account, wanted)


def test_on_margin_an_order_ties_up_its_initial_margin() -> None:
    wealth = Wealth()
    assert tied(wealth, order(STOCK, "100", limit="90")).amount == 2250
    assert tied(wealth, order(STOCK, "-100")).amount == 3000
    assert tied(wealth, order(FUTURE, "1")).amount == D(250_000) * D("0.066")


def test_an_option_ties_up_its_premium_and_a_written_one_its_margin_less_the_premium() -> None:
    wealth = Wealth()
    assert tied(wealth, order(CALL, "2")).amount == 800
    assert tied(wealth, order(CALL, "-1")).amount == 2000


def test_what_only_closes_ties_up_nothing_and_what_goes_through_zero_does() -> None:
    wealth = Wealth()
    wealth.trade(STOCK, "100", "100")
    assert tied(wealth, order(STOCK, "-100")).amount == 0
    assert tied(wealth, order(STOCK, "-300")).amount == 200 * 30 - 2500


def test_a_cash_account_pays_in_the_instruments_currency_and_counts_what_it_sells() -> None:
    wealth = Wealth(kind=Kind.CASH)
    bought = tied(wealth, order(EURO_STOCK, "10"))
    assert (bought.currency, bought.amount) == ("EUR", D(500))
    sold = tied(wealth, order(STOCK, "-10"))
    assert (sold.amount, sold.selling) == (D(0), D(10))
    assert sold.con_id == STOCK.con_id
    exchanged = tied(wealth, order(PAIR, "-1000"))
    assert (exchanged.currency, exchanged.amount) == ("EUR", D(1000))


def test_a_currency_that_would_be_owed_needs_a_margin() -> None:
    wealth = Wealth()
    found = assessor(wealth).impact(wealth.account, order(PAIR, "-10000"), D(10_000))
    assert found.initial == 11_000 * D("0.03")
    assert assessor(wealth).impact(wealth.account, order(PAIR, "10000"), D(10_000)).initial == 0


def test_a_combination_is_the_sum_of_its_legs() -> None:
    wealth = Wealth()
    combo = replace(STOCK, con_id=99, sec_type="BAG")
    found = assessor(wealth).impact(wealth.account, order(combo, "1", limit="1"), D(1))
    # A call bought for 400, a put written for 300 against 20% of 100.
    assert (found.equity, found.initial) == (D(-400) + D(300), D(300) + D(2000))


def test_only_margin_accounts_owe_shares_and_nobody_owes_coins() -> None:
    margin, cash = Wealth().account, Wealth(kind=Kind.CASH).account
    assert may_be_short(margin, STOCK)
    assert not may_be_short(cash, STOCK)
    assert not may_be_short(margin, COIN)
    assert may_be_short(cash, FUTURE)
