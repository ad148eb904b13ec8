"""What filled is held against what was decided, and nothing to compare is never agreement."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import a_book, note, plan_order, work_order
from tests.unit.core.factories import executed as execution_seen
from trader.core.book import Book
from trader.core.entries import Fill
from trader.core.halts import Mode
from trader.core.ids import ConId, OrderId
from trader.core.intents import Side
from trader.core.orders import Order
from trader.core.reports.content import Content, ReportStatus
from trader.core.reports.parity import ParityReport, differences_of, parity_content, slippage_of

Pair = tuple[Order, tuple[Fill, ...]]


def filled(**changes: Any) -> Pair:
    """Return an order that worked, and filled as the changes say."""
    book = a_book()
    work_order(book)
    note(book, execution_seen(**changes))
    return pair_of(book)


def pair_of(book: Book) -> Pair:
    return book.orders[OrderId(1)], tuple(book.fills.values())


def told(*pairs: Pair, mode: Mode = Mode.PAPER, before: int = 0) -> Content:
    return parity_content(pairs, mode, window_s=86_400, empty_before=before, empty_max=3)


def test_fills_that_are_as_approved_are_ok() -> None:
    content = told(filled())
    assert (content.status, content.alarms) == (ReportStatus.OK, ())
    assert isinstance(content.body, ParityReport)
    assert (content.body.filled_orders, content.body.fills) == (1, 1)
    assert told(filled(price=Decimal("99.5"), quantity=4)).status is ReportStatus.OK


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"price": Decimal("100.01")}, "filled at 100.01, its limit is 100"),
        ({"con_id": ConId(999), "symbol": "ZZZ"}, "filled as BUY ZZZ"),
        ({"side": Side.SELL}, "filled as SELL AAA"),
        ({"quantity": 11}, "11 filled of 10"),
    ],
)
def test_each_difference_is_found_and_called_for(changes: dict[str, Any], text: str) -> None:
    content = told(filled(**changes))
    assert content.status is ReportStatus.FAIL
    assert [alarm.title for alarm in content.alarms] == ["decisions and fills differ"]
    assert any(text in reason for reason in content.reasons), content.reasons


def test_a_sum_of_fills_that_is_not_the_orders_own_is_a_difference() -> None:
    order, fills = filled()
    assert differences_of(order, fills[:0], Mode.PAPER) == (
        "order 1: its fills make 0, it says 10",
    )


def test_an_order_that_left_in_a_mode_that_sends_none_is_a_difference() -> None:
    assert told(filled(), mode=Mode.SHADOW).status is ReportStatus.FAIL
    book = a_book()
    plan_order(book)
    assert differences_of(*pair_of(book), Mode.SHADOW) == ()


def test_nothing_to_compare_is_said_and_fails_after_so_many_looks() -> None:
    for before, status in ((0, "insufficient_data"), (2, "insufficient_data"), (3, "fail")):
        content = told(before=before)
        assert content.status == status
        # A quiet night is nobody's alarm.
        assert content.alarms == ()
        assert isinstance(content.body, ParityReport)
        assert content.body.insufficient_in_a_row == before + 1


def test_a_fill_ends_the_row_of_empty_looks() -> None:
    content = told(filled(), before=50)
    assert isinstance(content.body, ParityReport)
    assert (content.status, content.body.insufficient_in_a_row) == (ReportStatus.OK, 0)


def test_slippage_is_adverse_in_both_directions_and_unknown_without_a_reference() -> None:
    order, fills = filled()
    assert slippage_of(order, fills) is None
    for side, price, expected in (
        (Side.BUY, Decimal(101), Decimal("0.01")),
        (Side.SELL, Decimal(99), Decimal("0.01")),
        (Side.BUY, Decimal(99), Decimal("-0.01")),
    ):
        terms = replace(order.terms, side=side, reference_price=Decimal(100))
        fill = replace(fills[0], execution=replace(fills[0].execution, price=price, side=side))
        assert slippage_of(replace(order, terms=terms), (fill,)) == expected
    assert slippage_of(order, ()) is None
