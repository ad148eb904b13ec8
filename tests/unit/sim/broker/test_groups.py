"""Brackets and one-cancels-all groups: what one order's fate does to the others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.broker.floors import aapl, make
from tests.unit.sim.support import Bench
from trader.sim.broker.groups import End, Groups, Reduce, Release
from trader.sim.model.orders import Order, Status

ITEM = aapl(Bench())
D = Decimal


def member(groups: Groups, number: int, **changes: Any) -> Order:
    order = make(ITEM, number, order_type="LMT", limit_price=D(100), **changes)
    groups.join(order, None)
    return order


def trade(order: Order, quantity: int) -> Decimal:
    order.filled += quantity
    return D(quantity)


def test_type_one_ends_all_others_with_the_first_fill() -> None:
    groups = Groups()
    first, second, third = (member(groups, n, oca_group="g", oca_type=1) for n in (1, 2, 3))
    stranger = member(groups, 4, oca_group="other", oca_type=1)
    assert groups.after_fill(first, trade(first, 10)) == [End(second), End(third)]
    assert groups.after_fill(stranger, trade(stranger, 10)) == []


@pytest.mark.parametrize("kind", [2, 3])
def test_types_two_and_three_take_the_same_share_from_each(kind: int) -> None:
    groups = Groups()
    first = member(groups, 1, oca_group="g", oca_type=kind)
    second = member(groups, 2, oca_group="g", oca_type=kind, quantity=D(50))
    assert groups.after_fill(first, trade(first, 40)) == [Reduce(second, D(30))]
    second.quantity = D(30)
    assert groups.after_fill(first, trade(first, 60)) == [End(second)]


def test_an_order_that_left_is_no_member() -> None:
    groups = Groups()
    first, second = (member(groups, n, oca_group="g", oca_type=1) for n in (1, 2))
    groups.leave(second)
    groups.leave(second)
    assert groups.after_fill(first, trade(first, 1)) == []


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


def test_a_parent_that_fills_releases_its_children() -> None:
    groups = Groups()
    parent, first, second = family(groups)
    assert groups.after_fill(parent, trade(parent, 40)) == []
    assert groups.after_fill(parent, trade(parent, 60)) == [Release(first), Release(second)]
    assert groups.after_fill(first, trade(first, 100)) == [End(second)]


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
