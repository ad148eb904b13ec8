"""What is read of a book: orders by any of their names, positions by instrument."""

from __future__ import annotations

from tests.unit.core.factories import CLIENT, CON, OTHER_CON, a_book, a_status, an_id, work_order
from trader.core.book import Book
from trader.core.book_view import BookView
from trader.core.ids import ClientId, OrderId, OrderRef, PermId, order_ref


def test_a_book_is_its_own_view() -> None:
    assert isinstance(a_book(), BookView)
    assert not hasattr(BookView(), "apply")


def test_a_position_that_nobody_knows_is_flat() -> None:
    assert a_book(held=7).position_of(CON) == 7
    assert a_book(held=7).position_of(OTHER_CON) == 0


def test_an_order_is_found_by_each_of_its_names() -> None:
    book = a_book()
    work_order(book)
    order = book.orders[OrderId(1)]
    nobody = {"order_ref": OrderRef(""), "perm_id": PermId(0), "order_id": OrderId(0)}
    for name in ({"order_ref": order_ref(an_id(1))}, {"perm_id": PermId(9_001)}):
        assert book.find_order(**(nobody | name), client_id=ClientId(0)) is order  # type: ignore[arg-type]
    by_number = nobody | {"order_id": OrderId(1)}
    assert book.find_order(**by_number, client_id=CLIENT) is order  # type: ignore[arg-type]
    assert book.find_order(**by_number, client_id=ClientId(9)) is None  # type: ignore[arg-type]
    assert book.order_named(a_status(1)) is order
    assert book.order_of_intent(an_id(1)) is order
    assert book.order_of_intent(an_id(2)) is None


def test_an_empty_book_names_nobody() -> None:
    assert Book().order_named(a_status(1)) is None
