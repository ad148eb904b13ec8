"""A change or a cancel that cannot be has its code."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.support import Bench, request
from trader.sim.gateway.orders import validation
from trader.sim.model.orders import Order, Status


def live() -> Order:
    bench = Bench()
    bench.gateway.place(7, request(order_type="LMT", limit_price=Decimal(1)))
    return bench.exchange.working()[0]


def test_a_change_may_not_touch_side_or_contract_or_go_below_the_fill() -> None:
    order = live()
    order.filled = Decimal(40)
    wrong_side = validation.check_change(order, request(action="SELL"), order.instrument)
    too_small = validation.check_change(order, request(quantity=Decimal(40)), order.instrument)
    fine = validation.check_change(order, request(quantity=Decimal(41)), order.instrument)
    assert wrong_side is not None
    assert too_small is not None
    assert (wrong_side.code, too_small.code, fine) == (105, 321, None)


def test_late_changes_and_cancels_name_the_state() -> None:
    order = live()
    order.status = Status.FILLED
    assert validation.change_too_late(order).code == 104
    assert validation.cancel_too_late(order).code == 161
    assert validation.cancel_refused(5, None).code == 10147
    refused = validation.cancel_refused(5, order)
    assert refused.code == 10148
    assert "Filled" in refused.text
    order.status = Status.CANCELLED
    assert validation.change_too_late(order).code == 321


def test_a_change_of_type_or_group_has_its_limits() -> None:
    order = live()
    price = Decimal(1)
    to_market = validation.check_change(order, request(order_type="MKT"), order.instrument)
    to_close = validation.check_change(order, request(order_type="MOC"), order.instrument)
    grouped = request(order_type="LMT", limit_price=price, oca_group="g")
    regrouped = validation.check_change(order, grouped, order.instrument)
    assert to_market is None
    assert to_close is not None
    assert regrouped is not None
    assert (to_close.code, regrouped.code) == (329, 10326)


def test_parents_that_are_missing_or_gone_are_named() -> None:
    assert validation.missing_parent().code == 10006
    assert "20" in validation.parent_gone(20).text
