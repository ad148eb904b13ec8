"""Executions are booked once; combinations by their legs; corrections replace."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.sim.broker.floors import aapl, make, quote, submit
from tests.unit.sim.support import Bench
from trader.sim.broker.floor.matching import Fill
from trader.sim.broker.floor.trades import Print, leg_prices
from trader.sim.model.instruments import Instrument, Leg
from trader.sim.model.orders import Order, Side
from trader.sim.reference import combos

D = Decimal


def pair(bench: Bench) -> Instrument:
    """Return the combination that buys two AAPL and sells one IBM."""
    items = [bench.market.catalogue.symbol(name) for name in ("AAPL", "IBM")]
    legs = [
        Leg(item.con_id, ratio, action)
        for item, ratio, action in zip(items, (2, 1), ("BUY", "SELL"), strict=True)
        if item is not None
    ]
    return combos.make("", "SMART", legs, [item for item in items if item is not None])


def combination(bench: Bench, **changes: object) -> Order:
    order = make(pair(bench), bench.exchange.next_perm_id(), quantity=D(5), **changes)
    bench.exchange.submit(order)
    return order


def test_a_fill_counts_in_its_order_and_in_the_account() -> None:
    bench = Bench()
    order = make(aapl(bench), 5, quantity=D(100))
    (item,) = bench.exchange.trades.book(order, Print(Fill(D(40), D(200), "ARCA")))
    assert (order.filled, order.paid, order.last_price) == (D(40), D(8000), D(200))
    assert (item.cumulative, item.average_price, item.exchange) == (D(40), D(200), "ARCA")
    assert bench.account.quantity(order.instrument) == 40
    assert bench.exchange.executions == [item]


@pytest.mark.parametrize("side", list(Side))
def test_leg_prices_sum_to_the_price_of_the_combination(side: Side) -> None:
    bench = Bench()
    combo = pair(bench)
    items = [bench.market.catalogue.by_id(leg.con_id) for leg in combo.legs]
    parts = combos.parts(combo, [item for item in items if item is not None])
    order = replace(make(combo), side=side)
    quotes = [
        quote(part.instrument, last) for part, last in zip(parts, ("200", "150"), strict=True)
    ]
    prices = leg_prices(parts, quotes, order, Fill(D(1), D("250.37"), "SMART"))
    total = sum(part.weight * price for part, price in zip(parts, prices, strict=True))
    assert total == D("250.37")


def test_a_combination_moves_positions_by_its_legs_alone() -> None:
    bench = Bench()
    order = combination(bench)
    items = bench.exchange.executions
    own = [item for item in items if not item.is_leg]
    assert sum(item.quantity for item in own) == order.filled == 5
    assert {item.commission for item in own} == {D(0)}
    held = {e.instrument.symbol: e.quantity for e in bench.account.held()}
    assert held == {"AAPL": D(10), "IBM": D(-5)}
    spent = sum(i.side.sign * i.quantity * i.price + i.commission for i in items if i.is_leg)
    assert bench.account.cash == 1_000_000 - spent
    assert order.commission == sum(i.commission for i in items if i.is_leg)
    first, *legs = items[:3]
    assert not first.is_leg
    assert all(leg.is_leg and leg.perm_id == order.perm_id for leg in legs)


def test_a_refused_leg_leaves_the_legs_before_it() -> None:
    bench = Bench()
    bench.exchange.refuse_next_leg(2)
    order = combination(bench)
    assert str(order.status) == "Inactive"
    assert "Leg 2" in order.completed_text
    (only,) = bench.exchange.executions
    assert (only.instrument.symbol, only.is_leg, order.filled) == ("AAPL", True, D(0))
    assert [e.instrument.symbol for e in bench.account.held()] == ["AAPL"]


def test_a_correction_to_nothing_takes_the_trade_back() -> None:
    bench = Bench()
    submit(bench, quantity=D(1))
    old = bench.exchange.executions[0]
    new = bench.exchange.trades.correct(old.exec_id, old.price, D(0))
    assert (new.quantity, new.commission, new.exec_id[-3:]) == (D(0), D(0), ".02")
    assert bench.account.cash == 1_000_000
    assert not bench.account.held()
    assert bench.exchange.executions == [new]


def test_an_unknown_execution_cannot_be_corrected() -> None:
    with pytest.raises(KeyError):
        Bench().exchange.trades.correct("no.such.id.01", D(1), D(1))


def test_executions_since_a_moment_are_the_last_ones() -> None:
    bench = Bench()
    submit(bench, 1, quantity=D(1))
    bench.clock.advance(10)
    later = bench.clock.time()
    submit(bench, 2, quantity=D(1))
    assert [item.order_id for item in bench.exchange.trades.since(later)] == [2]
    assert len(list(bench.exchange.trades.since(0.0))) == 2
