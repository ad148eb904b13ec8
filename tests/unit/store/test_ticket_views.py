"""What a person has booked is a part of the sums, and a ticket tells how long it may wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.store.shelf import (
    Shelf,
    assert_views_say_what_the_book_says,
    cash_of,
    positions_of,
)
from tests.unit.store.support import START
from trader.core import events as ev
from trader.core.ids import ConId, RunId, TicketId
from trader.core.ticket_events import CashBooked, TicketCounted, TicketIgnored, TradeBooked

D = Decimal
NAME = TicketId("r-position-AAPL-5")
OPENED = ev.TicketOpened(NAME, "position", ConId(5), "10 or 0", RunId("r"))
CLOSED = ev.TicketClosed(NAME, "seen", "me")
WAITS = TicketIgnored(NAME, START + timedelta(hours=1), "asked", "ann")
TRADE = TradeBooked(
    NAME, ConId(5), "AAPL", D(-4), D("10.25"), D(50), D("0.35"), "USD", "by hand", "me"
)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    one = Shelf()
    with closing(one.db):
        yield one


def test_a_booked_trade_moves_position_and_cash_with_its_commission(shelf: Shelf) -> None:
    shelf.record(TRADE)
    assert positions_of(shelf) == {5: D(-4)}
    assert cash_of(shelf) == {"USD": D("2049.65")}
    assert {row["source"] for row in shelf.rows("v_cash_parts")} == {"booked"}
    assert_views_say_what_the_book_says(shelf)


def test_what_an_adjustment_replaced_is_no_part_of_it_booked_or_not(shelf: Shelf) -> None:
    shelf.record(TRADE)
    shelf.record(CashBooked(NAME, "USD", D(-7), "fee", "me"))
    shelf.record(ev.PositionAdjusted(ConId(5), "AAPL", D(-4), D(3), "r", "me"))
    shelf.record(ev.CashAdjusted("USD", D(0), D(100), "r"))
    shelf.record(CashBooked(NAME, "USD", D(-7), "fee", "me"))
    assert positions_of(shelf) == {5: D(3)}
    assert cash_of(shelf) == {"USD": D(93)}
    assert_views_say_what_the_book_says(shelf)


def test_a_ticket_tells_how_long_it_may_wait(shelf: Shelf) -> None:
    shelf.record(OPENED)
    assert shelf.rows("v_tickets")[0]["ignored_until"] is None
    shelf.record(WAITS)
    (row,) = shelf.rows("v_tickets")
    assert row["ignored_until"].startswith("2")
    assert (row["ignored_by"], row["ignored_reason"]) == ("ann", "asked")


@pytest.mark.parametrize("end", [TicketCounted(NAME, "over"), CLOSED])
def test_one_that_counts_again_or_is_closed_does_not_wait(shelf: Shelf, end: ev.Event) -> None:
    shelf.record(OPENED)
    shelf.record(WAITS)
    shelf.record(end)
    assert shelf.rows("v_tickets")[0]["ignored_until"] is None


def test_a_ticket_tells_whether_it_was_booked(shelf: Shelf) -> None:
    for event in (OPENED, TRADE, CLOSED, OPENED, CLOSED, OPENED):
        shelf.record(event)
    rows = shelf.rows("v_tickets")
    assert [row["booked_as"] for row in rows] == ["TradeBooked", None, None]
    assert [row["closed_at"] is None for row in rows] == [False, False, True]
