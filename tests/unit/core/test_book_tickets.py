"""What a person states moves the book as a trade or a payment does, and belongs to no strategy."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.unit.core.factories import (
    CON,
    OTHER_CON,
    T0,
    a_book,
    an_intent,
    executed,
    record,
    work_order,
)
from trader.core import events as ev
from trader.core.ids import RunId, TicketId
from trader.core.safety import Flow
from trader.core.ticket_events import CashBooked, TicketCounted, TicketIgnored, TradeBooked

D = Decimal
NAME = TicketId("r-position-AAA")
OPENED = ev.TicketOpened(NAME, "position", CON, "10 or 0", RunId("r"))


def a_trade(quantity: int, price: str = "100", **changes: Any) -> TradeBooked:
    values: dict[str, Any] = {
        "ticket_id": NAME, "con_id": CON, "symbol": "AAA", "quantity": D(quantity),
        "price": D(price), "multiplier": D(1), "commission": D(0), "currency": "USD",
        "reason": "by hand", "by": "me",
    }  # fmt: skip
    return TradeBooked(**values | changes)


def test_a_booked_sale_realises_its_result_and_moves_cash() -> None:
    book = a_book(held=10)
    record(book, a_trade(-4, "110", commission=D("1.50")))
    cost = book.positions[CON].average_price
    assert book.position_of(CON) == 6
    assert book.positions[CON].realized == (110 - cost) * 4
    assert book.cash["USD"] == D("100438.50")
    assert book.commission_paid["USD"] == D("1.50")
    assert book.safety.flows == (), "a trade is no flow"


def test_a_booked_sale_has_not_settled_and_counts_among_the_trades_of_the_day() -> None:
    book = a_book(held=10)
    record(book, a_trade(-4))
    assert book.sales.since("USD", T0) == 400
    assert book.strangers.since(T0) == 1


def test_what_was_not_held_comes_with_its_multiplier() -> None:
    book = a_book()
    record(book, a_trade(2, "10", con_id=OTHER_CON, multiplier=D(50)))
    assert book.positions[OTHER_CON].multiplier == 50
    assert book.cash["USD"] == 99_000


def test_a_booked_trade_closes_for_the_strategy_that_held_it_at_its_price() -> None:
    book = a_book()
    work_order(book)
    record(book, executed())
    strategy = an_intent().strategy
    record(book, a_trade(-10, "90"))
    assert list(book.results.held_by(strategy)) == []
    (earned,) = book.results.earned_by(strategy)
    assert earned.amount == -100
    record(book, a_trade(5, "90"))
    assert list(book.results.held_by(strategy)) == [], "what a person buys is no strategy's"


def test_a_booked_payment_is_a_flow_and_no_result() -> None:
    book = a_book()
    record(book, CashBooked(TicketId("r-cash-EUR"), "EUR", D(-7), "fee", "me"))
    assert book.cash["EUR"] == -7
    assert book.safety.flows == (Flow("EUR", D(-7)),)


def test_a_ticket_waits_until_it_counts_or_is_closed() -> None:
    until = T0 + timedelta(hours=1)
    for end in (TicketCounted(NAME, "over"), ev.TicketClosed(NAME, "seen", "me")):
        book = a_book()
        record(book, OPENED)
        record(book, TicketIgnored(NAME, until, "asked", "me"))
        (row,) = book.ignored.values()
        assert (row.since_utc, row.until_utc, row.by) == (T0, until, "me")
        record(book, end)
        assert book.ignored == {}
        assert (NAME in book.tickets) == isinstance(end, TicketCounted)


def test_a_closed_ticket_cannot_be_made_to_wait() -> None:
    book = a_book()
    record(book, TicketIgnored(NAME, T0 + timedelta(hours=1), "asked", "me"))
    assert book.ignored == {}
