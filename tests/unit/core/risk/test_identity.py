"""An intent leads back to itself, and a disputed instrument is left alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.factories import a_book, an_id, given, record
from tests.unit.core.risk.cases import EXIT, INTENT, TICKET, asked_of, failures, with_ticket
from trader.core import events as ev
from trader.core.ids import IntentId, Lineage, StrategyName, intent_id
from trader.core.risk.identity import CHECKS


@pytest.mark.parametrize("name", ["", "mine-1", "abc123-alpha-0x", f"{an_id(1)} ", "A" * 60])
def test_an_id_that_does_not_lead_back_is_refused(name: str) -> None:
    assert failures(replace(INTENT, intent_id=IntentId(name)), given(a_book())) == [
        "INTENT_ID_INVALID"
    ]


def test_a_ticket_quarantines_its_instrument_for_the_operator_too() -> None:
    book = a_book(held=10)
    record(book, TICKET)
    record(book, replace(TICKET, ticket_id=type(TICKET.ticket_id)("u")))
    assert failures(EXIT, given(book, is_operator=True)) == ["QUARANTINED"]
    record(book, ev.TicketClosed(TICKET.ticket_id, "booked", "me"))
    assert failures(EXIT, given(book)) == ["QUARANTINED"]


def test_a_ticket_without_an_instrument_quarantines_none() -> None:
    book = with_ticket(0)
    book.tickets[TICKET.ticket_id] = replace(TICKET, con_id=None)
    assert failures(replace(INTENT, quantity=Decimal(5)), given(book)) == []


def test_the_longest_id_that_is_made_may_be_sent() -> None:
    longest = intent_id(Lineage("abc123"), StrategyName("a" * 16), 10**8 - 1)
    assert failures(replace(INTENT, intent_id=longest), given(a_book())) == []


def test_an_id_whose_reference_the_broker_would_cut_is_refused() -> None:
    """It leads back to itself here, and would not after the wire: forty characters travel."""
    too_long = IntentId("abc123-" + "a" * 16 + "-123456789")
    assert failures(replace(INTENT, intent_id=too_long), given(a_book())) == ["INTENT_ID_INVALID"]


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == ["INTENT_ID_INVALID", "QUARANTINED"]
