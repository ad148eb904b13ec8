"""What the broker sees is of this moment, and what was taken from it is gone."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.broker.floors import aapl, quote
from tests.unit.sim.support import Bench
from trader.sim.broker.floor.views import Views
from trader.sim.model.orders import Side


def test_a_view_holds_for_its_slot() -> None:
    bench = Bench()
    views, item = Views(bench.market), aapl(bench)
    view = views.now(item)
    view.take(Side.BUY, 0, Decimal(10))
    view.take(Side.BUY, 0, Decimal(5))
    assert views.now(item).taken == {(Side.BUY, 0): Decimal(15)}
    bench.clock.advance(bench.market.quantum_s)
    assert views.now(item).taken == {}


def test_the_book_begins_with_the_quote() -> None:
    bench = Bench()
    view = Views(bench.market).now(aapl(bench))
    assert view.levels(Side.BUY)[0].price == view.quote.ask
    assert view.levels(Side.SELL)[0].price == view.quote.bid


def test_a_new_quote_is_seen_at_once() -> None:
    bench = Bench()
    views, item = Views(bench.market), aapl(bench)
    views.now(item).take(Side.SELL, 0, Decimal(1))
    views.take_quote(quote(item, "123.00"))
    assert views.now(item).quote.last == Decimal(123)
    assert views.now(item).taken == {}
