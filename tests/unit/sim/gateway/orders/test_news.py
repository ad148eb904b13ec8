"""Who hears of what, and in which shape."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.unit.sim.support import Bench, request
from trader.sim.gateway.orders.news import FILLED_IN_VOLATILITY

RESTING: dict[str, Any] = {"order_type": "LMT", "limit_price": Decimal(50)}


def test_a_master_client_sees_everybody_s_orders_and_executions() -> None:
    bench = Bench()
    bench.gateway.rules.master_client_id = 9
    owner, master, other = bench.client(7), bench.client(9), bench.client(8)
    bench.gateway.place(7, request(1))
    assert owner.ids() == master.ids() != []
    assert other.frames() == []


def test_everybody_hears_of_a_liquidation() -> None:
    bench = Bench()
    first, second = bench.client(7), bench.client(8)
    bench.gateway.place(7, request(1))
    for peer in (first, second):
        peer.frames()
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    bench.exchange.liquidate(item)
    for peer in (first, second):
        (execution,) = [fields for fields in peer.frames() if fields[0] == "11"]
        assert execution[2] == "-1"


def test_a_permanent_id_may_come_late() -> None:
    bench = Bench()
    bench.gateway.rules.perm_ids_withheld = 1
    peer = bench.client(7)
    bench.gateway.place(7, request(1, **RESTING))
    shown = [fields[6] for fields in peer.frames() if fields[0] == "3"]
    assert shown[0] == "0"
    bench.gateway.place(7, request(1, order_type="LMT", limit_price=Decimal(51)))
    (order,) = bench.exchange.working()
    assert [f[6] for f in peer.frames() if f[0] == "3"][-1] == str(order.perm_id)
    bench.gateway.place(7, request(2, **RESTING))
    assert all(fields[6] != "0" for fields in peer.frames() if fields[0] == "3")


def test_a_volatility_may_be_shown_that_nobody_gave() -> None:
    bench = Bench()
    peer = bench.client(7)
    bench.gateway.place(7, request(1, **RESTING))
    assert not any(FILLED_IN_VOLATILITY in fields for fields in peer.frames())
    bench.gateway.rules.fills_in_volatility = True
    bench.gateway.place(7, request(2, **RESTING))
    shown = [fields for fields in peer.frames() if fields[0] == "5"]
    assert all(FILLED_IN_VOLATILITY in fields for fields in shown)
    assert "volatility" not in bench.exchange.working()[1].terms.echo


def test_a_silenced_order_speaks_when_it_is_told_to() -> None:
    bench = Bench()
    peer = bench.client(7)
    bench.faults.swallow["placeOrder"].count = 1
    bench.faults.swallow["placeOrder"].register = True
    bench.gateway.place(7, request(1, **RESTING))
    assert peer.frames() == []
    (order,) = bench.exchange.working()
    bench.gateway.speak(order)
    assert peer.ids() == [5, 3]
