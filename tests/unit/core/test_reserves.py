"""What is set aside covers what the working orders may still cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.core.factories import (
    SELL,
    a_book,
    a_status,
    an_intent,
    commissioned,
    executed,
    plan_order,
    record,
    send_order,
    work_order,
)
from tests.unit.core.policies import a_policy
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import OrderId
from trader.core.reserves import pending_commission, reserved_cash


def reserved(book: Book) -> Decimal:
    return reserved_cash(book.live_orders.values(), a_policy().cash)


def test_an_empty_book_reserves_nothing() -> None:
    assert reserved(a_book()) == 0
    assert pending_commission(a_book(), a_policy().cash) == 0


def test_a_buy_reserves_its_worst_cost_and_commission_from_the_promise_on() -> None:
    """INC-037: two orders must not pass the same check on the same cash."""
    book = a_book()
    plan_order(book)
    assert reserved(book) == 10 * 100 + 1
    record(book, ev.OrderSent(OrderId(1)))
    assert reserved(book) == 10 * 100 + 1


def test_a_sell_reserves_its_commission_only() -> None:
    book = a_book(held=500)
    plan_order(book, an_intent(side=SELL, quantity=Decimal(500)))
    assert reserved(book) == 5


def test_a_partial_fill_reserves_what_remains_and_the_commission_not_yet_reported() -> None:
    book = a_book()
    work_order(book)
    record(book, executed(quantity=4))
    assert reserved(book) == 6 * 100 + 1
    assert pending_commission(book, a_policy().cash) == 1
    record(book, commissioned())
    assert pending_commission(book, a_policy().cash) == 0


@pytest.mark.parametrize(
    "event",
    [
        ev.CancelSent(OrderId(1), "test"),
        ev.OrderUnanswered(OrderId(1), "silence"),
        a_status(status="Inactive"),
        a_status(status="PendingCancel"),
    ],
)
def test_an_order_that_may_still_fill_stays_reserved(event: ev.Event) -> None:
    """INC-016, INC-044."""
    book = a_book()
    send_order(book)
    record(book, event)
    assert reserved(book) == 1_001


@pytest.mark.parametrize("event", [a_status(status="Cancelled"), executed(), executed(quantity=12)])
def test_a_finished_order_reserves_nothing(event: ev.Event) -> None:
    book = a_book()
    work_order(book)
    record(book, event)
    assert reserved(book) == 0


def test_every_order_is_reserved_by_itself() -> None:
    book = a_book()
    for number in (1, 2, 3):
        plan_order(book, order_id=number)
    assert reserved(book) == 3 * 1_001
