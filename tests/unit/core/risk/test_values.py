"""An approval proves that the review made it, and an order cannot be made from another one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    CLIENT,
    SELL,
    a_book,
    an_id,
    an_instrument,
    an_intent,
    executed,
    given,
    record,
    terms_of,
    work_order,
)
from trader.core.book import Book
from trader.core.ids import OrderId, order_ref
from trader.core.orders import Order
from trader.core.risk import Approved, ApprovedOrder, review
from trader.core.risk.change import Revision, review_change
from trader.core.risk.values import ApprovedChange

D = Decimal


def test_an_approval_can_only_be_made_by_the_review() -> None:
    """CAP-03."""
    with pytest.raises(AssertionError, match="review only"):
        Approved(an_intent(), (), an_instrument(), D(100), object())


@pytest.mark.parametrize("change", [{"quantity": D(11)}, {"side": SELL}, {"intent_id": an_id(2)}])
def test_an_order_cannot_be_made_from_another_approval(change: dict[str, Any]) -> None:
    approval = review(an_intent(), given(a_book()))
    assert isinstance(approval, Approved)
    ref = order_ref(an_id())
    good = terms_of(an_intent())
    assert ApprovedOrder(approval, OrderId(1), CLIENT, ref, good).terms is good
    with pytest.raises(AssertionError):
        ApprovedOrder(approval, OrderId(1), CLIENT, ref, replace(good, **change))


def a_begun_order() -> tuple[Book, Order, Approved]:
    """Return an order of ten of which four have filled, and the approval of a change to twelve."""
    book = a_book()
    work_order(book)
    record(book, executed(quantity=4))
    order = book.orders[OrderId(1)]
    approval = review_change(order, Revision(quantity=D(12), limit_price=D(101)), given(book))
    assert isinstance(approval, Approved)
    return book, order, approval


def test_a_change_carries_the_terms_that_were_approved() -> None:
    _, order, approval = a_begun_order()
    terms = replace(order.terms, quantity=D(12), limit_price=D(101))
    assert ApprovedChange(approval, order, terms).terms is terms


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": D(8)},
        {"quantity": D(4)},
        {"limit_price": D(102)},
        {"stop_price": D(101)},
        {"intent_id": an_id(2)},
    ],
)
def test_a_change_cannot_be_made_from_another_approval(change: dict[str, Any]) -> None:
    _, order, approval = a_begun_order()
    terms = replace(order.terms, quantity=D(12), limit_price=D(101))
    with pytest.raises(AssertionError):
        ApprovedChange(approval, order, replace(terms, **change))


def test_a_change_is_of_the_order_that_was_reviewed() -> None:
    book, order, approval = a_begun_order()
    work_order(book, an_intent(2), 2)
    other = book.orders[OrderId(2)]
    with pytest.raises(AssertionError, match="another order"):
        ApprovedChange(approval, other, order.terms)
    with pytest.raises(AssertionError, match="another approval"):
        ApprovedChange(approval, other, other.terms)


def test_an_approval_names_the_instrument_that_was_reviewed() -> None:
    instrument = an_instrument(symbol="AAA")
    approval = review(an_intent(), given(a_book(), instrument=instrument))
    assert isinstance(approval, Approved)
    assert approval.instrument is instrument
    assert approval.reserve_per_unit == 100
