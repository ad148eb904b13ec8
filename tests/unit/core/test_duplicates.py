"""Two permIds under one order: both tracked, and one that is left of two as well."""

from __future__ import annotations

from tests.unit.core.factories import (
    CON,
    a_book,
    a_foreign_row,
    a_run,
    a_snapshot,
    a_status,
    an_open_row,
    record,
    repair,
    work_order,
)
from trader.core.drifts import DriftKind
from trader.core.duplicates import duplicated_orders, twins_in, twins_of
from trader.core.ids import OrderId, PermId
from trader.core.orders import OrderState
from trader.core.snapshots import BrokerSnapshot

ONE = OrderId(1)


def doubled_rows(*perm_ids: int, status: str = "Submitted") -> BrokerSnapshot:
    rows = tuple(an_open_row(perm_id=PermId(one), status=status) for one in perm_ids)
    return a_snapshot(open_orders=rows)


def test_an_order_with_two_perm_ids_is_a_ticket_at_first_sight_and_once() -> None:
    """INC-085."""
    book = a_book()
    work_order(book)
    snapshot = doubled_rows(9_001, 9_500)
    assert duplicated_orders(book, snapshot) == {ONE: (PermId(9_001), PermId(9_500))}
    first = repair(book, snapshot, a_run(book, 60))
    assert [ticket.kind for ticket in first.tickets] == [DriftKind.DUPLICATED]
    assert first.tickets[0].con_id == CON
    assert repair(book, snapshot, a_run(book, 90)).tickets == ()
    assert duplicated_orders(book, snapshot)


def test_one_that_is_left_of_two_is_still_a_duplicate() -> None:
    """INC-085: the cancel of one confirmed, and hours later the other filled."""
    book = a_book()
    work_order(book)
    repair(book, doubled_rows(9_001, 9_500), a_run(book, 60))
    record(book, a_status(status="Cancelled"))
    assert book.orders[ONE].state is OrderState.CANCELLED
    assert duplicated_orders(book, doubled_rows(9_500)) == {ONE: (PermId(9_500),)}
    assert duplicated_orders(book, doubled_rows(9_500, status="Cancelled")) == {}


def test_one_perm_id_told_twice_or_not_yet_is_no_duplicate() -> None:
    book = a_book()
    work_order(book)
    assert duplicated_orders(book, doubled_rows(9_001, 9_001, 0)) == {}
    foreign = a_snapshot(open_orders=(a_foreign_row(), an_open_row()))
    assert duplicated_orders(book, foreign) == {}


def test_what_lives_beside_ours_counts_like_an_order_of_others_until_it_is_gone() -> None:
    """INC-085: both exposures count, whatever becomes of the order that we know."""
    book = a_book()
    work_order(book)
    two = doubled_rows(9_001, 9_500)
    assert twins_of(book, two) == {PermId(9_500)}
    repair(book, two, a_run(book, 60))
    assert twins_in(book) == {PermId(9_500): ONE}
    ours, beside = book.workings.of(CON), book.workings.foreign_of(CON)
    assert ours.buys == beside.buys == book.orders[ONE].terms.quantity

    record(book, a_status(status="Cancelled"))
    # Whichever of them the cancel has ended: one lives and one counts.
    for left in (9_001, 9_500):
        assert twins_of(book, doubled_rows(left)) == {PermId(left)}
    repair(book, doubled_rows(9_001), a_run(book, 90))
    assert twins_in(book) == {PermId(9_001): ONE}
    assert book.workings.foreign_of(CON).buys == beside.buys

    repair(book, a_snapshot(), a_run(book, 120))
    assert twins_in(book) == {}
    assert book.workings.foreign_of(CON).buys == 0
