"""A bracket on the local market: its legs close what the entry has brought, and no more."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.brackets import Membership, Role
from trader.core.ids import ConId, OrderId
from trader.core.intents import OrderType, Side, TimeInForce
from trader.core.local_groups import LocalGroup
from trader.core.matching import Resting

D = Decimal
ENTRY, PROFIT, STOP = OrderId(1), OrderId(2), OrderId(3)
PLACE = Membership(Role.ENTRY, ENTRY, PROFIT, STOP, "group")


def order(order_id: OrderId, filled: int = 0, **changes: object) -> Resting:
    side = Side.BUY if order_id == ENTRY else Side.SELL
    made = Resting(
        order_id, ConId(1), side, D(10), OrderType.LIMIT, TimeInForce.DAY, filled=D(filled)
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def group(held: int = 0, *, is_entry_over: bool = False) -> LocalGroup:
    return LocalGroup(PLACE, D(held), is_entry_over)


def test_legs_wait_for_their_entry() -> None:
    one = group()
    assert one.part(order(ENTRY), order(STOP)) == order(ENTRY)
    assert one.part(order(PROFIT), order(STOP)) is None
    assert one.part(order(STOP), order(STOP)) is None


def test_a_leg_is_as_large_as_what_is_held() -> None:
    one = group()
    one.filled(ENTRY, D(4))
    part = one.part(order(PROFIT), order(STOP))
    assert part is not None
    assert [part.quantity, part.remaining] == [4, 4]
    one.filled(PROFIT, D(3))
    stop, profit = one.part(order(STOP), None), one.part(order(PROFIT, 3), None)
    assert stop is not None
    assert profit is not None
    # What one of them fills is taken off the other.
    assert [stop.remaining, profit.remaining, profit.quantity] == [1, 1, 4]
    one.filled(ENTRY, D(6))
    whole = one.part(order(PROFIT, 3), None)
    assert whole is not None
    assert whole.remaining == 7


def test_beside_an_elected_stop_the_profit_fills_nothing() -> None:
    one, elected = group(10), order(STOP, is_elected=True)
    assert one.part(order(PROFIT), elected) is None
    assert one.part(elected, elected) == elected
    assert one.part(order(PROFIT), order(STOP)) == order(PROFIT)
    # A person has taken the stop away.
    assert one.part(order(PROFIT), None) == order(PROFIT)


@pytest.mark.parametrize(("held", "is_entry_over"), [(0, False), (4, False), (4, True)])
def test_while_something_is_held_or_may_come_it_is_not_over(held: int, is_entry_over: bool) -> None:
    one = group(held, is_entry_over=is_entry_over)
    assert not one.is_over
    assert not one.has_filled(order(PROFIT, 4))
    assert one.has_filled(order(PROFIT, 10))


def test_an_entry_that_ends_with_nothing_held_ends_it() -> None:
    one, other = group(), group()
    other.ended(PROFIT)
    assert not other.is_over
    one.ended(ENTRY)
    assert one.is_over
    # It closed the last of what an entry brought in part: it was sent for more.
    assert one.has_filled(order(PROFIT, 4))
    assert not one.has_filled(order(ENTRY, 4))


def test_legs_that_close_what_is_not_there_are_a_bug() -> None:
    with pytest.raises(AssertionError, match="closed what was not there"):
        group(3).filled(STOP, D(4))


@given(st.lists(st.tuples(st.sampled_from((ENTRY, PROFIT, STOP)), st.integers(1, 10)), max_size=30))
def test_in_whatever_order_they_fill_nothing_is_closed_twice(steps: list[tuple[int, int]]) -> None:
    one = group()
    rows = {key: order(key) for key in (ENTRY, PROFIT, STOP)}
    for key, wanted in steps:
        at = OrderId(key)
        if rows[at].remaining == 0:
            continue
        part = one.part(rows[at], rows[STOP])
        quantity = D(0) if part is None else min(part.remaining, D(wanted))
        if quantity:
            rows[at] = replace(rows[at], filled=rows[at].filled + quantity)
            one.filled(at, quantity)
            if one.has_filled(rows[at]):
                one.ended(at)
        assert one.held == rows[ENTRY].filled - rows[PROFIT].filled - rows[STOP].filled >= 0
        assert one.is_over == (rows[ENTRY].filled == 10 and one.held == 0)
