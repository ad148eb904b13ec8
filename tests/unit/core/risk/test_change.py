"""The review of a change: what is to be, beside everything but what is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    CON,
    SELL,
    a_book,
    an_instrument,
    an_intent,
    executed,
    given,
    record,
    work_order,
)
from trader.core.book import Book
from trader.core.ids import OrderId
from trader.core.orders import Order
from trader.core.risk import Approved, Refused
from trader.core.risk.change import Revision, is_less, review_change, revised, wanted_terms

D = Decimal


def working(book: Book | None = None, **changes: Any) -> tuple[Book, Order]:
    book = book or a_book()
    work_order(book, an_intent(**changes))
    return book, book.orders[OrderId(1)]


@pytest.mark.parametrize(
    ("revision", "less_of_a_buy", "less_of_a_sale"),
    [
        (Revision(quantity=D(9)), True, True),
        (Revision(quantity=D(11)), False, False),
        (Revision(limit_price=D(99)), True, False),
        (Revision(limit_price=D(101)), False, True),
        (Revision(quantity=D(9), limit_price=D(101)), False, True),
        (Revision(stop_price=D(90)), False, False),
    ],
)
def test_less_is_neither_larger_nor_bolder_nor_triggered_elsewhere(
    revision: Revision, less_of_a_buy: bool, less_of_a_sale: bool
) -> None:
    assert is_less(working()[1], revision) is less_of_a_buy
    assert is_less(working(a_book(held=20), side=SELL)[1], revision) is less_of_a_sale


def test_what_has_filled_is_not_reviewed_again_and_stays_in_the_whole() -> None:
    book, _ = working()
    record(book, executed(quantity=4))
    order = book.orders[OrderId(1)]
    revision = Revision(quantity=D(12))
    assert revised(order, revision).quantity == 8
    verdict = review_change(order, revision, given(book))
    assert isinstance(verdict, Approved)
    assert wanted_terms(order, verdict).quantity == 12


def test_the_reserve_is_that_of_the_new_price() -> None:
    book, order = working()
    verdict = review_change(
        order, Revision(limit_price=D("99.5")), given(book, instrument=an_instrument())
    )
    assert isinstance(verdict, Approved)
    assert wanted_terms(order, verdict).reserve_per_unit == D("99.5")


def test_the_order_as_it_is_does_not_work_beside_the_order_as_it_is_to_be() -> None:
    book, order = working()
    assert isinstance(review_change(order, Revision(quantity=D(11)), given(book)), Approved)
    assert book.workings.of(CON).buys == 10
    assert order.remaining == 10


def test_less_needs_no_quote_and_more_does() -> None:
    book, order = working()
    less = review_change(order, Revision(quantity=D(9)), given(book, quote=None))
    more = review_change(order, Revision(quantity=D(11)), given(book, quote=None))
    assert isinstance(less, Approved)
    assert isinstance(more, Refused)
    assert more.code == "QUOTE_UNUSABLE"


def test_less_must_still_be_an_order() -> None:
    book, order = working()
    verdict = review_change(order, Revision(quantity=D("9.5")), given(book))
    assert isinstance(verdict, Refused)
    assert verdict.code == "QUANTITY_OFF_INCREMENT"


def test_counts_of_orders_do_not_concern_a_change() -> None:
    book, order = working()
    verdict = review_change(order, Revision(quantity=D(11)), given(book))
    codes = {row.code for row in verdict.checks}
    assert {"MESSAGE_RATE", "CASH_RESERVE", "PRICE_COLLAR"} <= codes
    assert not {"ORDER_RATE", "DAILY_TRADES", "DUPLICATE_PATTERN", "CHURN"} & codes
