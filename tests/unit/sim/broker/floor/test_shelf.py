"""A quote concerns exactly the orders it reaches."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.broker.floors import aapl, make, quote
from tests.unit.sim.support import Bench
from trader.sim.broker.floor.shelf import Shelf, Watch

ITEM = aapl(Bench())
PLACES = st.lists(st.tuples(st.sampled_from(list(Watch)), st.integers(190, 210)), max_size=30)


def concerns(watch: Watch, level: Decimal, last: Decimal) -> bool:
    bid, ask = last - Decimal("0.01"), last + Decimal("0.01")
    match watch:
        case Watch.STOP_ABOVE:
            return last >= level
        case Watch.STOP_BELOW:
            return last <= level
        case Watch.SELL:
            return max(last, bid) >= level
        case Watch.BUY:
            return min(last, ask) <= level
        case Watch.ALWAYS:
            return True


@given(PLACES, st.integers(188, 212))
def test_due_orders_are_those_a_scan_would_find(places: list[tuple[Watch, int]], last: int) -> None:
    shelf = Shelf()
    for number, (watch, level) in enumerate(places):
        shelf.put(make(ITEM, number), watch, Decimal(level))
    due = [order.perm_id for order in shelf.due(quote(ITEM, str(last)))]
    wanted = [
        n for n, (w, level) in enumerate(places) if concerns(w, Decimal(level), Decimal(last))
    ]
    assert due == wanted


@given(PLACES, st.data())
def test_what_is_dropped_or_moved_is_nowhere_else(
    places: list[tuple[Watch, int]], data: st.DataObject
) -> None:
    shelf = Shelf()
    orders = [make(ITEM, number) for number in range(len(places))]
    for order, (watch, level) in zip(orders, places, strict=True):
        shelf.put(order, watch, Decimal(level))
    for order in orders:
        if data.draw(st.booleans()):
            shelf.put(order, Watch.BUY, Decimal(500))
        shelf.drop(order)
        shelf.drop(order)
    assert len(shelf) == 0
    assert shelf.due(quote(ITEM, "200")) == []


@given(PLACES, st.integers(188, 212), st.integers(0, 6), st.integers(0, 6))
def test_what_is_due_within_bounds_is_near_them(
    places: list[tuple[Watch, int]], low: int, width: int, beyond: int
) -> None:
    shelf = Shelf()
    for number, (watch, level) in enumerate(places):
        shelf.put(make(ITEM, number), watch, Decimal(level))
    high = low + width
    due = [bool(shelf.due(quote(ITEM, str(last)))) for last in range(low, high + 1)]
    # The sides of a quote lie a cent from its last price, within the bounds a little widened.
    assert shelf.is_near(Decimal(low) - 1, Decimal(high) + 1) or not any(due)
    if any(due):
        assert shelf.is_near(Decimal(low - beyond) - 1, Decimal(high + beyond) + 1)
