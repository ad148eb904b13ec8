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
A, B, C = map(StrategyName, ("alpha", "beta", "gamma"))
MOVES = st.lists(
    st.tuples(st.sampled_from([A, B, C, None]), st.integers(-20, 20).filter(bool)), max_size=30
)


def of(book: Book, strategy: StrategyName = A, con_id: ConId = CON) -> Decimal:
    return book.holdings.of(strategy, con_id, book.position_of(con_id))


def a_stranger(side: Side, quantity: int, number: int = 1) -> ev.ExecutionSeen:
    # Of another client's order, whose id means nothing here.
    nobody = {"order_ref": OrderRef(""), "client_id": ClientId(0), "perm_id": PermId(99)}
    return executed(77, f"9{number}.ff.01.01", quantity, side=side, **nobody)


def shares(holdings: Holdings) -> dict[StrategyName, Decimal]:
    return {row.strategy: row.quantity for row in holdings.rows()}


@given(st.integers(-50, 50), MOVES)
def test_trades_of_others_take_what_the_account_does_not_hold_any_more_and_nothing_else(
    start: int, moves: list[tuple[StrategyName | None, int]]
) -> None:
    holdings, account = Holdings(), D(start)
    for strategy, moved in moves:
        before = shares(holdings)
        account += moved
        holdings.traded(strategy, CON, D(moved), account)
        after = shares(holdings)
        own = D(0)
        if strategy is not None:
            own = before.get(strategy, D(0)) + moved
            assert after.get(strategy, D(0)) == own
        sign = -1 if account < 0 else 1
        others = [name for name in (A, B, C) if name != strategy]
        had = [max(sign * before.get(name, D(0)), D(0)) for name in others]
        has = [sign * after.get(name, D(0)) for name in others]
        assert all(0 <= now <= then for now, then in zip(has, had, strict=True))
        room = abs(account) - max(sign * own, D(0))
        assert sum(has) == min(
            sum(had), max(room, D(0)), sum(min(one, abs(account)) for one in had)
        )
        told = [holdings.of(name, CON, account) for name in (A, B, C)]
        assert sum(map(abs, told)) <= abs(account)
        assert all(one * account >= 0 for one in told)
        assert Holdings(holdings.rows()) == holdings


def test_whoever_holds_most_gives_first() -> None:
    holdings = Holdings([Owned(B, CON, D(10)), Owned(A, CON, D(10)), Owned(C, CON, D(12))])
    holdings.capped(CON, D(22))
    assert shares(holdings) == {A: D(10), B: D(10), C: D(2)}
    holdings.capped(CON, D(19))
    assert shares(holdings) == {A: D(7), B: D(10), C: D(2)}
    shorts = Holdings([Owned(A, CON, D(-3)), Owned(B, CON, D(-10))])
    shorts.capped(CON, D(-11))
    assert shares(shorts) == {A: D(-3), B: D(-8)}


def test_what_others_hold_is_added_up() -> None:
    holdings = Holdings([Owned(A, CON, D(5)), Owned(B, CON, D(3)), Owned(C, OTHER_CON, D(9))])
    assert [holdings.of_others(name, CON) for name in (A, B, C)] == [3, 5, 8]
    assert holdings.of_others(A, ConId(999)) == 0


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
    assert Holdings([Owned(A, CON, D(1))]) != Holdings()


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
