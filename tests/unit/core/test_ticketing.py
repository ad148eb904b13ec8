"""What a person states must explain the whole difference; then book and broker agree.

Properties: after a booked trade a comparison with the same snapshot finds no position, and cash
and position together are worth, at the stated price, what they were less the commission.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import (
    CON,
    a_book,
    a_position_row,
    a_run,
    a_snapshot,
    record,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.drifts import DriftKind
from trader.core.ids import RunId, TicketId
from trader.core.reconcile import diff
from trader.core.snapshots import BrokerSnapshot
from trader.core.ticket_events import CashBooked, TradeBooked
from trader.core.ticketing import (
    NOTHING_STATED,
    Stated,
    TicketVerb,
    Word,
    cash_booked,
    misfit,
    trade_booked,
    verbs_for,
)

D = Decimal
WORD = Word("by hand", "me")
TRADE = ev.TicketOpened(TicketId("r-position-AAA-101"), "position", CON, "10 or 0", RunId("r"))
CASH = ev.TicketOpened(TicketId("r-cash-USD"), "cash", None, "1 or 2", RunId("r"))
SLACK = D(1)


def told(quantity: int, cash: int = 100_000, multiplier: int = 1) -> BrokerSnapshot:
    row = replace(a_position_row(quantity), multiplier=D(multiplier))
    return a_snapshot(positions=(row,) if quantity else (), cash={"USD": D(cash)})


def a_trade(book: Book, snapshot: BrokerSnapshot, **stated: Any) -> TradeBooked | str:
    return trade_booked(book, TRADE, snapshot, Stated(**stated), "USD", WORD)


def a_payment(book: Book, snapshot: BrokerSnapshot, amount: Decimal | int) -> CashBooked | str:
    stated = Stated(amount=D(amount), currency="USD")
    return cash_booked(book, CASH, snapshot, stated, SLACK, WORD)


# ---- which verb fits


@pytest.mark.parametrize("kind", list(DriftKind))
def test_every_kind_can_be_adopted_and_says_what_that_does(kind: DriftKind) -> None:
    fitting = verbs_for(kind, CON)
    assert all(fitting.values())
    assert TicketVerb.ADOPT in fitting
    assert (TicketVerb.BOOK in fitting) == (kind in (DriftKind.POSITION, DriftKind.CASH))
    assert (TicketVerb.FLATTEN in fitting) == (kind is DriftKind.POSITION)


def test_a_kind_of_a_later_version_can_be_adopted_and_no_more() -> None:
    assert list(verbs_for("unheard_of", None)) == [TicketVerb.ADOPT]


@pytest.mark.parametrize("kind", [DriftKind.CASH, DriftKind.RESULT])
def test_a_ticket_about_no_instrument_cannot_wait_and_says_why(kind: DriftKind) -> None:
    assert TicketVerb.IGNORE not in verbs_for(kind, None)
    refused = misfit(replace(CASH, kind=kind), TicketVerb.IGNORE)
    assert "nothing but the halt guards against it" in refused
    assert "allowed: adopt" in refused


def test_a_verb_that_does_not_fit_names_those_that_do() -> None:
    ticket = replace(TRADE, kind=DriftKind.ORDER_GHOST)
    assert misfit(ticket, TicketVerb.BOOK) == (
        "book does not fit a ticket of the kind order_ghost; allowed: adopt, ignore-until"
    )
    assert misfit(ticket, TicketVerb.ADOPT) == ""


def test_the_runbook_tells_the_same_of_every_kind_that_can_be_a_ticket() -> None:
    text = (Path(__file__).resolve().parents[3] / "RUNBOOK.md").read_text(encoding="utf-8")
    table = re.search(r"\| kind \| `adopt`.*?\n((?:\|.*\n)+)", text)
    assert table is not None
    told = {}
    for line in table[1].splitlines()[1:]:
        kinds, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        for kind in re.findall(r"`(\w+)`", kinds):
            fits = zip(TicketVerb, cells, strict=True)
            told[kind] = [verb for verb, cell in fits if cell != "no"]
    of_none = (DriftKind.CASH, DriftKind.RESULT)
    assert told == {
        kind: list(verbs_for(kind, None if DriftKind(kind) in of_none else CON)) for kind in told
    }
    assert {DriftKind.POSITION, DriftKind.ORDER_ABSENT, *of_none} <= told.keys()


# ---- a trade


@given(
    held=st.integers(-20, 20),
    quantity=st.integers(-20, 20).filter(bool),
    price=st.decimals("0", "500", places=2),
    commission=st.decimals("0", "5", places=2),
    multiplier=st.sampled_from([1, 50]),
)
def test_a_booked_trade_leaves_no_difference_and_conserves_what_is_held(
    held: int, quantity: int, price: Decimal, commission: Decimal, multiplier: int
) -> None:
    book = a_book(held=0)
    if held:
        adjusted = ev.PositionAdjusted(CON, "AAA", D(0), D(held), "x", "me", D(90), D(multiplier))
        record(book, adjusted)
    record(book, TRADE)
    snapshot = told(held + quantity, multiplier=multiplier)
    before = book.cash["USD"] + held * price * multiplier
    realized = book.positions[CON].realized if held else D(0)
    result = book.positions[CON].unrealized(price) if held else D(0)
    made = a_trade(book, snapshot, quantity=D(quantity), price=price, commission=commission)
    assert isinstance(made, TradeBooked)
    record(book, made)
    record(book, ev.TicketClosed(TRADE.ticket_id, "done", "me"))
    agreed = replace(snapshot, cash=dict(book.cash))
    assert diff(book, agreed, a_run(book)) == ()
    position = book.positions[CON]
    after = book.cash["USD"] + position.quantity * price * multiplier
    assert after == before - commission
    # Nothing is won or lost by the booking itself: what was open is realised or still open.
    assert abs(position.realized - realized + position.unrealized(price) - result) < D("1e-15")


@pytest.mark.parametrize("quantity", [-10, 0, 1, 4, 11])
def test_half_an_explanation_is_refused_with_the_whole_one(quantity: int) -> None:
    refused = a_trade(a_book(held=3), told(13), quantity=D(quantity), price=D(5))
    assert isinstance(refused, str)
    assert "the book holds 3 and the broker 13" in refused
    assert refused.endswith("allowed is --quantity 10")


def test_what_book_and_broker_agree_on_needs_no_trade() -> None:
    refused = a_trade(a_book(held=3), told(3), quantity=D(1), price=D(5))
    assert isinstance(refused, str)
    assert "adopt closes the ticket" in refused


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (NOTHING_STATED, "needs --quantity and --price"),
        (Stated(quantity=D(10)), "needs --quantity and --price"),
        (Stated(quantity=D(10), price=D(-1)), "price is -1, allowed is 0 or more"),
        (Stated(quantity=D(10), price=D("NaN")), "price is NaN"),
        (Stated(D(10), D(1), commission=D("-0.5")), "commission is -0.5, allowed"),
        (Stated(D(10), D(1), amount=D(1)), "of a cash ticket"),
        (Stated(D(10), D(1), currency="USD"), "of a cash ticket"),
    ],
)
def test_a_trade_that_is_stated_badly_is_refused(stated: Stated, words: str) -> None:
    refused = trade_booked(a_book(), TRADE, told(10), stated, "USD", WORD)
    assert isinstance(refused, str)
    assert words in refused


def test_the_currency_is_that_of_the_instrument_else_of_the_brokers_row_else_refused() -> None:
    euro = replace(a_position_row(10), currency="EUR")
    stated = Stated(quantity=D(10), price=D(5))
    snapshot = a_snapshot(positions=(euro,))
    for known, found in (("GBP", "GBP"), ("", "EUR")):
        made = trade_booked(a_book(), TRADE, snapshot, stated, known, WORD)
        assert isinstance(made, TradeBooked)
        assert made.currency == found
    sold = Stated(quantity=D(-3), price=D(5))
    refused = trade_booked(a_book(held=3), TRADE, told(0), sold, "", WORD)
    assert refused == f"nobody knows the currency of {CON}; allowed: adopt"


# ---- a payment


@given(amount=st.integers(-500, 500).filter(bool), off=st.decimals("-1", "1", places=2))
def test_a_booked_payment_leaves_no_difference(amount: int, off: Decimal) -> None:
    book = a_book()
    record(book, CASH)
    snapshot = a_snapshot(cash={"USD": D(100_000 + amount)})
    made = a_payment(book, snapshot, amount + off)
    if not amount + off:
        assert isinstance(made, str)
        return
    assert isinstance(made, CashBooked)
    record(book, made)
    record(book, ev.TicketClosed(CASH.ticket_id, "done", "me"))
    assert book.cash["USD"] == 100_000 + amount + off
    assert diff(book, snapshot, a_run(book)) == ()


def test_a_payment_that_does_not_explain_it_is_refused_with_what_would() -> None:
    refused = a_payment(a_book(), a_snapshot(cash={"USD": D(100_500)}), 400)
    assert isinstance(refused, str)
    assert "they are 100 apart, allowed 1; --amount 500 explains all of it" in refused


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (NOTHING_STATED, "needs --amount and --currency"),
        (Stated(amount=D(5)), "needs --amount and --currency"),
        (Stated(amount=D(500), currency="EUR"), "the ticket is about USD, not 'EUR'"),
        (Stated(quantity=D(1), amount=D(5), currency="USD"), "of a position ticket"),
        (Stated(amount=D("NaN"), currency="USD"), "amount is NaN"),
    ],
)
def test_a_payment_that_is_stated_badly_is_refused(stated: Stated, words: str) -> None:
    snapshot = a_snapshot(cash={"USD": D(100_500)})
    refused = cash_booked(a_book(), CASH, snapshot, stated, SLACK, WORD)
    assert isinstance(refused, str)
    assert words in refused


def test_a_currency_that_the_broker_does_not_tell_cannot_be_booked() -> None:
    refused = a_payment(a_book(), a_snapshot(cash={}), 500)
    assert refused == "the broker does not tell its USD: nothing to hold it against"


def test_what_was_stated_is_told_as_it_was_asked_for() -> None:
    assert Stated(D("-5"), D("9.50")).words == "quantity -5 price 9.50"
    assert Stated(amount=D(0), currency="USD").words == "amount 0 currency USD"
    assert NOTHING_STATED.words == ""
