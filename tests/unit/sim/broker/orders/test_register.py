"""The register keeps status, live orders and what has been told together."""

from __future__ import annotations

import pytest

from tests.unit.sim.broker.floors import Ear, aapl, make
from tests.unit.sim.support import Bench, hand_clock
from trader.sim.broker.orders.life import Event
from trader.sim.broker.orders.register import CANCELED, Register
from trader.sim.model.orders import Status


def test_an_order_that_ends_is_live_no_more() -> None:
    bench, register = Bench(), Register(hand_clock())
    ear = Ear(bench)
    register.listener = ear
    order = make(aapl(bench))
    register.add(order)
    register.move(order, Event.HELD)
    assert list(register.working()) == [order]
    register.end(order, Event.CANCELLED, code=202, text=CANCELED, completed="x")
    assert (order.status, order.completed_text, list(register.working())) == (
        Status.CANCELLED, "x", [],
    )  # fmt: skip
    assert order.completed_s > 0
    assert ear.heard == [("ended", 202)]
    assert register.orders == {order.perm_id: order}


def test_a_hidden_order_is_shown_with_its_first_news() -> None:
    bench, register = Bench(), Register(hand_clock())
    register.listener = Ear(bench)
    order = make(aapl(bench))
    register.hide(order)
    assert register.is_hidden(order)
    register.show(order)
    assert not register.is_hidden(order)


def test_without_a_listener_nothing_can_be_told() -> None:
    with pytest.raises(AssertionError, match="without a listener"):
        Register(hand_clock()).tell()
