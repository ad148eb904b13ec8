"""A strategy holds what it traded, as far as the account still has it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    CON,
    OTHER_CON,
    SELL,
    a_book,
    an_intent,
    baselined,
    executed,
    record,
    work_order,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.holdings import Holdings, Owned
from trader.core.ids import ClientId, ConId, OrderRef, PermId, StrategyName, TicketId
from trader.core.intents import Side
from trader.core.results import OPERATOR
from trader.core.ticket_events import TradeBooked

D = Decimal
A, B = StrategyName("alpha"), StrategyName("beta")
MOVES = st.lists(
    st.tuples(st.sampled_from([A, B, None]), st.integers(-20, 20).filter(bool)), max_size=30
)


def of(book: Book, strategy: StrategyName = A, con_id: ConId = CON) -> Decimal:
    return book.holdings.of(strategy, con_id, book.position_of(con_id))


def a_stranger(side: Side, quantity: int, number: int = 1) -> ev.ExecutionSeen:
    # Of another client's order, whose id means nothing here.
    nobody = {"order_ref": OrderRef(""), "client_id": ClientId(0), "perm_id": PermId(99)}
    return executed(77, f"9{number}.ff.01.01", quantity, side=side, **nobody)


@given(st.integers(-50, 50), MOVES)
def test_trades_of_others_take_what_the_account_does_not_hold_any_more(
    start: int, moves: list[tuple[StrategyName | None, int]]
) -> None:
    """Held against the same rule, said for one strategy at a time."""
    holdings, account = Holdings(), D(start)
    own = dict.fromkeys((A, B), D(0))
    for strategy, moved in moves:
        account += moved
        holdings.traded(strategy, CON, D(moved), account)
        for name, held in own.items():
            if name == strategy:
                own[name] = held + moved
            elif held > 0:
                own[name] = max(min(held, account), D(0))
            else:
                own[name] = min(max(held, account), D(0))
    rows = {(row.strategy, row.quantity) for row in holdings.rows()}
    assert rows == {(name, held) for name, held in own.items() if held}
    again = Holdings(holdings.rows())
    assert again == holdings
    for name, held in own.items():
        told = holdings.of(name, CON, account)
        assert abs(told) <= min(abs(held), abs(account))
        assert told * account >= 0


def test_an_instrument_that_nobody_holds_leaves_nothing_behind() -> None:
    holdings = Holdings([Owned(A, CON, D(5)), Owned(A, OTHER_CON, D(1))])
    holdings.traded(A, CON, D(-5), D(0))
    assert holdings.instruments() == (OTHER_CON,)
    holdings.capped(OTHER_CON, D(0))
    assert holdings == Holdings()
    holdings.capped(CON, D(3))
    assert holdings == Holdings()


def test_only_other_holdings_are_the_same() -> None:
    assert Holdings() != "nothing"


@pytest.mark.parametrize("strategy", [A, OPERATOR])
def test_what_a_strategys_order_trades_is_its_own_and_the_operators_is_nobodys(
    strategy: StrategyName,
) -> None:
    book = a_book(held=3)
    order = work_order(book, an_intent(strategy=strategy, quantity=D(10)))
    record(book, executed(order, quantity=10))
    assert of(book, strategy) == (10 if strategy is A else 0)
    assert of(book, B) == 0


def a_book_with(quantity: int) -> Book:
    book = a_book()
    order = work_order(book, an_intent(quantity=D(quantity)))
    record(book, executed(order, quantity=quantity))
    assert of(book) == quantity
    return book


def test_what_a_person_has_put_right_is_gone_for_good() -> None:
    """It is not the strategy's again when somebody buys the same thing later."""
    book = a_book_with(10)
    record(book, ev.PositionAdjusted(CON, "AAA", D(10), D(0), "sold elsewhere", "me"))
    record(book, a_stranger(BUY, 10))
    assert book.position_of(CON) == 10
    assert of(book) == 0


def test_what_a_person_says_was_sold_is_gone_for_good() -> None:
    book = a_book_with(10)
    booked = TradeBooked(
        TicketId("t"), CON, "AAA", D(-7), D(100), D(1), D(0), "USD", "by hand", "me"
    )
    record(book, booked)
    record(book, a_stranger(BUY, 7))
    assert of(book) == 3


def test_a_new_baseline_leaves_no_more_than_it_says() -> None:
    book = a_book_with(10)
    record(book, baselined(4))
    record(book, a_stranger(BUY, 6))
    assert of(book) == 4


def test_a_stranger_sells_first_what_is_nobodys() -> None:
    book = a_book(held=5)
    order = work_order(book, an_intent(quantity=D(10)))
    record(book, executed(order, quantity=10))
    record(book, a_stranger(SELL, 5))
    assert of(book) == 10
    record(book, a_stranger(SELL, 4, 2))
    assert of(book) == 6
