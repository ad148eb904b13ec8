"""The values of an order: what remains, what it cost on average, when it is over."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.unit.sim.support import Bench, request
from trader.sim.model.orders import Order, Side, Status


def order() -> Order:
    bench = Bench()
    bench.gateway.place(7, request(order_type="LMT", limit_price=Decimal("1.00")))
    return bench.exchange.working()[0]


def test_what_remains_and_the_average_follow_the_fills() -> None:
    item = order()
    assert (item.remaining, item.average_price) == (Decimal(100), Decimal(0))
    item.filled, item.paid = Decimal(40), Decimal(80)
    assert (item.remaining, item.average_price) == (Decimal(60), Decimal(2))


def test_only_four_states_are_final() -> None:
    final = {status for status in Status if status.is_done}
    assert final == {Status.FILLED, Status.CANCELLED, Status.API_CANCELLED, Status.INACTIVE}


def test_sides_have_signs_and_opposites() -> None:
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY


def test_an_order_trades_at_the_exchange_it_names_or_is_left_to_the_broker() -> None:
    smart = order()
    assert (smart.route, smart.venue, smart.is_directed) == ("SMART", "NASDAQ", False)
    arca = replace(smart, terms=replace(smart.terms, route="ARCA"))
    assert (arca.route, arca.venue, arca.is_directed) == ("ARCA", "ARCA", True)
