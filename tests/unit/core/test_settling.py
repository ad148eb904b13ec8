"""What settles an order that is over, and what does not (INC-024)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    ACCOUNT,
    BUY,
    CON,
    OTHER_CON,
    SELL,
    T0,
    a_book,
    a_status,
    an_error,
    an_execution,
    an_intent,
    at,
    executed,
    record,
    work_order,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import AccountId, OrderId, RunId
from trader.core.orders import Order
from trader.core.settling import Proof, missed_executions, settling_words, why_unsettled

D = Decimal
ONE = OrderId(1)
WHOLE = Proof(age_s=5.0, window_utc=T0 - timedelta(hours=12), is_position_agreed=None)


def a_cancelled(filled: int = 0, said: int = 0) -> Book:
    book = a_book()
    work_order(book)
    if filled:
        record(book, executed(quantity=filled))
    record(book, a_status(status="Cancelled", filled=D(said)), 1)
    return book


def over(**changes: Any) -> Order:
    return replace(a_cancelled().orders[ONE], **changes)


@pytest.mark.parametrize("is_agreed", [None, True])
def test_a_complete_list_asked_for_long_enough_after_the_end_settles(is_agreed: bool) -> None:
    proof = replace(WHOLE, is_position_agreed=is_agreed)
    assert why_unsettled(over(filled=D(4), broker_filled=D(4)), proof, 5.0) == ""
    assert why_unsettled(over(filled=D(4), broker_filled=D(1)), proof, 5.0) == ""


@pytest.mark.parametrize(
    ("order", "proof", "problem"),
    [
        ({}, {"age_s": 4.99}, "asked for 5.0 s after its end, wanted are 5 s"),
        ({}, {"age_s": -1.0}, "asked for -1.0 s after its end, wanted are 5 s"),
        ({}, {"age_s": float("nan")}, "asked for nan s after its end, wanted are 5 s"),
        (
            {"filled": D(3), "broker_filled": D(4)},
            {"is_position_agreed": True},
            "the broker says 4 filled, its executions make 3",
        ),
        ({}, {"is_position_agreed": False}, "the broker's position is another one than the book's"),
        ({}, {"window_utc": at(2)}, "the list does not reach back to its end"),
        ({"changed_utc": None}, {}, "the list does not reach back to its end"),
    ],
)
def test_anything_less_leaves_it_unsettled(
    order: dict[str, Any], proof: dict[str, Any], problem: str
) -> None:
    assert why_unsettled(over(**order), replace(WHOLE, **proof), 5.0) == problem


def test_an_order_of_an_earlier_day_settles_where_the_positions_agree() -> None:
    late = replace(WHOLE, window_utc=at(2), is_position_agreed=True)
    assert why_unsettled(over(), late, 5.0) == ""


def test_the_newest_revision_of_each_missed_execution_counts() -> None:
    """INC-048, INC-137."""
    book = a_cancelled()
    rows = [
        an_execution(exec_id="a.01.02", quantity=3),
        an_execution(exec_id="a.01.01", quantity=4),
        an_execution(exec_id="b.01.01", quantity=1),
        replace(an_execution(exec_id="c.01.01"), account=AccountId("DU9")),
    ]
    record(book, ev.ExecutionSeen(rows[2]))
    (missed,) = missed_executions(book, ACCOUNT, rows).values()
    assert missed.execution == rows[0]


def test_what_settles_is_named_with_the_time_that_it_takes() -> None:
    book = a_cancelled(filled=4)
    words = settling_words(book, CON, BUY, at(3), 5.0)
    assert words == (
        "6 of it belongs to order 1, which is over and settling: it is free in about 4 s"
    )
    assert settling_words(book, CON, None, at(3), 5.0) == words
    assert settling_words(book, CON, SELL, at(3), 5.0) == ""
    assert settling_words(book, OTHER_CON, BUY, at(3), 5.0) == ""


def test_of_many_that_settle_the_first_are_named_and_the_others_counted() -> None:
    book = a_book()
    for number in range(1, 6):
        work_order(book, an_intent(number), number)
        record(book, an_error(ev.Evidence.CONFIRMS_CANCEL, number, 202))
    words = settling_words(book, CON, BUY, at(3), 5.0)
    assert words.startswith("50 of it belongs to order 1, 2, 3 and 2 more, which is over")


def test_what_should_be_free_by_now_waits_for_the_list() -> None:
    words = settling_words(a_cancelled(), CON, BUY, at(60), 5.0)
    assert words.endswith("it is free once the broker's list of executions is complete")


def test_no_time_is_promised_while_an_execution_is_owed() -> None:
    words = settling_words(a_cancelled(filled=2, said=6), CON, BUY, at(3), 5.0)
    assert words.endswith("over and settling: the broker says 6 filled, its executions make 2")


def test_nothing_is_said_where_nothing_settles() -> None:
    book = a_cancelled()
    record(book, ev.OrderSettled(ONE, D(0), "test"))
    work_order(book, an_intent(2), 2)
    assert settling_words(book, CON, None, at(3), 5.0) == ""


# ---- the book


def test_a_cancelled_order_settles_in_the_book_and_only_once() -> None:
    book = a_cancelled()
    assert ONE in book.settling
    assert [row.order_id for row in book.may_fill()] == [ONE]
    record(book, ev.OrderSettled(ONE, D(0), "test"))
    assert book.settling == {}
    assert book.may_fill() == ()
    # A stale word of the order says nothing of fills (INC-014, INC-034).
    record(book, a_status(status="Submitted"))
    assert book.settling == {}


def test_a_late_execution_makes_it_count_again_until_the_next_list() -> None:
    book = a_cancelled()
    record(book, ev.OrderSettled(ONE, D(0), "test"))
    record(book, executed(quantity=3))
    assert book.orders[ONE].remaining == 7
    assert book.workings.of(CON).buys == 7
    record(book, ev.OrderSettled(ONE, D(3), "test"))
    assert book.workings.of(CON).buys == 0


def test_an_order_proven_absent_is_settled_by_the_same_proof() -> None:
    book = a_book()
    work_order(book)
    record(book, ev.OrderProvenAbsent(ONE, run_id=RunId("b"), first_run_id=RunId("a")))
    assert book.orders[ONE].is_settled
    assert book.settling == {}


def test_settling_is_said_of_orders_that_are_over_alone() -> None:
    book = a_book()
    work_order(book)
    record(book, ev.OrderSettled(ONE, D(0), "test"))
    assert book.orders[ONE].remaining == 10
    record(book, ev.OrderSettled(OrderId(99), D(0), "test"))
    assert OrderId(99) not in book.orders
