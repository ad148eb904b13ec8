"""A statement's currencies add up to its funds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.broker.wealth import (
    CALL,
    COIN,
    EURO_STOCK,
    FUTURE,
    PAIR,
    PENCE,
    STOCK,
    D,
    Wealth,
)  # fmt: skip
from trader.sim.broker.money.statement import result

KINDS = (STOCK, EURO_STOCK, PENCE, FUTURE, CALL, COIN, PAIR)


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 20)), max_size=20))
def test_the_currencies_sum_to_the_net_liquidation_value(trades: list[tuple]) -> None:  # type: ignore[type-arg]
    wealth = Wealth()
    for item, size in trades:
        wealth.trade(item, str(size), str(wealth.prices[item.con_id]), "1")
    said = wealth.bank.statement("DU1")
    assert abs(said.total.net - said.funds.net) < D("0.000001")
    assert abs(said.total.cash - said.funds.cash) < D("0.000001")
    assert [one.currency for one in said.ledgers] == sorted(one.currency for one in said.ledgers)


def test_each_kind_of_instrument_has_its_own_place() -> None:
    wealth = Wealth()
    for item, size in ((STOCK, "1"), (FUTURE, "1"), (CALL, "1"), (COIN, "0.5")):
        wealth.trade(item, size, str(wealth.prices[item.con_id]))
    wealth.prices[4] = D(5002)
    total = wealth.bank.statement("DU1").total
    assert (total.stocks, total.futures_result, total.options, total.coins) == (
        D(100), D(100), D(400), D(30_000),
    )  # fmt: skip


def test_the_result_of_the_day_counts_trades_and_what_was_held_before() -> None:
    wealth = Wealth()
    entry = wealth.bank.endow("", STOCK, D(10))
    wealth.trade(STOCK, "-4", "110", "1")
    wealth.prices[1] = D(120)
    found = result(wealth.bank.valuer, entry)
    # Four sold 10 higher less the commission, six that are 20 higher.
    assert found.daily == 39 + 120
    assert found.realized + found.unrealized == found.daily


def test_a_position_that_neither_traded_nor_saw_a_day_begin_has_no_result_of_the_day() -> None:
    wealth = Wealth()
    entry = wealth.account.position(STOCK)
    assert result(wealth.bank.valuer, entry).daily is None
