"""Cash and positions are conserved, whatever is traded, taken back, saved or restored."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.support import Bench
from trader.sim.broker.accounts import Account
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Side


def aapl() -> Instrument:
    item = Bench().market.catalogue.symbol("AAPL")
    assert item is not None
    return item


TRADES = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 500), st.decimals("0.01", "900", places=2)),
    max_size=30,
)


@given(TRADES)
def test_cash_and_position_are_the_sums_of_the_trades(
    trades: list[tuple[Side, int, Decimal]],
) -> None:
    item, account = aapl(), Account("DU1", Decimal(10**6))
    cash, quantity = account.cash, Decimal(0)
    for side, size, price in trades:
        account.apply(item, side, Decimal(size), price, Decimal(1))
        cash -= size * side.sign * price + 1
        quantity += size * side.sign
    assert account.cash == cash
    assert account.quantity(item) == quantity


@given(TRADES)
def test_equity_is_the_start_plus_open_and_closed_results(
    trades: list[tuple[Side, int, Decimal]],
) -> None:
    item, account = aapl(), Account("DU1", Decimal(10**6))
    for side, size, price in trades:
        account.apply(item, side, Decimal(size), price, Decimal(1))
    entry = account.position(item)
    worth = entry.quantity * 100
    equity = account.cash + worth
    results = entry.realized + worth - entry.average_cost * entry.quantity
    assert abs(equity - 10**6 - results) < Decimal("0.000001")


def test_only_a_closing_trade_has_a_realized_result() -> None:
    item, account = aapl(), Account("DU1", Decimal(10_000))
    assert account.apply(item, Side.BUY, Decimal(10), Decimal(100), Decimal(1)) is None
    # The average cost includes the commission, as the broker shows it.
    assert account.position(item).average_cost == Decimal("100.1")
    realized = account.apply(item, Side.SELL, Decimal(10), Decimal(110), Decimal(1))
    assert realized == Decimal(98)
    assert account.held() == []
    assert account.position(item).average_cost == 0


def test_a_trade_through_zero_starts_a_new_cost() -> None:
    item, account = aapl(), Account("DU1", Decimal(10_000))
    account.apply(item, Side.BUY, Decimal(10), Decimal(100), Decimal(0))
    account.apply(item, Side.SELL, Decimal(15), Decimal(90), Decimal(0))
    entry = account.position(item)
    assert (entry.quantity, entry.average_cost) == (Decimal(-5), Decimal(90))
    assert entry.realized == Decimal(-100)
