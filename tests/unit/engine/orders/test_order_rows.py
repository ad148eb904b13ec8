"""Pages of orders: newest first, none twice, none missing, however the ids lie."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import (
    LINEAGE,
    a_book,
    a_status,
    an_intent,
    executed,
    plan_order,
    record,
    send_order,
    work_order,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import Lineage, OrderId
from trader.core.journal_events import JournalRestored
from trader.engine.orders.order_rows import OrderRows


def a_book_of(ids: list[int]) -> Book:
    book = a_book()
    for order_id in ids:
        plan_order(book, an_intent(order_id), order_id)
    return book


@given(st.sets(st.integers(1, 60), max_size=20), st.integers(1, 7))
def test_pages_together_are_every_order_newest_first(ids: set[int], limit: int) -> None:
    rows = OrderRows(a_book_of(sorted(ids)))
    seen: list[int] = []
    before: int | None = None
    while page := rows.page(before, limit):
        assert len(page) <= limit
        seen += [row.order_id for row in page]
        before = seen[-1]
    assert seen == sorted(ids, reverse=True)


def test_an_id_beyond_all_orders_starts_at_the_newest() -> None:
    rows = OrderRows(a_book_of([3, 9]))
    assert [row.order_id for row in rows.page(10**18, 5)] == [9, 3]
    assert rows.page(3, 5) == ()
    assert rows.page(1, 5) == ()


@pytest.mark.timeout(20)
def test_a_gap_of_millions_of_ids_costs_nothing() -> None:
    """A restore jumps by ten million, and a gateway may propose any id."""
    book = a_book_of([3, 9])
    plan_order(book, an_intent(10), 2_000_000_000)
    record(
        book,
        JournalRestored(
            Lineage("new001"), (LINEAGE,), OrderId(2_100_000_000), "9:ab", "f", "", "lost", "ann"
        ),
    )
    rows = OrderRows(book)
    assert [row.order_id for row in rows.page(None, 5)] == [2_000_000_000, 9, 3]
    assert [row.order_id for row in rows.page(2_000_000_000, 1)] == [9]
    assert rows.page(3, 5) == ()


def test_an_empty_book_has_an_empty_page() -> None:
    assert OrderRows(a_book()).page(None, 5) == ()


def test_an_order_is_told_with_its_open_change_beside_what_is_confirmed() -> None:
    book = a_book()
    work_order(book)
    terms = book.orders[OrderId(1)].terms.changeable
    wanted = replace(terms, quantity=terms.quantity + 2, limit_price=Decimal("99.5"))
    record(book, ev.ModifyPlanned(OrderId(1), 1, wanted, "r"))
    row = OrderRows(book).one(1)
    assert row is not None
    assert (row.quantity, row.limit_price) == (terms.quantity, terms.limit_price)
    assert (row.change_number, row.change_state) == (1, "PLANNED")
    assert (row.desired_quantity, row.desired_limit_price) == (terms.quantity + 2, Decimal("99.5"))
    record(book, ev.ModifyWithheld(OrderId(1), 1, "halted"))
    row = OrderRows(book).one(1)
    assert row is not None
    assert (row.change_state, row.desired_quantity, row.desired_limit_price) == (
        "DROPPED", None, None,
    )  # fmt: skip


def test_an_order_that_is_over_is_to_hold_no_other_terms() -> None:
    book = a_book()
    work_order(book)
    wanted = replace(book.orders[OrderId(1)].terms.changeable, quantity=Decimal(99))
    record(book, ev.ModifyPlanned(OrderId(1), 1, wanted, "r"))
    record(book, ev.ModifySent(OrderId(1), 1))
    record(book, a_status(status="Cancelled"))
    row = OrderRows(book).one(1)
    assert row is not None
    assert (row.state, row.change_state, row.desired_quantity) == ("CANCELLED", "SENT", None)


def test_one_order_is_told_as_it_is() -> None:
    book = a_book()
    send_order(book)
    record(book, executed(quantity=4))
    row = OrderRows(book).one(1)
    assert row is not None
    assert (row.symbol, row.state) == ("AAA", "WORKING")
    assert (row.filled, row.average_price) == (Decimal(4), Decimal(100))
    assert row.quantity == Decimal(10)
    assert OrderRows(book).one(2) is None
