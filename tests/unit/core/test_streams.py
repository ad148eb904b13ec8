"""Every kind of event is in one stream or knowingly in none."""

from __future__ import annotations

from typing import get_args

import pytest

from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.streams import STREAM_OF, Stream, kinds_of, stream_names

# What moves an order, a position or cash: a reader of exec_reports alone must not miss any.
MOVES_THE_BOOK = {
    "ExecutionSeen", "CommissionSeen", "AccountBaselined", "PositionAdjusted", "CashAdjusted",
    "TradeBooked", "CashBooked",
}  # fmt: skip


def test_the_table_knows_every_kind_of_event_and_no_other() -> None:
    assert set(STREAM_OF) == set(get_args(ev.Event))


def test_the_streams_have_the_names_that_are_asked_for() -> None:
    """EVT-30."""
    assert [stream.value for stream in Stream] == ["market_events", "order_intents", "exec_reports"]


@pytest.mark.parametrize(
    ("kind", "stream"),
    [
        (ev.IntentReviewed, Stream.ORDER_INTENTS),
        (ev.OrderPlanned, Stream.ORDER_INTENTS),
        (ev.OrderSent, Stream.ORDER_INTENTS),
        (ev.OrderStatusSeen, Stream.EXEC_REPORTS),
        (ev.ExecutionSeen, Stream.EXEC_REPORTS),
        (be.EquityMarked, Stream.MARKET_EVENTS),
        (ev.HaltRaised, None),
    ],
)
def test_each_goes_where_a_reader_looks_for_it(kind: type, stream: Stream | None) -> None:
    assert STREAM_OF[kind] is stream


def test_what_moves_position_or_cash_is_in_the_reports() -> None:
    assert set(kinds_of(Stream.EXEC_REPORTS)) >= MOVES_THE_BOOK


def test_the_kinds_of_the_streams_are_those_of_the_table() -> None:
    names = stream_names()
    for stream in Stream:
        assert set(kinds_of(stream)) == {name for name, found in names.items() if found is stream}
    assert len(names) == sum(found is not None for found in STREAM_OF.values())
