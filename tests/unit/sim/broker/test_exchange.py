"""The broker's back end: life cycles, matching against the quote, money."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.broker.floors import Ear, make, submit
from tests.unit.sim.support import Bench, at_wall, request
from trader.sim.gateway.orders.validation import preset
from trader.sim.model.orders import Condition, Side, Status


def test_a_market_order_is_heard_of_in_the_recorded_order() -> None:
    bench = Bench()
    ear = Ear(bench)
    order = submit(bench, quantity=Decimal(1))
    kinds = [kind for kind, _ in ear.heard]
    assert ear.heard[0] == ("order", Status.PRE_SUBMITTED)
    assert kinds[-4:] == ["executed", "order", "order", "commission"]
    assert ear.heard[-2] == ("order", Status.FILLED)
    assert order.commission == Decimal(1)


def test_a_group_where_nobody_is_an_advisor_is_no_account() -> None:
    bench = Bench()
    ear = Ear(bench)
    order = submit(bench, echo={"faGroup": "everybody"})
    assert (order.status, ear.heard) == (Status.INACTIVE, [("ended", 201)])
    assert order.completed_text == "Order rejected - reason:Invalid account number."


def test_a_change_asked_for_while_the_market_is_shut_is_made_when_it_opens() -> None:
    bench = at_wall(Bench(always_open=False), "2026-11-23T13:00:00")
    ear = Ear(bench)
    order = submit(bench, order_type="LMT", limit_price=Decimal(50))
    ear.heard.clear()
    for price in (51, 52):
        bench.exchange.change(order, replace(order.terms, limit_price=Decimal(price)))
    assert ear.heard == [("order", Status.PRE_SUBMITTED)] * 2
    at_wall(bench, "2026-11-23T14:29:59")
    assert (order.limit_price, order.changes) == (Decimal(50), 0)
    at_wall(bench, "2026-11-23T14:30:01")
    assert (order.limit_price, order.changes, order.changing_to) == (Decimal(52), 1, None)
    assert order.status is Status.SUBMITTED


def test_a_change_that_cannot_be_paid_for_at_the_open_leaves_the_order_working() -> None:
    bench = at_wall(Bench(always_open=False, cash=Decimal(100_000)), "2026-11-23T13:00:00")
    ear = Ear(bench)
    order = submit(bench, order_type="LMT", limit_price=Decimal(50))
    assert bench.exchange.change(order, replace(order.terms, quantity=Decimal(10**6))) == ""
    ear.heard.clear()
    at_wall(bench, "2026-11-23T14:30:01")
    assert ("noted", 201) in ear.heard
    assert (order.quantity, order.status) == (Decimal(100), Status.SUBMITTED)


def test_a_change_may_be_made_at_any_hour() -> None:
    bench = at_wall(Bench(always_open=False), "2026-11-23T13:00:00")
    bench.exchange.changes_wait_for_open = False
    order = submit(bench, order_type="LMT", limit_price=Decimal(50))
    bench.exchange.change(order, replace(order.terms, limit_price=Decimal(51)))
    assert (order.limit_price, order.status) == (Decimal(51), Status.PRE_SUBMITTED)


def test_a_waiting_child_changes_at_the_open_too() -> None:
    bench = at_wall(Bench(always_open=False), "2026-11-23T13:00:00")
    parent = submit(bench, 1, order_type="LMT", limit_price=Decimal(50))
    child = submit(bench, 2, parent=parent, action="SELL", order_type="LMT",
                   limit_price=Decimal(300))  # fmt: skip
    bench.exchange.change(child, replace(child.terms, limit_price=Decimal(301)))
    assert child.limit_price == 300
    at_wall(bench, "2026-11-23T14:30:01")
    assert (child.limit_price, child.why_held) == (Decimal(301), "child")


@pytest.mark.parametrize(("zone", "ends_at"), [("UTC", "17:00:00"), ("US/Eastern", "22:00:00")])
def test_a_time_without_a_zone_is_the_gateway_s(zone: str, ends_at: str) -> None:
    bench = at_wall(Bench(), "2026-11-23T15:00:00")
    bench.exchange.zone = ZoneInfo(zone)
    order = submit(
        bench, tif="GTD", good_till="20261123 17:00:00", order_type="LMT", limit_price=Decimal(50)
    )
    start = submit(bench, 2, good_after="17:00:00", order_type="LMT", limit_price=Decimal(50))
    moment = Condition(3, ("a", "1", "20261123 17:00:00"))
    third = submit(bench, 3, conditions=(moment,), order_type="LMT", limit_price=Decimal(50))
    at_wall(bench, f"2026-11-23T{int(ends_at[:2]) - 1}:59:59")
    assert (order.status, start.status, third.status) == (
        Status.SUBMITTED, Status.PRE_SUBMITTED, Status.PRE_SUBMITTED,
    )  # fmt: skip
    at_wall(bench, f"2026-11-23T{ends_at}")
    assert (order.status, start.status, third.status) == (
        Status.CANCELLED, Status.SUBMITTED, Status.SUBMITTED,
    )  # fmt: skip


@pytest.mark.parametrize(("tif", "status"), [("DAY", "Inactive"), ("IOC", "Filled")])
def test_a_coin_is_traded_at_the_market_at_once(tif: str, status: str) -> None:
    bench = Bench()
    Ear(bench)
    coin = bench.market.catalogue.symbol("BTC")
    assert coin is not None
    order = make(coin, tif=tif, quantity=Decimal("0.01"))
    bench.exchange.submit(order)
    assert str(order.status) == status
    assert ("must be IOC" in order.completed_text) is (tif == "DAY")


def test_a_fill_comes_in_parts_that_add_up_within_the_latency() -> None:
    bench = Bench(fill_s=(0.005, 0.150))
    orders = [submit(bench, n, quantity=Decimal(30)) for n in range(1, 21)]
    assert all(order.status is Status.PRE_SUBMITTED for order in orders)
    bench.clock.advance(0.25)
    counts = set()
    for order in orders:
        parts = [e for e in bench.exchange.executions if e.perm_id == order.perm_id]
        counts.add(len(parts))
        assert sum(part.quantity for part in parts) == 30
        assert [part.cumulative for part in parts][-1] == 30
        assert sum(part.commission for part in parts) == order.commission
    assert counts == {1, 2, 3}


def test_a_limit_order_rests_until_the_market_comes_to_it() -> None:
    bench = Bench()
    bench.pin("AAPL", "200.00")
    order = submit(bench, order_type="LMT", limit_price=Decimal("190.00"))
    assert str(order.status) == "Submitted"
    bench.pin("AAPL", "191.00")
    assert not order.filled
    bench.pin("AAPL", "189.00")
    assert order.status is Status.FILLED
    assert order.average_price <= Decimal("190.00")


def test_a_stop_is_held_for_its_trigger_and_then_goes_to_market() -> None:
    bench = Bench()
    bench.pin("AAPL", "200.00")
    submit(bench, 1)
    stop = submit(bench, 2, action="SELL", order_type="STP", aux_price=Decimal("195.00"))
    assert (stop.status, stop.why_held) == (Status.PRE_SUBMITTED, "trigger")
    bench.pin("AAPL", "194.90")
    assert (stop.status, stop.why_held) == (Status.FILLED, "")


def test_a_stop_limit_does_not_trade_through_its_limit() -> None:
    bench = Bench()
    bench.pin("AAPL", "200.00")
    order = submit(
        bench, order_type="STP LMT", aux_price=Decimal("205.00"), limit_price=Decimal("206.00")
    )
    bench.pin("AAPL", "210.00")
    assert (order.status, order.filled) == (Status.SUBMITTED, Decimal(0))
    bench.pin("AAPL", "205.50")
    assert order.status is Status.FILLED


def test_an_ioc_order_that_does_not_trade_is_cancelled() -> None:
    bench = Bench()
    ear = Ear(bench)
    order = submit(bench, order_type="LMT", limit_price=Decimal("1.00"), tif="IOC")
    assert order.status is Status.CANCELLED
    # As recorded: one pair with PendingCancel, then Cancelled as a status, and no code.
    assert ear.heard == [("order", Status.PENDING_CANCEL), ("status", Status.CANCELLED)]


def test_a_fok_order_trades_at_once_and_whole_or_not_at_all() -> None:
    bench = Bench()
    refused = submit(bench, 1, order_type="LMT", limit_price=Decimal("1.00"), tif="FOK")
    filled = submit(bench, 2, tif="FOK")
    assert (refused.status, refused.filled) == (Status.INACTIVE, Decimal(0))
    assert filled.status is Status.FILLED
    assert len(bench.exchange.executions) == 1


def test_an_order_that_cannot_be_paid_for_is_inactive_with_201() -> None:
    bench = Bench(cash=Decimal(1000))
    ear = Ear(bench)
    order = submit(bench)
    assert order.status is Status.INACTIVE
    assert ear.heard == [("ended", 201)]
    assert bench.account.cash == 1000


def test_working_buys_reserve_cash_and_give_it_back() -> None:
    bench = Bench(cash=Decimal(10_000))
    first = submit(bench, 1, order_type="LMT", limit_price=Decimal("90.00"))
    assert bench.exchange.bank.reserved("DUSIM0001") == Decimal(4500)
    second = submit(bench, 2, order_type="LMT", quantity=Decimal(200), limit_price=Decimal("90.00"))
    assert second.status is Status.INACTIVE
    bench.exchange.cancel(first)
    assert bench.exchange.bank.reserved("DUSIM0001") == 0


def test_a_change_shows_the_new_terms_twice_and_reserves_anew() -> None:
    bench = Bench()
    order = submit(bench, order_type="LMT", limit_price=Decimal("90.00"))
    ear = Ear(bench)
    changed = request(order_type="LMT", limit_price=Decimal("80.00"), quantity=Decimal(50))
    bench.exchange.change(order, preset(changed.terms))
    assert ear.heard[:2] == [("order", Status.SUBMITTED)] * 2
    assert (order.limit_price, order.quantity, order.changes) == (Decimal(80), Decimal(50), 1)
    assert bench.exchange.bank.reserved("DUSIM0001") == Decimal(1000)


def test_a_cancel_stops_the_parts_still_to_come() -> None:
    bench = Bench(fill_s=(0.1, 0.1))
    order = submit(bench)
    bench.exchange.cancel(order)
    bench.clock.advance(1)
    assert (order.status, order.filled) == (Status.CANCELLED, Decimal(0))
    assert bench.exchange.executions == []


def test_market_orders_fill_within_the_bar_of_the_day() -> None:
    bench = Bench(cash=Decimal(10**9))
    for n in range(1, 60):
        bench.clock.advance(300)
        bench.feeds.refresh("AAPL")
        submit(bench, n, quantity=Decimal(3))
    for item in bench.exchange.executions:
        assert Decimal(190) <= item.price <= Decimal(210)
    first_day = bench.exchange.executions[:20]
    bar = bench.market.bar("AAPL", 0)
    assert all(bar.low <= item.price <= bar.high for item in first_day)


def test_a_trade_by_hand_belongs_to_no_api_client() -> None:
    bench = Bench()
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    execution = bench.exchange.trade_by_hand(item, Side.BUY, Decimal(5))
    assert (execution.order_id, execution.client_id) == (0, 0)
    assert execution.perm_id > 10**15
    assert bench.account.quantity(item) == 5


def test_a_correction_replaces_quantity_and_price() -> None:
    bench = Bench()
    order = submit(bench, quantity=Decimal(1))
    old = bench.exchange.executions[0]
    cash = bench.account.cash
    new = bench.exchange.correct(old.exec_id, old.price + 1, Decimal(1))
    assert new.exec_id.endswith(".02")
    assert bench.account.cash == cash - 1
    assert bench.account.quantity(order.instrument) == 1


@given(st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), st.integers(1, 300)), max_size=12))
def test_cash_and_position_follow_from_the_executions(orders: list[tuple[str, int]]) -> None:
    bench = Bench()
    for number, (side, quantity) in enumerate(orders, 1):
        submit(bench, number, action=side, quantity=Decimal(quantity))
    executions = bench.exchange.executions
    spent = sum(e.side.sign * e.quantity * e.price + e.commission for e in executions)
    item = bench.market.catalogue.all()[0]
    assert bench.account.cash == 1_000_000 - spent
    assert bench.account.quantity(item) == sum(e.side.sign * e.quantity for e in executions)
    assert len({e.exec_id for e in executions}) == len(executions)


def test_an_exchange_without_a_listener_is_a_bug() -> None:
    bench = Bench()
    bench.exchange.listener = None
    with pytest.raises(AssertionError):
        submit(bench)


def test_an_order_saved_on_its_way_rests_or_dies_when_restored() -> None:
    bench = Bench(fill_s=(1.0, 1.0))
    day = submit(bench, 1, order_type="LMT", limit_price=Decimal(50))
    ioc = submit(bench, 2, order_type="LMT", limit_price=Decimal(50), tif="IOC")
    other = Bench()
    for order in (day, ioc):
        other.exchange.restore(order)
    assert [str(order.status) for order in (day, ioc)] == ["Submitted", "Cancelled"]
    assert other.exchange.working() == [day]


def test_a_change_drops_the_parts_planned_before_it() -> None:
    bench = Bench(fill_s=(0.05, 0.1))
    bench.pin("AAPL", "200.00")
    orders = [submit(bench, n, order_type="LMT", limit_price=Decimal(210)) for n in range(1, 11)]
    bench.clock.advance(0.06)
    far = request(order_type="LMT", limit_price=Decimal(50))
    for order in orders:
        if not order.status.is_done:
            bench.exchange.change(order, preset(far.terms))
    filled = [order.filled for order in orders]
    assert any(not quantity for quantity in filled)
    bench.clock.advance(1)
    assert [order.filled for order in orders] == filled


def test_a_change_in_mid_fill_never_fills_more_than_the_order() -> None:
    bench = Bench(fill_s=(0.05, 0.1))
    orders = [submit(bench, n) for n in range(1, 11)]
    bench.clock.advance(0.07)
    for order in orders:
        if not order.status.is_done:
            bench.exchange.change(order, preset(request(quantity=Decimal(150)).terms))
    bench.clock.advance(1)
    for order in orders:
        assert order.filled == order.quantity
        parts = [e.quantity for e in bench.exchange.executions if e.perm_id == order.perm_id]
        assert sum(parts) == order.quantity
