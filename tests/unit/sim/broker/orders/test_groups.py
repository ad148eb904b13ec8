"""Brackets and one-cancels-all groups: what one order's fate does to the others."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.broker.floors import aapl, make
from tests.unit.sim.support import Bench
from trader.sim.broker.orders.groups import Effect, End, Groups, Grow, Reduce, Release
from trader.sim.model.orders import Order, Status

ITEM = aapl(Bench())
D = Decimal


def member(groups: Groups, number: int, **changes: Any) -> Order:
    order = make(ITEM, number, order_type="LMT", limit_price=D(100), **changes)
    groups.join(order, None)
    return order


def trade(order: Order, quantity: int) -> Order:
    order.filled += quantity
    return order


def in_group(groups: Groups, order: Order, quantity: int) -> list[Effect]:
    """Let an order trade and return what that does to its group."""
    before = order.remaining
    trade(order, quantity)
    return groups.in_group(order, order.remaining / before)


def test_type_one_ends_all_others_with_the_first_fill() -> None:
    groups = Groups()
    first, second, third = (member(groups, n, oca_group="g", oca_type=1) for n in (1, 2, 3))
    stranger = member(groups, 4, oca_group="other", oca_type=1)
    assert in_group(groups, first, 10) == [End(second), End(third)]
    assert in_group(groups, stranger, 10) == []


@pytest.mark.parametrize("kind", [2, 3])
def test_types_two_and_three_take_the_same_share_from_each(kind: int) -> None:
    groups = Groups()
    first = member(groups, 1, oca_group="g", oca_type=kind)
    second = member(groups, 2, oca_group="g", oca_type=kind, quantity=D(50))
    assert in_group(groups, first, 40) == [Reduce(second, D(30))]
    second.quantity = D(30)
    assert in_group(groups, first, 60) == [End(second)]


def test_an_order_that_left_is_no_member() -> None:
    groups = Groups()
    first, second = (member(groups, n, oca_group="g", oca_type=1) for n in (1, 2))
    groups.leave(second)
    groups.leave(second)
    assert in_group(groups, first, 1) == []


def family(groups: Groups) -> tuple[Order, Order, Order]:
    parent = make(ITEM, 1)
    groups.join(parent, None)
    parent.status = Status.PRE_SUBMITTED
    children = []
    for number in (2, 3):
        child = make(ITEM, number, action="SELL", order_type="LMT", limit_price=D(300))
        child.parent_perm_id = parent.perm_id
        groups.join(child, parent)
        children.append(child)
    return parent, children[0], children[1]


def test_children_wait_and_are_a_group_named_by_their_parent() -> None:
    _, first, second = family(Groups())
    for child in (first, second):
        assert child.awaits_parent
        assert (child.terms.oca_group, child.terms.oca_type) == ("1", 3)


def release(child: Order, quantity: int) -> None:
    """Do what the exchange does when a child need not wait any longer."""
    child.awaits_parent, child.quantity, child.armed = False, D(quantity), D(quantity)


def test_a_parent_that_fills_releases_its_children() -> None:
    groups = Groups()
    groups.follows_parts = False
    parent, first, second = family(groups)
    assert groups.after_fill(trade(parent, 40)) == []
    assert groups.after_fill(trade(parent, 60)) == [Release(first), Release(second)]
    parent.status = Status.FILLED
    assert groups.after_fill(trade(first, 100)) == []
    assert groups.in_group(first, D(0)) == [End(second)]


def test_what_a_parent_has_filled_lets_as_much_of_its_children_trade() -> None:
    groups = Groups()
    parent, first, second = family(groups)
    second.quantity, second.terms = D(50), replace(second.terms, quantity=D(50))
    assert groups.after_fill(trade(parent, 41)) == [Release(first, D(41)), Release(second, D(21))]
    release(first, 41)
    release(second, 21)
    assert groups.arm(parent) == []
    # What one has traded is not given to it again.
    trade(first, 11)
    assert groups.after_fill(trade(parent, 59)) == [Grow(first, D(59)), Grow(second, D(29))]


def test_the_part_of_a_child_is_exact() -> None:
    groups = Groups()
    parent, first, second = family(groups)
    parent.quantity = D(7)
    first.terms, second.terms = (replace(first.terms, quantity=D(n)) for n in (21, 5))
    # Three sevenths of 21 are 9, though no decimal number is three sevenths; 15 sevenths make 3.
    assert groups.after_fill(trade(parent, 3)) == [Release(first, D(9)), Release(second, D(3))]


def test_a_child_that_has_traded_its_part_ends_the_rest() -> None:
    groups = Groups()
    parent, first, second = family(groups)
    groups.after_fill(trade(parent, 40))
    release(first, 40)
    release(second, 40)
    assert groups.after_fill(trade(first, 39)) == []
    assert groups.after_fill(trade(first, 1)) == [End(parent)]
    assert groups.in_group(first, D(0)) == [End(second, is_emptied=True)]


def test_a_change_of_a_child_means_its_own_size_unless_the_shown_one_comes_back() -> None:
    groups = Groups()
    parent, first, _ = family(groups)
    terms = first.terms
    asked = replace(terms, quantity=D(80))
    assert groups.sized(first, asked) == (asked, D(80), D(0))
    groups.after_fill(trade(parent, 40))
    release(first, 40)
    trade(first, 10)
    shown = replace(terms, quantity=D(40), limit_price=D(301))
    assert groups.sized(first, shown) == (replace(shown, quantity=D(100)), D(40), D(40))
    assert groups.sized(first, asked) == (asked, D(32), D(32))
    least = replace(terms, quantity=D(11))
    assert groups.sized(first, least) == (least, D(10), D(5))
    parent.status = Status.CANCELLED
    assert groups.sized(first, asked) == (asked, D(80), D(40))


def test_a_child_let_into_the_market_before_a_restart_waits_no_more() -> None:
    groups = Groups()
    parent, first, second = family(groups)
    release(first, 40)
    parent.status = Status.CANCELLED
    again = Groups()
    for child in (first, second):
        again.join(child, parent)
    assert not first.awaits_parent
    assert second.awaits_parent


def test_a_parent_that_is_cancelled_takes_its_children_along() -> None:
    groups = Groups()
    parent, first, second = family(groups)
    assert groups.after_end(parent) == [End(first), End(second)]


def test_what_a_parent_had_bought_keeps_its_exit() -> None:
    groups = Groups()
    parent, first, second = family(groups)
    trade(parent, 40)
    assert groups.after_end(parent) == [Release(first, D(40)), Release(second, D(40))]


def test_a_child_of_a_filled_parent_does_not_wait() -> None:
    groups, parent = Groups(), make(ITEM, 1)
    parent.status = Status.FILLED
    child = make(ITEM, 2)
    groups.join(child, parent)
    assert not child.awaits_parent
