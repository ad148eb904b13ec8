"""The book lets go what is over for long, and answers for everything else as before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import (
    CON,
    SELL,
    T0,
    a_book,
    a_status,
    an_execution,
    an_intent,
    at,
    commissioned,
    executed,
    fill,
    planned,
    record,
    reviewed,
    work_bracket,
    work_order,
)
from trader.core import events as ev
from trader.core import request_events as rq
from trader.core.book import Book
from trader.core.checkpoint import restored, state_of
from trader.core.history_events import HistoryRetired
from trader.core.ids import ExecFamily, IntentId, OrderId, OrderRef, PermId, RunId, TicketId
from trader.core.retiring import retirable

D = Decimal
LATER = T0 + timedelta(days=9)
DAY_S = 86_400.0


def filled(book: Book, number: int = 1, **changes: Any) -> OrderId:
    """Have an order filled and paid at the start of the first day."""
    intent = an_intent(number, **changes)
    order = work_order(book, intent, number, seconds=number)
    told = executed(order, f"{number}.01.01", intent.quantity, side=intent.side)
    record(book, told, number)
    record(book, commissioned(f"{number}.01.01"), number)
    return order


def let_go(book: Book, days: float = 9, seconds: float = 10 * DAY_S) -> HistoryRetired | None:
    before_utc = T0 + timedelta(days=days)
    event = retirable(book, before_utc, before_utc)
    if event is not None:
        record(book, event, seconds)
    return event


def test_an_order_that_is_long_over_goes_with_all_that_is_its() -> None:
    book = a_book()
    intent = an_intent(1)
    filled(book)
    before = (dict(book.positions), dict(book.cash), book.holdings.rows(), book.results.earned())
    event = let_go(book)
    assert event == HistoryRetired(LATER, (intent.intent_id,), (OrderId(1),), (ExecFamily("1.01"),))
    kept = (book.intents, book.orders, book.fills, book.commissions, book.perm_ids)
    assert [len(one) for one in kept] == [0, 0, 0, 0, 0]
    after = (dict(book.positions), dict(book.cash), book.holdings.rows(), book.results.earned())
    assert after == before
    assert let_go(book) is None


def test_what_was_let_go_is_never_decided_or_booked_again() -> None:
    book = a_book()
    filled(book, 5)
    let_go(book)
    assert book.is_retired(an_intent(5).intent_id)
    assert book.is_retired(an_intent(4).intent_id), "nobody numbers backwards"
    assert not book.is_retired(an_intent(6).intent_id)
    assert not book.is_retired(IntentId("zzz999-alpha-1"))
    assert book.is_before_history(an_execution(5, "5.01.01"))
    assert book.is_before_history(an_execution(5, "5.01.02"))
    assert not book.is_before_history(an_execution(9, "9.01.01", time_utc=LATER))
    assert not book.is_before_history(an_execution(9, "9.01.01", time_utc=None))


def test_what_is_remembered_is_not_before_history() -> None:
    book = a_book()
    filled(book, 1)
    order = work_order(book, an_intent(2), 2)
    record(book, executed(order, "2.01.01", 4))
    event = let_go(book)
    assert event is not None
    assert event.orders == (OrderId(1),)
    assert not book.is_before_history(an_execution(2, "2.01.02"))
    assert not book.is_retired(an_intent(2).intent_id)


def working(book: Book) -> None:
    work_order(book, an_intent(1), 1)


def settling(book: Book) -> None:
    working(book)
    record(book, a_status(1, "Cancelled"))


def half_told(book: Book) -> None:
    filled(book)
    record(book, a_status(1, "Filled", filled=D(11)))


def named_by_a_key(book: Book) -> None:
    filled(book)
    record(book, rq.RequestReceived("k", "d", an_intent(1).intent_id, "me"))


def changed_under_a_key(book: Book) -> None:
    filled(book)
    record(book, rq.OrderRequestReceived("k", "d", OrderId(1), "me"))


def young(book: Book) -> None:
    filled(book)
    record(book, a_status(1, "Filled"), 9.5 * DAY_S)
    record(book, executed(1, "1.01.02", 9), 9.5 * DAY_S)


def in_dispute(book: Book) -> None:
    filled(book)
    record(book, ev.TicketOpened(TicketId("t"), "position", CON, "10 or 0", RunId("r")))


def of_another_time(book: Book) -> None:
    order = work_order(book, an_intent(1), 1)
    record(book, executed(order, "1.01.01", 10, time_utc=None))
    record(book, commissioned("1.01.01"))


@pytest.mark.parametrize(
    "life",
    [
        working, settling, half_told, named_by_a_key, changed_under_a_key, young,
        in_dispute, of_another_time,
    ],
)  # fmt: skip
def test_what_may_still_matter_stays(life: Any) -> None:
    book = a_book()
    life(book)
    assert retirable(book, LATER, LATER) is None


def test_an_order_that_was_cancelled_and_settled_goes_without_executions() -> None:
    book = a_book()
    settling(book)
    record(book, ev.OrderSettled(OrderId(1), D(0), "proof"))
    event = let_go(book)
    assert event is not None
    assert (event.orders, event.families) == ((OrderId(1),), ())
    assert book.past.before_utc is None, "no execution left the book"


def test_a_strangers_trade_goes_by_its_age() -> None:
    book = a_book()
    nobody = {"order_ref": OrderRef(""), "perm_id": PermId(7), "side": SELL}
    record(book, executed(77, "8.01.01", 1, **nobody))
    assert retirable(book, T0, T0) is None
    event = let_go(book)
    assert event is not None
    assert event.families == (ExecFamily("8.01"),)


def test_a_commission_that_never_came_is_expected_no_longer() -> None:
    book = a_book()
    record(book, executed(work_order(book, an_intent(1), 1), "1.01.01", 10))
    assert book.uncommissioned == {"1.01": 10}
    assert let_go(book) is not None
    assert book.uncommissioned == {}
    assert restored(state_of(book)).workings == book.workings


def test_what_keys_name_stands_in_nobodys_way() -> None:
    book = a_book()
    for number in range(1, 1_101):
        intent = an_intent(number)
        record(book, reviewed(intent, "LIMIT"), 1)
        record(book, rq.RequestReceived(f"k{number}", "d", intent.intent_id, "me"), 1)
    filled(book, 2_000)
    event = let_go(book)
    assert event is not None
    assert event.orders == (OrderId(2_000),)


def test_a_refused_intent_goes_by_an_age_of_its_own() -> None:
    book = a_book()
    record(book, reviewed(an_intent(1), "LIMIT"), 5)
    early, late = T0 + timedelta(seconds=5), T0 + timedelta(seconds=6)
    assert retirable(book, T0, early) is None
    event = retirable(book, T0, late)
    assert event == HistoryRetired(T0, (an_intent(1).intent_id,), (), ())
    record(book, event, 10)
    assert book.is_retired(an_intent(1).intent_id)


def test_an_intent_that_is_approved_and_has_no_order_yet_stays_for_that_long() -> None:
    book = a_book()
    record(book, reviewed(an_intent(1)), 5)
    assert retirable(book, LATER, T0) is None
    record(book, planned(an_intent(1), 1), 5)
    assert retirable(book, LATER, LATER) is None, "it may leave at any moment"


@given(st.integers(0, 2_500))
def test_however_much_there_is_it_goes_a_little_at_a_time(count: int) -> None:
    book = a_book()
    for number in range(1, count + 1):
        record(book, reviewed(an_intent(number), "LIMIT"), 1)
    turns = 0
    while (event := let_go(book)) is not None:
        turns += 1
        assert len(event.intents) <= 200
    assert book.intents == {}
    assert turns == -(-count // 200)


def test_the_past_grows_only_forward() -> None:
    book = a_book()
    filled(book, 3)
    let_go(book)
    filled(book, 4)
    early = retirable(book, T0 + timedelta(days=2), T0)
    assert early is not None
    record(book, replace(early, intents=(an_intent(4).intent_id,)), 11 * DAY_S)
    assert book.past.before_utc == LATER
    assert at(0) == T0


def test_a_bracket_goes_when_none_of_it_can_trade() -> None:
    book = a_book()
    work_bracket(book)
    fill(book, 1, 10)
    late = at(30 * 86_400)
    assert retirable(book, late, late) is None, "its legs may still fill"
    fill(book, 3, 10)
    record(book, a_status(2, "Cancelled"))
    assert retirable(book, late, late) is None, "what is left of the profit has not settled"
    record(book, ev.OrderSettled(OrderId(2), Decimal(0), "test"))
    found = retirable(book, late, late)
    assert found is not None
    assert found.orders == (1, 2, 3)
