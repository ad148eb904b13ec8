"""Marks are running sums that agree with pricing everything anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.broker.wealth import (
    CALL,
    COIN,
    EURO_STOCK,
    FUTURE,
    PAIR,
    PUT,
    STOCK,
    D,
    Wealth,
)  # fmt: skip
from trader.sim.broker.money.accounts import Kind

KINDS = (STOCK, EURO_STOCK, FUTURE, CALL, PUT, COIN, PAIR)
TRADES = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(-20, 20)), max_size=25)


@given(TRADES)
def test_renewed_marks_sum_to_what_pricing_everything_gives(trades: list[tuple]) -> None:  # type: ignore[type-arg]
    wealth = Wealth()
    wealth.bank.funds("DU1")
    for item, size in trades:
        if size:
            wealth.trade(item, str(size), str(wealth.prices[item.con_id]), "1")
    running = wealth.bank.funds("DU1").marks
    wealth.bank.valuer.forget(wealth.account)
    fresh = wealth.bank.funds("DU1").marks
    assert running == fresh


def test_a_mark_is_a_second_old_at_most() -> None:
    wealth = Wealth()
    wealth.trade(STOCK, "100", "100")
    assert wealth.bank.funds("DU1").net == 100_000
    wealth.prices[1] = D(110)
    assert wealth.bank.funds("DU1").net == 100_000
    wealth.pass_time()
    assert wealth.bank.funds("DU1").net == 101_000


def test_a_futures_worth_is_its_open_result() -> None:
    wealth = Wealth()
    wealth.trade(FUTURE, "2", "5000", "4.50")
    wealth.prices[4] = D(5010)
    wealth.pass_time()
    funds = wealth.bank.funds("DU1")
    assert (funds.marks.futures_result, funds.marks.value) == (D(1000), D(0))
    assert funds.net == D("100995.50")


def test_options_count_in_the_net_value_but_lend_nothing() -> None:
    wealth = Wealth()
    wealth.trade(CALL, "10", "4")
    funds = wealth.bank.funds("DU1")
    assert (funds.net, funds.equity) == (D(100_000), D(96_000))


def test_foreign_money_and_shares_are_worth_their_rate() -> None:
    wealth = Wealth()
    wealth.trade(EURO_STOCK, "100", "50")
    funds = wealth.bank.funds("DU1")
    assert funds.net == 100_000
    assert funds.cash == D(100_000) - 5000 * D("1.10")
    # The euros are owed: a small margin on top of that of the shares.
    assert funds.currency_margin == 5500 * D("0.03")


def test_a_small_account_has_half_the_leverage() -> None:
    large, small = Wealth(), Wealth(cash="20000")
    assert large.bank.funds("DU1").buying_power == 400_000
    assert small.bank.funds("DU1").buying_power == 40_000
    assert Wealth(kind=Kind.CASH).bank.funds("DU1").buying_power == 100_000


def test_excess_liquidity_falls_below_zero_when_a_short_rises() -> None:
    wealth = Wealth(cash="10000")
    wealth.trade(STOCK, "-100", "100")
    assert wealth.bank.funds("DU1").excess == 10_000 - 3000
    wealth.prices[1] = D(180)
    wealth.pass_time()
    assert wealth.bank.funds("DU1").excess == 20_000 - 18_000 - 5400
