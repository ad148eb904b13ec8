"""What one strategy's orders may still do: each side by itself, and nothing once they are over."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.factories import (
    BUY,
    CON,
    OTHER_CON,
    SELL,
    STRATEGY,
    a_book,
    a_bracket,
    an_intent,
    fill,
    plan_order,
    record,
    work_bracket,
    work_order,
)
from trader.core import events as ev
from trader.core.ids import OrderId, StrategyName
from trader.core.in_flight import InFlight

D = Decimal
NOTHING = InFlight("USD")


def test_each_side_is_counted_by_itself() -> None:
    both = NOTHING.beside(BUY, D(3), D(300)).beside(SELL, D(2), D(220)).beside(BUY, D(1), D(90))
    assert both == InFlight("USD", D(4), D(2), D(390), D(220))
    assert (both.on(BUY), both.on(SELL)) == (D(4), D(2))
    assert not both.is_nothing
    assert NOTHING.is_nothing
    assert not NOTHING.beside(SELL, D(1), D(1)).is_nothing


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_order_counts_with_what_is_left_at_its_worst_price(side: object) -> None:
    book = a_book(held=20)
    work_order(book, an_intent(1, side=side))
    fill(book, 1, 4)
    order = book.orders[OrderId(1)]
    now = NOTHING.with_order(order, 1)
    assert now == NOTHING.beside(order.terms.side, D(6), D(600))
    assert now.with_order(order, -1) == NOTHING
    over = replace(order, filled=order.terms.quantity)
    assert NOTHING.with_order(over, 1) is NOTHING


def test_the_book_keeps_them_by_strategy_and_instrument() -> None:
    book, beta = a_book(), StrategyName("beta")
    plan_order(book, an_intent(1), 1)
    plan_order(book, an_intent(2, strategy=beta, con_id=OTHER_CON, quantity=D(3)), 2)
    plan_order(book, an_intent(3, quantity=D(5)), 3)
    workings = book.workings
    assert workings.of_strategy(STRATEGY) == {CON: InFlight("USD", buys=D(15), buys_value=D(1_500))}
    assert workings.of_strategy(beta) == {OTHER_CON: InFlight("USD", buys=D(3), buys_value=D(300))}
    assert workings.of_strategy(StrategyName("gamma")) == {}
    record(book, ev.OrderWithheld(OrderId(2), "test"))
    assert workings.by_strategy.keys() == {STRATEGY}
    record(book, ev.OrderWithheld(OrderId(1), "test"))
    assert workings.of_strategy(STRATEGY)[CON].buys == 5
    record(book, ev.OrderWithheld(OrderId(3), "test"))
    assert workings.by_strategy == {}


def test_beside_an_order_the_rest_is_a_copy() -> None:
    book = a_book()
    plan_order(book, an_intent(1), 1)
    plan_order(book, an_intent(2, quantity=D(3)), 2)
    rest = book.workings.without(book.orders[OrderId(1)], D(0))
    assert rest.of_strategy(STRATEGY)[CON].buys == 3
    assert book.workings.of_strategy(STRATEGY)[CON].buys == 13


def test_of_a_bracket_the_entry_counts_and_then_what_it_has_brought() -> None:
    book = a_book()
    work_bracket(book, a_bracket(1))
    in_flight = book.workings.of_strategy(STRATEGY)
    assert in_flight[CON] == InFlight("USD", buys=D(10), buys_value=D(1_000))
    fill(book, 1, 4)
    # One of the legs for both: whichever fills, the other gives way.
    assert (in_flight[CON].buys, in_flight[CON].sells) == (D(6), D(4))
