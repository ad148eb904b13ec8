"""Orders meet the market: triggers, levels, queues, parts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.broker.floors import aapl, quote, state, submit
from tests.unit.sim.support import Bench
from trader.sim.model.orders import Order, Status

D = Decimal


def show(bench: Bench, last: str, **changes: Any) -> None:
    """Let the broker see a quote."""
    bench.exchange.take_quote(quote(aapl(bench), last, **changes))


def resting(bench: Bench, **changes: Any) -> Order:
    show(bench, "200.00", volume=0)
    terms: dict[str, Any] = {"order_type": "LMT", "limit_price": D(190)}
    return submit(bench, **{**terms, **changes})


def test_a_large_market_order_walks_the_book_and_two_do_not_share_a_level() -> None:
    bench = Bench(cash=D(10**9))
    levels = bench.market.book(aapl(bench)).asks
    first = submit(bench, 1, quantity=D(levels[0].size))
    second = submit(bench, 2, quantity=D(1), order_type="LMT", limit_price=levels[0].price)
    assert first.filled == levels[0].size
    assert second.filled == 0
    third = submit(bench, 3, quantity=D(levels[1].size + 1))
    assert third.average_price > levels[0].price


def test_a_market_order_that_empties_the_book_goes_on_with_the_next_quote() -> None:
    bench = Bench(cash=D(10**9))
    there = sum(level.size for level in bench.market.book(aapl(bench)).asks)
    order = submit(bench, quantity=D(there + 500))
    assert (order.status, order.filled) == (Status.SUBMITTED, D(there))
    bench.clock.advance(1)
    bench.feeds.refresh("AAPL")
    assert state(order) is Status.FILLED


def test_volume_at_the_price_fills_a_resting_order_only_behind_its_queue() -> None:
    bench = Bench()
    order = resting(bench)
    order.queue_ahead = D(300)
    show(bench, "190.00", volume=200, bid=D("189.98"), ask=D("190.02"))
    assert (order.filled, order.queue_ahead) == (D(0), D(100))
    show(bench, "190.00", volume=260, bid=D("189.98"), ask=D("190.02"))
    assert order.queue_ahead == 40
    show(bench, "190.00", volume=330, bid=D("189.98"), ask=D("190.02"))
    assert (order.status, order.filled, order.last_price) == (Status.SUBMITTED, D(30), D(190))
    show(bench, "189.00", volume=331)
    assert (order.status, order.average_price) == (Status.FILLED, D(190))


def test_the_volume_of_a_quote_is_shared_by_those_who_rest() -> None:
    bench = Bench()
    first, second = (resting(bench, order_id=n) for n in (1, 2))
    first.queue_ahead = second.queue_ahead = D(0)
    show(bench, "190.00", volume=120, bid=D("189.98"), ask=D("190.02"))
    assert (first.filled, second.filled) == (D(100), D(20))


def test_only_the_shown_part_of_an_iceberg_stands_in_the_queue() -> None:
    bench = Bench()
    order = resting(bench, display_size=30)
    order.queue_ahead = D(0)
    show(bench, "190.00", volume=500, bid=D("189.98"), ask=D("190.02"))
    assert order.filled == 30


def test_all_or_none_waits_for_all() -> None:
    bench = Bench()
    order = resting(bench, all_or_none=True)
    order.queue_ahead = D(0)
    show(bench, "190.00", volume=99, bid=D("189.98"), ask=D("190.02"))
    assert order.filled == 0
    show(bench, "190.00", volume=299, bid=D("189.98"), ask=D("190.02"))
    assert state(order) is Status.FILLED


def test_a_discretionary_order_pays_more_than_it_shows() -> None:
    bench = Bench()
    order = resting(bench, discretionary=D("0.50"))
    show(bench, "190.60")
    assert order.filled == 0
    show(bench, "190.40")
    assert order.filled == 100
    assert order.average_price <= D("190.50")


def test_a_touched_order_goes_to_market() -> None:
    bench = Bench()
    order = resting(bench, order_type="MIT", aux_price=D(190), limit_price=None)
    assert (order.status, order.why_held) == (Status.PRE_SUBMITTED, "trigger")
    show(bench, "190.00")
    assert state(order) is Status.FILLED


def test_a_trailing_order_follows_and_trades_when_the_market_turns() -> None:
    bench = Bench()
    order = resting(bench, order_type="TRAIL", aux_price=D(2), action="SELL", limit_price=None)
    show(bench, "205.00")
    assert (order.stop_now, order.status) == (D(203), Status.PRE_SUBMITTED)
    show(bench, "203.50")
    assert order.stop_now == 203
    show(bench, "202.90")
    assert state(order) is Status.FILLED


def test_a_trailing_limit_rests_at_its_limit_when_the_market_has_gone() -> None:
    bench = Bench()
    order = resting(
        bench, order_type="TRAIL LIMIT", aux_price=D(2), limit_offset=D("0.10"), action="SELL",
        limit_price=None,
    )  # fmt: skip
    show(bench, "197.00")
    assert (order.status, order.limit_now, order.filled) == (Status.SUBMITTED, D("197.9"), D(0))
    show(bench, "198.50")
    assert state(order) is Status.FILLED
    assert order.average_price >= D("197.9")


def test_market_to_limit_keeps_its_first_price() -> None:
    bench = Bench(cash=D(10**9))
    levels = bench.market.book(aapl(bench)).asks
    order = submit(bench, quantity=D(levels[0].size + 10), order_type="MTL")
    assert order.limit_now is not None
    assert all(item.price <= order.limit_now for item in bench.exchange.executions)
    assert order.filled < order.quantity


@pytest.mark.parametrize("change", [{"halted": 1}, {"is_open": False}])
def test_nothing_trades_or_triggers_while_the_market_stands(change: dict[str, Any]) -> None:
    bench = Bench()
    limit = resting(bench)
    stop = submit(bench, 2, order_type="STP", aux_price=D(195), action="SELL")
    show(bench, "180.00", **change)
    assert (limit.filled, stop.why_held) == (D(0), "trigger")
    show(bench, "180.00")
    assert limit.filled == 100
    assert stop.why_held == ""


def test_a_pegged_order_trades_where_the_quote_has_gone() -> None:
    bench = Bench()
    order = resting(bench, order_type="PEG MKT", aux_price=D("0.05"), limit_price=None)
    assert state(order) is Status.SUBMITTED
    assert not order.filled
    order.terms = replace(order.terms, aux_price=D(0))
    show(bench, "201.00")
    assert state(order) is Status.FILLED


def test_a_quote_far_from_ten_thousand_orders_looks_at_none() -> None:
    bench = Bench(cash=D(10**12))
    show(bench, "200.00")
    for number in range(1, 10_001):
        submit(bench, number, quantity=D(1), order_type="LMT", limit_price=D(number) / 100)
    shelf = bench.exchange._floor._shelves[aapl(bench).con_id]
    assert len(shelf) == 10_000
    assert shelf.due(quote(aapl(bench), "200.00")) == []
    assert len(shelf.due(quote(aapl(bench), "99.01"))) == 100
