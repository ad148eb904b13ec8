"""An execution that is read late is booked once, whatever a person has done meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core import factories as make
from trader.core import events as ev
from trader.core.book import Book
from trader.core.executions import Commission, Execution
from trader.core.ids import ExecId, TicketId
from trader.core.late import contradiction, may_be_paid, movement, objection, paid_already
from trader.core.quarantine import Letter, broken
from trader.core.quarantine_events import MessageQuarantined
from trader.core.snapshots import BrokerSnapshot, PositionRow
from trader.core.ticket_events import CashBooked, TradeBooked

D = Decimal
EXECUTION = make.an_execution()
CON = EXECUTION.con_id
KEY = "abcdef012345"
SLACK = D(5)


def record(book: Book, event: ev.Event) -> None:
    make.record(book, event)


def a_book(*, is_baselined: bool = True) -> tuple[Book, Letter]:
    """Return a book with a letter that came after the baseline."""
    book = Book()
    record(book, ev.JournalOpened(make.LINEAGE))
    if is_baselined:
        record(book, baselined())
    fields = broken(["11", "x"], message_id=11, server_version=178, error="e").fields
    record(book, MessageQuarantined(KEY, 11, 178, fields, False, "e"))
    letter = book.quarantine.letter(KEY)
    assert letter is not None
    return book, letter


def baselined() -> ev.AccountBaselined:
    return ev.AccountBaselined(make.ACCOUNT, (), (("USD", D(100_000)),), (), "test")


def told(quantity: Decimal | int, cash: Decimal | int = 0) -> BrokerSnapshot:
    row = PositionRow(make.ACCOUNT, CON, "AAA", D(quantity), D(100))
    return BrokerSnapshot(
        account=make.ACCOUNT,
        started_utc=make.T0,
        finished_utc=make.T0,
        window_utc=make.T0,
        open_orders=(),
        completed_orders=(),
        executions=(),
        commissions=(),
        positions=(row,),
        cash={"USD": D(cash)},
        net_liquidation=None,
    )


def contradicted(book: Book, letter: Letter, snapshot: BrokerSnapshot, *others: Execution) -> str:
    together: Iterable[Execution] = (EXECUTION, *others)
    return contradiction(book, letter, EXECUTION, snapshot, together=together, slack=SLACK)


def test_nothing_stands_against_one_that_explains_the_difference() -> None:
    book, letter = a_book()
    assert objection(book, letter, EXECUTION) == ""
    assert contradicted(book, letter, told(EXECUTION.quantity)) == ""


def test_without_a_baseline_there_is_nothing_to_add_to() -> None:
    book, letter = a_book(is_baselined=False)
    assert "no baseline" in objection(book, letter, EXECUTION)


def test_what_came_before_the_baseline_is_in_it() -> None:
    book, letter = a_book(is_baselined=False)
    record(book, baselined())
    assert "contain it" in objection(book, letter, EXECUTION)


@pytest.mark.parametrize("how", ["adopted", "booked"])
def test_a_position_that_a_person_has_put_right_since_takes_no_more(how: str) -> None:
    book, letter = a_book()
    if how == "adopted":
        word: ev.Event = ev.PositionAdjusted(CON, "AAA", D(0), D(10), "seen", "ann")
    else:
        word = TradeBooked(
            TicketId("t"), CON, "AAA", D(10), D(100), D(1), D(0), "USD", "seen", "ann"
        )
    record(book, word)
    problem = objection(book, letter, EXECUTION)
    assert f"{how} by ann" in problem
    other = replace(EXECUTION, con_id=make.OTHER_CON)
    assert objection(book, letter, other) == ""


def test_an_adoption_that_changed_nothing_is_no_word_against_it() -> None:
    book, letter = a_book()
    record(book, ev.PositionAdjusted(CON, "AAA", D(0), D(0), "seen", "ann"))
    assert objection(book, letter, EXECUTION) == ""


@pytest.mark.parametrize("quantity", [0, -10, 4])
def test_one_that_does_not_lead_to_what_the_broker_holds_is_not_booked(quantity: int) -> None:
    book, letter = a_book()
    assert "does not explain it" in contradicted(book, letter, told(quantity))


def test_a_part_of_a_larger_difference_is_booked() -> None:
    book, letter = a_book()
    assert contradicted(book, letter, told(EXECUTION.quantity * 3)) == ""


def test_those_read_late_together_may_explain_what_none_does_alone() -> None:
    book, letter = a_book()
    sold = replace(EXECUTION, exec_id=ExecId("0002.aa.01.01"), side=make.SELL, quantity=D(6))
    left = EXECUTION.quantity - 6
    assert "does not explain it" in contradicted(book, letter, told(left))
    assert contradicted(book, letter, told(left), sold) == ""
    # A correction in the same lists replaces the first, it does not add.
    again = replace(sold, exec_id=ExecId("0002.aa.01.02"))
    assert contradicted(book, letter, told(left), sold, again) == ""


def test_a_correction_of_the_price_alone_moves_nothing_and_is_booked() -> None:
    book, letter = a_book()
    first = replace(EXECUTION, exec_id=ExecId("0001.aa.01.01"))
    record(book, ev.ExecutionSeen(first))
    second = replace(first, exec_id=ExecId("0001.aa.01.02"), price=D(99))
    assert movement(book, first) == 0
    assert movement(book, second) == 0
    held = told(first.quantity)
    problem = contradiction(book, letter, second, held, together=(second,), slack=SLACK)
    assert problem == ""


def test_cash_that_was_put_right_since_is_not_moved_again() -> None:
    book, letter = a_book()
    amount = EXECUTION.cash_change
    record(book, CashBooked(TicketId("t"), "USD", amount, "seen", "ann"))
    agreed = told(EXECUTION.quantity, book.cash["USD"])
    assert "the cash it moved was put right" in contradicted(book, letter, agreed)
    # A payment of something else leaves the difference of the trade.
    open_ = told(EXECUTION.quantity, book.cash["USD"] + amount)
    assert contradicted(book, letter, open_) == ""


PAID = Commission(EXECUTION.exec_id, D("1.25"), "USD")


def test_a_commission_may_be_in_cash_that_was_put_right_since_and_in_no_other() -> None:
    book, letter = a_book()
    assert not may_be_paid(book, letter, PAID)
    record(book, CashBooked(TicketId("t"), "EUR", D(1), "seen", "ann"))
    assert not may_be_paid(book, letter, PAID)
    record(book, CashBooked(TicketId("t"), "USD", D(1), "seen", "ann"))
    assert may_be_paid(book, letter, PAID)


def test_a_commission_of_before_the_baseline_may_be_in_it() -> None:
    book, letter = a_book()
    record(book, baselined())
    assert may_be_paid(book, letter, PAID)


@pytest.mark.parametrize(
    ("apart", "is_booked"),
    [("0", False), ("-1.25", True), ("-0.7", True), ("-0.5", False), ("1.25", False), ("-9", True)],
)
def test_a_commission_is_paid_where_that_leads_to_the_brokers_cash(
    apart: str, is_booked: bool
) -> None:
    book, letter = a_book()
    record(book, CashBooked(TicketId("t"), "USD", D(1), "seen", "ann"))
    problem = paid_already(book, letter, PAID, book.cash["USD"] + D(apart))
    assert (problem == "") is is_booked
    assert is_booked or "+1 booked by ann: seen" in problem


def test_without_the_brokers_cash_a_commission_is_not_paid_again() -> None:
    book, letter = a_book()
    record(book, baselined())
    assert "the baseline" in paid_already(book, letter, PAID, None)
