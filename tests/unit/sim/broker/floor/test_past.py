"""A broker that has forgotten nothing finds nothing in its past."""

from __future__ import annotations

from tests.unit.sim.support import Bench, request
from trader.sim.broker.floor.past import NoPast, Past


def test_nothing_is_found_where_nothing_was_put() -> None:
    past: Past = NoPast()
    assert past.ended(7, 1) is None
    assert [*past.orders(), *past.completed_since(0.0), *past.executions_since(0.0)] == []


def test_a_broker_without_a_store_keeps_everything_in_memory() -> None:
    bench = Bench()
    bench.gateway.place(7, request(1))
    bench.clock.advance(1)
    assert isinstance(bench.exchange.register.past, NoPast)
    assert [order.order_id for order in bench.exchange.register.everything()] == [1]
