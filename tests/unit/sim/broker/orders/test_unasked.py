"""What happens to an account without any client's order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.broker.floors import Ear, aapl, submit
from tests.unit.sim.support import Bench
from trader.sim.broker.orders.unasked import MANUAL_PERM_ID
from trader.sim.model.orders import Side, Status

D = Decimal


def test_a_liquidation_closes_the_position_under_order_id_minus_one() -> None:
    bench = Bench()
    submit(bench, quantity=D(30))
    item = aapl(bench)
    execution = bench.exchange.liquidate(item)
    assert execution is not None
    assert (execution.order_id, execution.client_id, execution.liquidation) == (-1, 0, 1)
    assert (execution.side, execution.quantity) == (Side.SELL, D(30))
    assert execution.perm_id > MANUAL_PERM_ID
    assert bench.account.quantity(item) == 0
    assert bench.exchange.liquidate(item) is None


def test_a_liquidation_may_be_partial_and_buys_back_what_is_short() -> None:
    bench = Bench()
    submit(bench, action="SELL", quantity=D(30))
    execution = bench.exchange.liquidate(aapl(bench), D(10))
    assert execution is not None
    assert (execution.side, execution.quantity) == (Side.BUY, D(10))
    assert bench.account.quantity(aapl(bench)) == -20


@pytest.mark.parametrize(("route", "venue"), [("ARCA", "ARCA"), ("SMART", "NASDAQ")])
def test_a_late_fill_is_at_the_exchange_the_order_was_sent_to(route: str, venue: str) -> None:
    bench = Bench()
    order = submit(bench, order_type="LMT", limit_price=D(100), route=route)
    bench.exchange.cancel(order)
    assert bench.exchange.fill_after_cancel(order).exchange == venue


def test_a_fill_may_cross_the_cancel_that_was_reported() -> None:
    bench = Bench()
    order = submit(bench, order_type="LMT", limit_price=D(100))
    bench.exchange.cancel(order)
    ear = Ear(bench)
    bench.exchange.fill_after_cancel(order, D(40))
    assert (order.status, order.filled) == (Status.CANCELLED, D(40))
    bench.exchange.fill_after_cancel(order)
    assert (order.status, order.filled) == (Status.FILLED, D(100))
    assert [kind for kind, _ in ear.heard] == [
        "executed", "order", "commission", "executed", "order", "order", "commission",
    ]  # fmt: skip
    assert bench.account.quantity(aapl(bench)) == 100


def test_only_a_cancel_can_be_crossed() -> None:
    bench = Bench()
    order = submit(bench)
    with pytest.raises(AssertionError):
        bench.exchange.fill_after_cancel(order)
