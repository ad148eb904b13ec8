"""The export shows what is held, what works and what halts, and says that nobody reads it back."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.core.factories import a_book, executed, note, work_order
from trader.core.checkpoint import state_of
from trader.core.halts import HaltCause
from trader.core.ids import OrderId
from trader.core.reports.content import ReportStatus
from trader.core.reports.runtime import NOTE, RuntimeState, runtime_content


def test_what_lives_is_listed_and_what_is_over_is_counted() -> None:
    book = a_book()
    work_order(book, order_id=1)
    note(book, executed(1))
    work_order(book, order_id=2)
    content = runtime_content(state_of(book))
    body = content.body
    assert isinstance(body, RuntimeState)
    assert content.status is ReportStatus.OK
    assert [row.order_id for row in body.orders] == [OrderId(2)]
    assert [row.quantity for row in body.positions] == [Decimal(10)]
    assert body.counts == {"intents": 2, "orders": 2, "fills": 1, "commissions": 0}
    assert (body.checkpoint_seq, body.cash) == (book.seq, {"USD": Decimal(99_000)})
    assert HaltCause.FRESH_INSTALL.value in body.halts


def test_it_says_that_it_is_never_read_back() -> None:
    body = runtime_content(state_of(a_book())).body
    assert isinstance(body, RuntimeState)
    assert body.note == NOTE
    assert "never read back" in NOTE
