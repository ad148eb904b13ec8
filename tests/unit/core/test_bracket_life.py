"""What a bracket's legs count for, and what is wrong with one; whatever fills in which order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from tests.unit.core.factories import (
    CON,
    SELL,
    a_book,
    a_bracket,
    a_status,
    fill,
    plan_bracket,
    record,
    work_bracket,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.bracket_life import FlawKind, alone, flaws, held, recounted, rooms
from trader.core.brackets import Membership
from trader.core.checkpoint import restored, state_of
from trader.core.ids import OrderId, RunId
from trader.core.intents import BracketTerms
from trader.core.orders import OrderState

D = Decimal
ENTRY, PROFIT, STOP = OrderId(1), OrderId(2), OrderId(3)


def a_working_bracket(filled: int = 0) -> tuple[Book, Membership]:
    book = a_book()
    place = work_bracket(book)
    if filled:
        fill(book, ENTRY, filled)
    return book, place


def left_of(book: Book) -> list[object]:
    """Return what the profit and the stop may still fill."""
    return [book.orders[PROFIT].remaining, book.orders[STOP].remaining]


def kinds(book: Book, place: Membership, *, is_stop_missing: bool = False) -> list[FlawKind]:
    return [row.kind for row in flaws(book.orders, place, is_stop_missing=is_stop_missing)]


def end(book: Book, order_id: OrderId, status: str = "Cancelled") -> None:
    record(book, a_status(order_id, status))


def settle(book: Book, order_id: OrderId) -> None:
    record(book, ev.OrderSettled(order_id, book.orders[order_id].filled, "test"))


# ---- how much they count


def test_before_the_entry_fills_the_legs_count_for_nothing() -> None:
    book, place = a_working_bracket()
    assert left_of(book) == [0, 0]
    assert book.workings.of(CON).sells == 0
    assert book.workings.of(CON).buys == 10
    assert rooms(book.orders, place) == {STOP: 0, PROFIT: 0}


@pytest.mark.parametrize("filled", [1, 4, 10])
def test_what_the_entry_has_filled_counts_once(filled: int) -> None:
    book, place = a_working_bracket(filled)
    assert left_of(book) == [0, filled]
    assert book.workings.of(CON).sells == filled
    assert held(book.orders, place) == filled


def test_what_a_leg_has_filled_is_not_held_any_more() -> None:
    book, place = a_working_bracket(10)
    fill(book, PROFIT, 4)
    assert left_of(book) == [0, 6]
    assert held(book.orders, place) == 6
    assert book.workings.of(CON).sells == 6


def test_the_profit_counts_for_what_the_stop_does_not() -> None:
    book, _ = a_working_bracket(10)
    fill(book, STOP, 4)
    end(book, STOP)
    assert left_of(book) == [0, 6], "what is left of a cancelled stop may still have filled"
    settle(book, STOP)
    assert left_of(book) == [6, 0]


def test_a_profit_behind_its_stop_still_trades_with_others() -> None:
    book, _ = a_working_bracket()
    assert book.workings.of(CON).asks == (D(110),)
    fill(book, ENTRY, 10)
    assert book.workings.of(CON).asks == (D(110),)
    end(book, PROFIT)
    assert book.workings.of(CON).asks == ()


def test_a_leg_whose_entry_is_let_go_counts_in_full() -> None:
    book, place = a_working_bracket(10)
    fill(book, STOP, 4)
    orders = {key: row for key, row in book.orders.items() if key != ENTRY}
    assert held(orders, place) == 6
    assert held({STOP: book.orders[STOP]}, place) == 6
    assert held({}, place) == 0
    assert rooms(orders, place) == {STOP: 6, PROFIT: 0}
    assert rooms({PROFIT: book.orders[PROFIT]}, place) == {PROFIT: 10}


def test_what_does_not_change_is_not_stored_again() -> None:
    book, _ = a_working_bracket(10)
    assert recounted(book.orders, book.orders[ENTRY]) == ()
    plain = a_book()
    assert recounted(plain.orders, book.orders[ENTRY]) == ()


STEPS = st.lists(
    st.tuples(
        st.sampled_from([ENTRY, PROFIT, STOP]), st.sampled_from(["fill", "end", "settle"]),
        st.integers(1, 6),
    ),
    max_size=14,
)  # fmt: skip


@given_any(STEPS)
def test_the_legs_together_never_count_for_more_than_is_held(
    steps: list[tuple[OrderId, str, int]],
) -> None:
    book, place = a_working_bracket()
    for order_id, what, quantity in steps:
        order = book.orders[order_id]
        if what == "fill":
            fill(book, order_id, min(quantity, int(order.terms.quantity - order.filled)) or 1)
        elif what == "end":
            end(book, order_id)
        elif order.state in (OrderState.CANCELLED, OrderState.REJECTED):
            settle(book, order_id)
        there = max(held(book.orders, place), D(0))
        profit, stop = book.orders[PROFIT].remaining, book.orders[STOP].remaining
        open_legs = [book.orders[key] for key in (PROFIT, STOP) if not book.orders[key].is_settled]
        most = max((row.terms.quantity - row.filled for row in open_legs), default=D(0))
        assert profit + stop <= there
        assert profit + stop >= min(there, max(most, D(0))), "the larger counts, once"
        assert book.workings.of(CON).sells == profit + stop
        again = restored(state_of(book))
        assert again.workings == book.workings
        assert again.orders == book.orders


# ---- what is wrong


@pytest.mark.parametrize("filled", [0, 4, 10])
def test_a_whole_bracket_has_no_flaw(filled: int) -> None:
    book, place = a_working_bracket(filled)
    assert kinds(book, place) == []


def test_a_promised_bracket_has_no_flaw() -> None:
    book = a_book()
    assert kinds(book, plan_bracket(book)) == []


@pytest.mark.parametrize(
    ("status", "word"), [("Cancelled", "CANCELLED"), ("ApiCancelled", "CANCELLED")]
)
def test_an_entry_without_its_stop_is_to_be_cancelled(status: str, word: str) -> None:
    book, place = a_working_bracket()
    end(book, STOP, status)
    (flaw,) = flaws(book.orders, place, is_stop_missing=False)
    assert (flaw.kind, flaw.entry_id, flaw.order_id) == (FlawKind.NAKED_ENTRY, ENTRY, ENTRY)
    assert flaw.text == f"stop 3 is {word}"


def test_a_stop_that_no_list_shows_is_none() -> None:
    book, place = a_working_bracket()
    (flaw,) = flaws(book.orders, place, is_stop_missing=True)
    assert (flaw.kind, flaw.order_id) == (FlawKind.NAKED_ENTRY, ENTRY)
    assert flaw.text == "stop 3 is in no list of the broker's"
    fill(book, ENTRY, 10)
    assert kinds(book, place, is_stop_missing=True) == [], "its own absence is reconciled"


def test_a_stop_that_has_closed_a_part_ends_the_rest_of_the_entry() -> None:
    book, place = a_working_bracket(4)
    fill(book, STOP, 4)
    record(book, a_status(STOP, "Filled", filled=D(4)))
    assert book.orders[STOP].state is OrderState.FILLED
    assert kinds(book, place) == [FlawKind.NAKED_ENTRY]


def test_what_is_held_without_a_stop_is_told() -> None:
    book, place = a_working_bracket(10)
    end(book, STOP)
    (flaw,) = flaws(book.orders, place, is_stop_missing=False)
    assert (flaw.kind, flaw.order_id) == (FlawKind.NO_STOP, None)
    assert flaw.text == "10 AAA held, stop 3 is CANCELLED"


def test_a_stop_that_has_filled_is_missed_by_nobody() -> None:
    book, place = a_working_bracket(10)
    fill(book, STOP, 10)
    end(book, PROFIT)
    assert kinds(book, place) == []


def test_a_leg_with_nothing_to_close_is_to_be_cancelled() -> None:
    book, place = a_working_bracket()
    end(book, ENTRY)
    assert kinds(book, place) == [], "what is left of the entry may still have filled"
    settle(book, ENTRY)
    found = flaws(book.orders, place, is_stop_missing=False)
    assert {row.kind for row in found} == {FlawKind.NOTHING_TO_CLOSE}
    assert [row.order_id for row in found] == [STOP, PROFIT]
    end(book, STOP)
    assert [row.order_id for row in flaws(book.orders, place, is_stop_missing=False)] == [PROFIT]


def test_legs_that_have_both_filled_are_told() -> None:
    """INC-054's sibling: the broker's block did not hold."""
    book, place = a_working_bracket(10)
    fill(book, PROFIT, 10)
    fill(book, STOP, 3)
    found = flaws(book.orders, place, is_stop_missing=False)
    assert [row.kind for row in found] == [FlawKind.OVER_CLOSED, FlawKind.NOTHING_TO_CLOSE]
    assert found[0].text == "legs closed 3 more than the entry brought"
    assert found[0].order_id is None
    assert found[1].order_id == STOP
    assert book.position_of(CON) == -3


def test_of_what_is_let_go_nothing_is_told() -> None:
    book, place = a_working_bracket()
    end(book, STOP)
    for gone in (ENTRY, STOP):
        orders = {key: row for key, row in book.orders.items() if key != gone}
        assert flaws(orders, place, is_stop_missing=False) == ()


# ---- through the book


def test_a_leg_that_the_broker_made_smaller_is_whole_when_it_says_filled() -> None:
    """OCA type 2: what the profit has filled is taken off the stop."""
    book, _ = a_working_bracket(10)
    fill(book, PROFIT, 4)
    fill(book, STOP, 6)
    assert book.orders[STOP].state is OrderState.WORKING, "nobody has said so yet"
    record(book, a_status(STOP, "Filled", filled=D(6)))
    stop = book.orders[STOP]
    assert stop.state is OrderState.FILLED
    assert [stop.terms.quantity, stop.remaining] == [10, 0], "what was promised stays"
    assert book.orders[PROFIT].state is OrderState.WORKING


def test_a_short_bracket_buys_back_what_its_stop_may_cost() -> None:
    book = a_book()
    entry = a_bracket(side=SELL, bracket=BracketTerms(D(90), D(105)))
    work_bracket(book, entry)
    assert book.workings.of(CON).buys == 0
    fill(book, ENTRY, 10)
    working = book.workings.of(CON)
    assert working.buys == 10
    assert working.bids == (D(90),)


def test_an_absence_is_no_end() -> None:
    book, place = a_working_bracket()
    record(book, ev.OrderAbsentSeen(STOP, RunId("run-1")))
    assert STOP in book.absent_since
    assert kinds(book, place) == []


# ---- each by itself


def test_each_leg_by_itself_may_trade_what_is_held() -> None:
    """Where the stop goes, the profit fills for it, before that is settled."""
    book, _ = a_working_bracket()
    legs = [book.orders[PROFIT], book.orders[STOP]]
    assert [alone(book.orders, leg) for leg in legs] == [0, 0]
    fill(book, ENTRY, 6)
    legs = [book.orders[PROFIT], book.orders[STOP]]
    assert [alone(book.orders, leg) for leg in legs] == [6, 6]
    assert [leg.remaining for leg in legs] == [0, 6]
    fill(book, PROFIT, 2)
    assert [alone(book.orders, book.orders[key]) for key in (PROFIT, STOP)] == [4, 4]
    assert alone(book.orders, book.orders[ENTRY]) == 4
    fill(book, STOP, 5)
    assert [alone(book.orders, book.orders[key]) for key in (PROFIT, STOP)] == [0, 0]


def test_a_leg_by_itself_trades_no_more_than_its_size_and_nothing_once_it_is_over() -> None:
    book, _ = a_working_bracket(10)
    fill(book, PROFIT, 10)
    assert alone(book.orders, book.orders[PROFIT]) == 0
    book, _ = a_working_bracket(10)
    end(book, STOP)
    assert alone(book.orders, book.orders[STOP]) == 10
    settle(book, STOP)
    assert alone(book.orders, book.orders[STOP]) == 0


def test_what_a_stop_that_is_filled_leaves_has_none() -> None:
    book, place = a_working_bracket(4)
    fill(book, STOP, 4)
    record(book, a_status(STOP, "Filled", filled=4))
    assert book.orders[STOP].state is OrderState.FILLED
    assert kinds(book, place) == [FlawKind.NAKED_ENTRY]
    fill(book, ENTRY, 6)
    assert kinds(book, place) == [FlawKind.NO_STOP]
