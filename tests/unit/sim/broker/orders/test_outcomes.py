"""What fills and ends mean: for the order, for its group, for its family."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.broker.floors import Ear, aapl, state, submit
from tests.unit.sim.support import Bench
from trader.sim.model.orders import Order, Status

D = Decimal
FAR: dict[str, Any] = {"order_type": "LMT", "limit_price": D(100)}


def bracket(bench: Bench, **parent: Any) -> tuple[Order, Order, Order]:
    bench.pin("AAPL", "200.00")
    entry = submit(bench, 1, **{"order_type": "LMT", "limit_price": D(190), **parent})
    target = submit(bench, 2, parent=entry, action="SELL", order_type="LMT", limit_price=D(210))
    stop = submit(bench, 3, parent=entry, action="SELL", order_type="STP", aux_price=D(180))
    return entry, target, stop


def test_children_wait_then_work_and_one_ends_the_other() -> None:
    bench = Bench()
    entry, target, stop = bracket(bench)
    assert (target.status, target.why_held) == (Status.PRE_SUBMITTED, "child")
    assert (stop.status, stop.why_held) == (Status.PRE_SUBMITTED, "child,trigger")
    bench.pin("AAPL", "215.00")
    assert target.filled == 0
    bench.pin("AAPL", "189.00")
    assert state(entry) is Status.FILLED
    assert (target.status, target.why_held) == (Status.SUBMITTED, "")
    assert (stop.status, stop.why_held) == (Status.PRE_SUBMITTED, "trigger")
    bench.pin("AAPL", "215.00")
    assert (target.status, stop.status) == (Status.FILLED, Status.CANCELLED)
    assert stop.completed_text.startswith("Cancelled by System")
    assert bench.account.quantity(aapl(bench)) == 0


def part_filled(bench: Bench) -> tuple[Order, Order, Order]:
    """Return a bracket whose entry has taken what there was at its limit, and rests."""
    bench.pin("AAPL", "200.00")
    entry = submit(bench, 1, quantity=D(5000), order_type="LMT", limit_price=D("200.01"))
    common: dict[str, Any] = {"parent": entry, "action": "SELL", "quantity": D(5000)}
    target = submit(bench, 2, order_type="LMT", limit_price=D(210), **common)
    stop = submit(bench, 3, order_type="STP", aux_price=D(190), **common)
    assert 0 < entry.filled < 5000
    return entry, target, stop


def test_what_has_filled_of_a_parent_is_protected_at_once() -> None:
    bench = Bench()
    entry, target, stop = part_filled(bench)
    assert (target.status, target.why_held) == (Status.SUBMITTED, "")
    assert (stop.status, stop.why_held) == (Status.PRE_SUBMITTED, "trigger")
    assert target.quantity == stop.quantity == entry.filled
    bench.pin("AAPL", "199.00")
    assert state(entry) is Status.FILLED
    assert target.quantity == stop.quantity == 5000
    bench.pin("AAPL", "189.00")
    assert (state(stop), state(target)) == (Status.FILLED, Status.CANCELLED)
    assert bench.account.quantity(aapl(bench)) == 0


def test_a_stop_that_sold_a_part_ends_the_bracket() -> None:
    bench = Bench()
    entry, target, stop = part_filled(bench)
    bench.exchange.change(entry, replace(entry.terms, limit_price=D(150)))
    bench.exchange.change(stop, replace(stop.terms, aux_price=D(201), quantity=stop.quantity))
    assert (state(entry), state(stop), state(target)) == (
        Status.CANCELLED, Status.FILLED, Status.CANCELLED,
    )  # fmt: skip
    assert stop.filled == entry.filled
    # INC-054: it is shown with a total of nothing before it is gone.
    assert target.quantity == 0
    assert bench.account.quantity(aapl(bench)) == 0


def test_children_may_wait_for_all_of_their_parent() -> None:
    bench = Bench()
    bench.exchange.set_groups(follow_parts=False, block=True, race_s=0.0)
    entry, target, stop = part_filled(bench)
    assert (target.why_held, stop.why_held) == ("child", "child,trigger")
    bench.exchange.cancel(entry)
    assert target.quantity == stop.quantity == entry.filled
    assert (target.why_held, stop.why_held) == ("", "trigger")


def test_a_parent_reduced_to_what_it_has_lets_its_children_go() -> None:
    bench = Bench()
    entry, target, _ = part_filled(bench)
    bench.exchange.set_groups(follow_parts=False, block=True, race_s=0.0)
    late = submit(bench, 4, parent=entry, action="SELL", **FAR)
    assert late.why_held == "child"
    bench.exchange.change(entry, replace(entry.terms, quantity=entry.filled))
    assert (state(entry), late.why_held, target.why_held) == (Status.FILLED, "", "")


@pytest.mark.parametrize(
    ("kind", "block", "race_s", "filled"),
    [(3, True, 0.05, 200), (3, True, 0.0, 100), (1, True, 0.05, 100), (1, False, 0.05, 200)],
)
def test_two_of_a_group_may_fill_in_one_round_where_nothing_blocks(
    kind: int, block: bool, race_s: float, filled: int
) -> None:
    bench = Bench()
    bench.exchange.set_groups(follow_parts=True, block=block, race_s=race_s)
    bench.pin("AAPL", "200.00")
    pair = [
        submit(bench, n, oca_group="g", oca_type=kind, order_type="LMT", limit_price=D(190))
        for n in (1, 2)
    ]
    third = submit(bench, 3, oca_group="g", oca_type=kind, **FAR)
    bench.pin("AAPL", "189.00")
    bench.clock.advance(0.1)
    assert sum(order.filled for order in pair) == filled
    assert all(order.status.is_done for order in (*pair, third))


def test_cancelling_the_parent_cancels_the_children_with_202_each() -> None:
    bench = Bench()
    entry, target, stop = bracket(bench)
    ear = Ear(bench)
    bench.exchange.cancel(entry)
    assert ear.heard == [("ended", 202)] * 3
    assert {order.status for order in (entry, target, stop)} == {Status.CANCELLED}


def test_a_child_of_an_order_that_is_gone_is_refused() -> None:
    bench = Bench()
    entry, _, _ = bracket(bench)
    bench.exchange.cancel(entry)
    late = submit(bench, 4, parent=entry, action="SELL", **FAR)
    assert state(late) is Status.INACTIVE
    assert "Parent order" in late.completed_text


def test_one_cancels_all_leaves_one() -> None:
    bench = Bench()
    bench.pin("AAPL", "200.00")
    orders = [
        submit(bench, n, oca_group="g", oca_type=1, order_type="LMT", limit_price=D(190 + n))
        for n in (1, 2, 3)
    ]
    bench.pin("AAPL", "150.00")
    assert sorted(str(order.status) for order in orders) == ["Cancelled", "Cancelled", "Filled"]
    assert bench.account.quantity(aapl(bench)) == 100


def test_a_group_that_reduces_shows_the_smaller_order() -> None:
    bench = Bench()
    bench.pin("AAPL", "200.00")
    small = submit(
        bench, 1, quantity=D(40), oca_group="g", oca_type=3, order_type="LMT", limit_price=D(190)
    )
    large = submit(bench, 2, oca_group="g", oca_type=3, order_type="LMT", limit_price=D(100))
    small.quantity = D(80)
    small.filled = D(40)
    bench.pin("AAPL", "189.00")
    assert state(small) is Status.FILLED
    assert state(large) is Status.CANCELLED


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_what_must_trade_at_once_and_does_is_shown_alive_first(tif: str) -> None:
    bench = Bench()
    ear = Ear(bench)
    order = submit(bench, quantity=D(10), tif=tif)
    assert state(order) is Status.FILLED
    assert ear.heard[0] == ("order", Status.PRE_SUBMITTED)


def test_a_fill_or_kill_that_is_killed_is_one_pair_without_a_code() -> None:
    bench = Bench()
    ear = Ear(bench)
    submit(bench, tif="FOK", **FAR)
    assert ear.heard == [("order", Status.INACTIVE)]


def test_the_rest_of_an_ioc_order_is_cancelled() -> None:
    bench = Bench(cash=D(10**9))
    levels = bench.market.book(aapl(bench)).asks
    size = D(levels[0].size)
    order = submit(
        bench, quantity=size + 500, tif="IOC", order_type="LMT", limit_price=levels[0].price
    )
    assert (order.status, order.filled) == (Status.CANCELLED, size)


def test_a_child_that_cannot_be_paid_for_is_refused_when_it_would_work() -> None:
    bench = Bench(cash=D(25_000))
    bench.pin("AAPL", "200.00")
    entry = submit(bench, 1, order_type="LMT", limit_price=D(190))
    more = submit(bench, 2, parent=entry, quantity=D(9999), order_type="LMT", limit_price=D(180))
    assert state(more) is Status.PRE_SUBMITTED
    bench.pin("AAPL", "189.00")
    assert state(entry) is Status.FILLED
    assert state(more) is Status.INACTIVE
