"""Orders come into the market at their hour and leave it at theirs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.broker.floors import Ear, aapl, state, submit
from tests.unit.sim.support import Bench
from trader.sim.model.orders import Condition, Status

D = Decimal
# Saturday 06:03:20 UTC to Monday 09:30 in New York.
TO_MONDAY_OPEN_S = 1_795_444_200.0 - 1_795_241_000.0
DAY_S = 6.5 * 3600
FAR: dict[str, Any] = {"order_type": "LMT", "limit_price": D(100)}


def test_an_order_at_a_closed_market_says_so_and_waits_for_the_open() -> None:
    bench = Bench(always_open=False)
    ear = Ear(bench)
    order = submit(bench)
    assert ear.heard == [("noted", 399), ("order", Status.PRE_SUBMITTED)]
    bench.clock.advance(TO_MONDAY_OPEN_S - 1)
    assert state(order) is Status.PRE_SUBMITTED
    bench.clock.advance(2)
    assert state(order) is Status.FILLED


def test_a_day_order_ends_with_the_session_and_a_gtc_order_waits_for_the_next() -> None:
    bench = Bench(always_open=False)
    day, long = submit(bench, 1, **FAR), submit(bench, 2, tif="GTC", **FAR)
    bench.clock.advance(TO_MONDAY_OPEN_S + 5)
    assert (day.status, long.status) == (Status.SUBMITTED, Status.SUBMITTED)
    ear = Ear(bench)
    bench.clock.advance(DAY_S)
    assert (day.status, long.status) == (Status.CANCELLED, Status.PRE_SUBMITTED)
    assert ear.heard.count(("ended", 202)) == 1
    bench.clock.advance(24 * 3600 - 60)
    assert state(long) is Status.SUBMITTED


def test_a_cancel_of_a_waiting_child_is_agreed_to_at_the_open() -> None:
    bench = Bench(always_open=False)
    Ear(bench)
    bench.exchange.cancels_wait_for_open = True
    parent = submit(bench, 1, **FAR)
    child = submit(bench, 2, parent=parent, action="SELL", **FAR)
    bench.exchange.cancel(child)
    bench.clock.advance(TO_MONDAY_OPEN_S - 1)
    assert state(child) is Status.PENDING_CANCEL
    bench.clock.advance(2)
    assert (state(child), state(parent)) == (Status.CANCELLED, Status.SUBMITTED)


def test_an_order_for_any_hour_trades_before_the_open() -> None:
    bench = Bench(always_open=False)
    order = submit(bench, outside_rth=True, order_type="LMT", limit_price=D(300))
    bench.clock.advance(TO_MONDAY_OPEN_S - 5.4 * 3600)
    assert state(order) is Status.FILLED


@pytest.mark.parametrize(
    ("changes", "wait_s"),
    [
        ({"tif": "OPG"}, TO_MONDAY_OPEN_S),
        ({"tif": "OPG", "order_type": "LMT", "limit_price": D(300)}, TO_MONDAY_OPEN_S),
        ({"order_type": "MOC"}, TO_MONDAY_OPEN_S + DAY_S),
        ({"order_type": "LOC", "limit_price": D(300)}, TO_MONDAY_OPEN_S + DAY_S),
    ],
)
def test_auction_orders_trade_whole_in_their_auction(
    changes: dict[str, Any], wait_s: float
) -> None:
    bench = Bench()
    order = submit(bench, **changes)
    bench.clock.advance(wait_s - 1)
    assert state(order) is Status.PRE_SUBMITTED
    bench.clock.advance(1.5)
    assert state(order) is Status.FILLED
    assert len(bench.exchange.executions) == 1


def test_an_auction_order_trades_in_the_auction_of_the_exchange_it_names() -> None:
    bench = Bench()
    for order_id, route in ((1, "NYSE"), (2, "SMART")):
        submit(bench, order_id, order_type="MOC", route=route)
    bench.clock.advance(TO_MONDAY_OPEN_S + DAY_S + 2)
    assert [item.exchange for item in bench.exchange.executions] == ["NYSE", "NASDAQ"]


def test_an_auction_order_whose_limit_is_not_met_is_over() -> None:
    bench = Bench()
    order = submit(bench, order_type="LOC", limit_price=D(1))
    bench.clock.advance(TO_MONDAY_OPEN_S + DAY_S + 2)
    assert state(order) is Status.CANCELLED
    assert not bench.exchange.executions


def test_an_order_good_until_a_time_ends_then() -> None:
    bench = Bench()
    order = submit(bench, tif="GTD", good_till="20261121-06:10:00", **FAR)
    bench.clock.advance(390)
    assert state(order) is Status.SUBMITTED
    bench.clock.advance(20)
    assert state(order) is Status.CANCELLED
    assert order.completed_text.startswith("Cancelled by System")


def test_an_order_good_after_a_time_begins_then() -> None:
    bench = Bench()
    order = submit(bench, good_after="20261121 06:10:00 UTC")
    bench.clock.advance(390)
    assert state(order) is Status.PRE_SUBMITTED
    bench.clock.advance(20)
    assert state(order) is Status.FILLED


def test_a_condition_on_another_instrument_releases_an_order() -> None:
    bench = Bench()
    ibm = bench.market.catalogue.symbol("IBM")
    assert ibm is not None
    bench.pin("IBM", "150.00")
    terms = (Condition(1, ("a", "0", "140", str(ibm.con_id), "SMART", "0")),)
    order = submit(bench, conditions=terms)
    assert state(order) is Status.PRE_SUBMITTED
    assert bench.exchange.wants_quotes(ibm.con_id)
    assert [i.symbol for i in bench.exchange.instruments_traded()] == ["AAPL", "IBM"]
    bench.pin("IBM", "139.00")
    assert state(order) is Status.FILLED
    assert not bench.exchange.wants_quotes(ibm.con_id)


def test_a_time_condition_releases_an_order() -> None:
    bench = Bench()
    order = submit(bench, conditions=(Condition(3, ("a", "1", "20261121-06:10:00")),))
    bench.clock.advance(390)
    assert state(order) is Status.PRE_SUBMITTED
    bench.clock.advance(20)
    assert state(order) is Status.FILLED


def test_a_cancel_may_wait_for_the_market_to_open() -> None:
    bench = Bench(always_open=False)
    bench.exchange.cancels_wait_for_open = True
    order = submit(bench, tif="GTC", **FAR)
    ear = Ear(bench)
    bench.exchange.cancel(order)
    assert ear.heard == [("order", Status.PENDING_CANCEL)] * 2
    bench.clock.advance(TO_MONDAY_OPEN_S + 1)
    assert state(order) is Status.CANCELLED
    assert ear.heard[-1] == ("ended", 202)


def test_a_cancel_that_is_pending_may_lose_against_a_fill() -> None:
    bench = Bench(fill_s=(4.0, 4.0))
    bench.exchange.shows_pending_cancel = True
    bench.pin("AAPL", "200.00")
    order = submit(bench, order_type="LMT", limit_price=D(190))
    bench.clock.advance(5)
    bench.exchange.cancel(order)
    assert state(order) is Status.PENDING_CANCEL
    bench.pin("AAPL", "180.00")
    assert state(order) is Status.FILLED
    bench.clock.advance(5)
    assert state(order) is Status.FILLED
    assert bench.account.quantity(aapl(bench)) == 100


def test_a_restored_order_is_held_for_the_same_reasons() -> None:
    bench = Bench()
    order = submit(bench, good_after="20261121 06:10:00 UTC", tif="GTC")
    other = Bench()
    other.exchange.restore(order)
    other.clock.advance(390)
    assert state(order) is Status.PRE_SUBMITTED
    other.clock.advance(20)
    assert state(order) is Status.FILLED
