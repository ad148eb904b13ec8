"""A change of an order, as the book folds it: what the broker says decides, the worse counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.core.factories import (
    BUY,
    CON,
    RUN,
    SELL,
    a_book,
    a_status,
    an_echo,
    an_error,
    an_intent,
    executed,
    note,
    record,
    work_order,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.changes import ChangeState, ChangeTerms
from trader.core.ids import OrderId
from trader.core.orders import Order, OrderState

D = Decimal
ONE = OrderId(1)
UP = ChangeTerms(D(15), D(101), None, D(101))
DOWN = ChangeTerms(D(5), D(99), None, D(99))


def changing(wanted: ChangeTerms = UP, number: int = 1, book: Book | None = None) -> Book:
    """Return a book with a buy of 10 at 100 that works, and a change of it that left."""
    if book is None:
        book = a_book()
        work_order(book)
    record(book, ev.ModifyPlanned(ONE, number, wanted, "moved"))
    record(book, ev.ModifySent(ONE, number))
    return book


def shown(terms: ChangeTerms) -> ev.OpenOrderSeen:
    return an_echo(quantity=terms.quantity, limit_price=terms.limit_price)


def the_order(book: Book) -> Order:
    return book.orders[ONE]


def state_of(book: Book) -> ChangeState:
    change = the_order(book).change
    assert change is not None
    return change.state


def test_the_confirmed_terms_stay_until_the_broker_shows_the_new_ones() -> None:
    """INC-098."""
    book = changing()
    assert the_order(book).terms.quantity == 10
    assert not note(book, an_echo())
    assert state_of(book) is ChangeState.SENT
    assert note(book, shown(UP))
    assert state_of(book) is ChangeState.APPLIED
    assert the_order(book).terms.quantity == 15
    assert the_order(book).terms.limit_price == 101


@pytest.mark.parametrize(("wanted", "left", "value"), [(UP, 15, 1_515), (DOWN, 10, 1_000)])
def test_the_worse_of_both_counts_while_a_change_is_open(
    wanted: ChangeTerms, left: int, value: int
) -> None:
    book = changing(wanted)
    assert the_order(book).remaining == left
    assert book.workings.of(CON).buys == left
    assert book.workings.total("USD").buys_value == value
    record(book, ev.ModifyUnanswered(ONE, 1, "no answer"))
    assert book.workings.of(CON).buys == left
    note(book, shown(wanted))
    assert book.workings.of(CON).buys == wanted.quantity
    assert book.workings.of(CON).bids == (wanted.limit_price,)


def test_of_a_sale_the_lower_limit_is_the_bolder() -> None:
    book = a_book(held=20)
    work_order(book, an_intent(side=SELL))
    changing(DOWN, book=book)
    assert book.workings.of(CON).asks == (D(99),)
    assert the_order(book).boldest_limit == 99


def test_of_a_purchase_the_higher_limit_is_the_bolder() -> None:
    assert changing(DOWN).workings.of(CON).bids == (D(100),)
    assert changing(UP).workings.of(CON).bids == (D(101),)


def test_a_refused_change_leaves_the_order_working_as_it_was() -> None:
    """INC-015."""
    book = changing()
    record(book, an_error(ev.Evidence.REJECTS_NEW, code=110, text="price variation"))
    assert state_of(book) is ChangeState.DROPPED
    assert the_order(book).state is OrderState.WORKING
    assert the_order(book).remaining == 10
    change = the_order(book).change
    assert change is not None
    assert change.note == "110 price variation"


@pytest.mark.parametrize("evidence", [ev.Evidence.UNCLEAR, ev.Evidence.REFUSES_CANCEL])
def test_an_error_that_proves_nothing_makes_the_change_uncertain(evidence: ev.Evidence) -> None:
    """INC-134."""
    book = changing()
    record(book, an_error(evidence, code=135))
    assert state_of(book) is ChangeState.UNCERTAIN
    assert the_order(book).state is OrderState.WORKING
    assert the_order(book).remaining == 15


def test_an_error_about_a_cancel_is_not_taken_for_the_change() -> None:
    book = changing()
    record(book, ev.CancelSent(ONE, "x"))
    record(book, an_error(ev.Evidence.REFUSES_CANCEL, code=161))
    assert state_of(book) is ChangeState.SENT
    assert the_order(book).state is OrderState.WORKING


def test_a_change_that_was_withheld_counts_no_more_and_cannot_have_held() -> None:
    book = a_book()
    work_order(book)
    record(book, ev.ModifyPlanned(ONE, 1, UP, "moved"))
    assert the_order(book).remaining == 15
    record(book, ev.ModifyWithheld(ONE, 1, "halted"))
    assert the_order(book).remaining == 10
    record(book, ev.ModifySent(ONE, 1))
    assert state_of(book) is ChangeState.DROPPED


def test_snapshots_refute_only_what_is_uncertain() -> None:
    book = changing()
    record(book, ev.ModifyRefuted(ONE, 1, RUN))
    assert state_of(book) is ChangeState.SENT
    record(book, ev.ModifyUnanswered(ONE, 1, "no answer"))
    record(book, ev.ModifyRefuted(ONE, 1, RUN))
    assert state_of(book) is ChangeState.DROPPED


def test_what_was_refuted_and_is_shown_all_the_same_is_what_the_broker_holds() -> None:
    book = changing()
    record(book, ev.ModifyUnanswered(ONE, 1, "no answer"))
    record(book, ev.ModifyRefuted(ONE, 1, RUN))
    assert note(book, shown(UP))
    assert the_order(book).terms.quantity == 15


def test_a_change_that_was_shown_and_taken_back_is_uncertain_again() -> None:
    book = changing()
    note(book, shown(UP))
    assert note(book, an_echo())
    assert state_of(book) is ChangeState.UNCERTAIN
    assert the_order(book).terms.quantity == 10
    assert the_order(book).remaining == 15


def test_a_step_of_an_earlier_change_changes_nothing() -> None:
    book = changing()
    note(book, shown(UP))
    changing(DOWN, 2, book)
    record(book, ev.ModifyUnanswered(ONE, 1, "late"))
    assert state_of(book) is ChangeState.SENT


def test_only_one_change_is_open_at_a_time_and_numbers_are_dense() -> None:
    book = changing()
    with pytest.raises(AssertionError, match="open change"):
        record(book, ev.ModifyPlanned(ONE, 2, DOWN, "x"))
    book = changing()
    note(book, shown(UP))
    with pytest.raises(AssertionError, match="change 3, expected 2"):
        record(book, ev.ModifyPlanned(ONE, 3, DOWN, "x"))


# ---- fills


def test_a_fill_beyond_the_confirmed_quantity_proves_the_change() -> None:
    book = changing()
    record(book, executed(quantity=12))
    assert state_of(book) is ChangeState.APPLIED
    assert the_order(book).state is OrderState.WORKING
    assert the_order(book).remaining == 3


def test_an_order_whose_growth_is_open_is_not_over_when_its_old_size_has_filled() -> None:
    book = changing()
    record(book, executed(quantity=10))
    assert the_order(book).state is OrderState.WORKING
    assert book.workings.of(CON).buys == 5
    record(book, an_error(ev.Evidence.REJECTS_NEW, code=201, text="no"))
    assert the_order(book).state is OrderState.FILLED
    assert book.workings.of(CON).buys == 0


@pytest.mark.parametrize("fill_first", [True, False])
def test_the_brokers_word_that_all_is_filled_ends_it_whichever_comes_first(
    fill_first: bool,
) -> None:
    book = changing()
    words: list[ev.Event] = [executed(quantity=10), a_status(status="Filled", filled=D(10))]
    for word in words if fill_first else reversed(words):
        note(book, word)
    assert the_order(book).state is OrderState.FILLED


def test_a_word_of_more_filled_than_is_booked_does_not_end_it() -> None:
    book = changing()
    record(book, executed(quantity=10))
    note(book, a_status(status="Filled", filled=D(15)))
    assert the_order(book).state is OrderState.WORKING
    assert the_order(book).remaining == 5


def test_a_change_to_what_has_filled_meanwhile_completes_the_order() -> None:
    book = changing(DOWN)
    record(book, executed(quantity=5))
    assert the_order(book).state is OrderState.WORKING
    note(book, shown(DOWN))
    assert the_order(book).state is OrderState.FILLED


def test_each_change_counts_as_an_act_of_its_order() -> None:
    book = changing()
    since = the_order(book).planned_utc
    assert book.acts.count(since, ("modify", "order", ONE)) == 1
    assert book.acts.count(since, ("message",)) == 2
    assert BUY is the_order(book).terms.side


@pytest.mark.parametrize("is_refused", [False, True])
def test_filled_of_just_what_a_change_asked_for_proves_the_change(is_refused: bool) -> None:
    """A change to less that nobody echoed: the order is over, at the size it was given."""
    book = changing(DOWN)
    if is_refused:
        record(book, an_error(ev.Evidence.REJECTS_NEW))
    record(book, a_status(status="Filled", filled=D(5), remaining=D(0)))
    assert the_order(book).state is OrderState.WORKING
    record(book, executed(quantity=5))
    assert the_order(book).state is OrderState.FILLED
    assert state_of(book) is ChangeState.APPLIED
    assert the_order(book).terms.quantity == 5


@pytest.mark.parametrize(("filled", "said"), [(4, 4), (5, 6), (6, 6)])
def test_filled_of_anything_else_proves_nothing(filled: int, said: int) -> None:
    book = changing(DOWN)
    record(book, executed(quantity=filled))
    record(book, a_status(status="Filled", filled=D(said), remaining=D(0)))
    assert the_order(book).state is OrderState.WORKING
    assert state_of(book) is ChangeState.SENT
