"""The names that other programs ask for say what the book and the published views say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.store.shelf import Shelf, execution
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.executions import Commission
from trader.core.ids import ClientId, ConId, ExecId, OrderId, OrderRef, PermId
from trader.core.intents import Side
from trader.core.streams import Stream, kinds_of
from trader.store import stream_views

UNPROCESSED = "SELECT COUNT(*) FROM portfolio_events_outbox WHERE processed_at IS NULL"


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf()
    with closing(made.db):
        yield made


def deliver(shelf: Shelf, first: int, last: int, at_us: int, consumer: str = "files") -> None:
    row = (consumer, last, first, at_us, "abc123")
    columns = "consumer, last_seq, first_seq, at_us, lineage"
    shelf.db.execute(f"INSERT INTO outbox_deliveries ({columns}) VALUES (?,?,?,?,?)", row)


def trade(shelf: Shelf) -> None:
    """Plan an order, send it, have it acknowledged and filled in two parts, one corrected."""
    shelf.plan(1, Decimal(5), 5, Side.BUY)
    shelf.record(ev.OrderSent(OrderId(1)))
    shelf.record(
        ev.OrderStatusSeen(
            OrderId(1), ClientId(7), PermId(901), "Submitted", Decimal(0), Decimal(5), ""
        )
    )
    shelf.record(ev.ExecutionSeen(execution(1)))
    shelf.record(ev.CommissionSeen(Commission(ExecId("0001.01.01"), Decimal("1.25"), "USD")))
    shelf.record(ev.ExecutionSeen(execution(1, revision=2, price="10.6")))
    shelf.record(ev.ExecutionSeen(execution(2, quantity="2")))


def rows(shelf: Shelf, view: str) -> list[dict[str, Any]]:
    return sorted(shelf.rows(view), key=lambda row: list(row.values())[:2])


@pytest.mark.parametrize(
    ("stream", "kinds"),
    [
        (Stream.MARKET_EVENTS, stream_views.MARKET_EVENTS),
        (Stream.ORDER_INTENTS, stream_views.ORDER_INTENTS),
        (Stream.EXEC_REPORTS, stream_views.EXEC_REPORTS),
    ],
)
def test_the_views_hold_the_kinds_that_the_streams_do(
    stream: Stream, kinds: tuple[str, ...]
) -> None:
    """EVT-30. A kind that comes to a stream needs its view made anew, by a migration."""
    assert set(kinds) == set(kinds_of(stream))
    assert len(set(kinds)) == len(kinds)


def test_each_event_of_a_stream_is_in_its_view_and_in_the_outbox(shelf: Shelf) -> None:
    trade(shelf)
    shelf.record(be.EquityMarked("2024-03-05", Decimal(1)))
    every = [row for stream in Stream for row in shelf.rows(stream)]
    kinds = {row["seq"]: row["kind"] for row in every}
    recorded = shelf.db.execute("SELECT seq, kind, payload FROM events").fetchall()
    wanted = {kind for stream in Stream for kind in kinds_of(stream)}
    assert kinds == {seq: kind for seq, kind, _ in recorded if kind in wanted}
    assert [row["id"] for row in every] == [f"abc123-{row['seq']}" for row in every]
    assert {row["seq"]: row["payload"] for row in every}.items() <= {
        seq: payload for seq, _, payload in recorded
    }.items()
    outbox = {row["id"]: row["kind"] for row in shelf.rows("portfolio_events_outbox")}
    assert outbox == kinds
    streams = {row["kind"]: row["stream"] for row in shelf.rows("portfolio_events_outbox")}
    assert (streams["EquityMarked"], streams["OrderSent"], streams["ExecutionSeen"]) == tuple(
        Stream
    )


def test_what_was_handed_on_is_processed_from_that_moment(shelf: Shelf) -> None:
    """EVT-23."""
    trade(shelf)
    count = len(shelf.rows("portfolio_events_outbox"))
    assert shelf.db.execute(UNPROCESSED).fetchone() == (count,)
    last = shelf.book.seq
    deliver(shelf, 1, last - 2, 1_000_000)
    deliver(shelf, 1, last, 9_000_000, consumer="other")  # somebody else's says nothing of it
    assert shelf.db.execute(UNPROCESSED).fetchone() == (2,)
    deliver(shelf, last - 1, last, 2_000_000)
    assert shelf.db.execute(UNPROCESSED).fetchone() == (0,)
    found = shelf.rows("portfolio_events_outbox")
    assert len(found) == count
    assert {row["processed_at"] for row in found if row["id"] <= last - 2} == {
        "1970-01-01T00:00:01.000Z"
    }
    assert {row["processed_at"] for row in found if row["id"] > last - 2} == {
        "1970-01-01T00:00:02.000Z"
    }


def test_what_waits_is_counted_without_reading_what_does_not(shelf: Shelf) -> None:
    """A check that runs every minute must not read years."""
    payload = '{"a":"' + "x" * 500 + '"}'
    first = shelf.book.seq + 1
    shelf.db.execute("DROP TRIGGER events_no_replace")
    many = ((seq, seq, "ExecutionSeen", 1, payload, b"") for seq in range(first, first + 100_000))
    shelf.db.execute("BEGIN")
    shelf.db.executemany("INSERT INTO events VALUES (?,?,?,?,?,?)", many)
    shelf.db.execute("COMMIT")
    last = first + 100_000 - 1
    deliver(shelf, 1, last - 3, 1_000_000)
    started_s = time.process_time()
    assert shelf.db.execute(UNPROCESSED).fetchone() == (3,)
    took_s = time.process_time() - started_s
    started_s = time.process_time()
    assert shelf.db.execute("SELECT COUNT(*) FROM portfolio_events_outbox").fetchone()[0] >= 100_000
    assert took_s < (time.process_time() - started_s) / 10


def test_orders_are_those_of_the_published_view(shelf: Shelf) -> None:
    trade(shelf)
    (order,) = shelf.rows("orders")
    (known,) = shelf.rows("v_orders")
    assert (order["id"], order["status"], order["created_at"]) == (1, "FILLED", known["at"])
    assert order["client_order_id"] == known["intent_id"]
    assert order["quantity"] == "5"


def test_each_fill_is_there_once_in_its_last_revision(shelf: Shelf) -> None:
    """EVT-06: a correction supersedes, a repeat adds nothing, and an id is there once."""
    trade(shelf)
    again = ev.ExecutionSeen(replace(execution(2, quantity="2"), order_ref=OrderRef("")))
    assert not shelf.book.is_news(again)
    shelf.db.execute(
        "INSERT INTO events SELECT seq + 100, at_us, kind, version, payload, digest FROM events "
        "WHERE kind = 'ExecutionSeen'"
    )  # a journal in which somebody has written them all twice
    found = rows(shelf, "fills")
    assert [(row["exchange_fill_id"], row["quantity"], row["price"]) for row in found] == [
        ("0001.01.02", "3", "10.6"), ("0001.02.01", "2", "10.5"),
    ]  # fmt: skip
    assert {row["order_id"] for row in found} == {1}
    assert [(row["commission"], row["commission_currency"]) for row in found] == [
        ("1.25", "USD"), (None, None),
    ]  # fmt: skip


def test_an_order_is_told_from_event_to_event(shelf: Shelf) -> None:
    """EVT-07: old state, new state, cause, actor and time of each mutation."""
    trade(shelf)
    told = [
        (row["kind"], row["old_state"], row["new_state"], row["actor"])
        for row in rows(shelf, "order_events")
    ]
    assert told == [
        ("OrderPlanned", None, "PLANNED", "daemon"),
        ("OrderSent", "PLANNED", "SENT", "daemon"),
        ("OrderStatusSeen", "SENT", "WORKING", "broker"),
        ("ExecutionSeen", "WORKING", "WORKING", "broker"),
        ("ExecutionSeen", "WORKING", "WORKING", "broker"),
        ("ExecutionSeen", "WORKING", "FILLED", "broker"),
    ]
    status = next(row for row in shelf.rows("order_events") if row["kind"] == "OrderStatusSeen")
    assert status["cause"] == "Submitted"


def test_the_states_lead_from_one_to_the_next_and_end_where_the_order_is(shelf: Shelf) -> None:
    for number in (1, 2, 3):
        shelf.plan(number, Decimal(5), 5, Side.BUY)
    shelf.record(ev.OrderSent(OrderId(1)))
    shelf.record(ev.OrderWithheld(OrderId(2), "halted meanwhile"))
    shelf.record(ev.OrderSent(OrderId(3)))
    shelf.record(ev.OrderUnanswered(OrderId(3), "no answer"))
    shelf.record(ev.CancelSent(OrderId(1), "asked for"))
    told = rows(shelf, "order_events")
    for order in shelf.rows("orders"):
        mine = [row for row in told if row["order_id"] == order["id"]]
        assert mine[-1]["new_state"] == order["status"]
        for one, later in pairwise(mine):
            assert later["old_state"] == one["new_state"]
    assert {row["kind"]: row["cause"] for row in told}["CancelSent"] == "asked for"


def test_times_are_those_of_the_events(shelf: Shelf) -> None:
    trade(shelf)
    at = dict(shelf.db.execute("SELECT seq, at_us FROM events").fetchall())
    assert all(row["at_us"] == at[row["id"]] for row in shelf.rows("order_events"))
    assert all(row["at_us"] == at[row["seq"]] for row in shelf.rows("exec_reports"))


def test_a_fill_of_an_instrument_that_nobody_ordered_is_told_without_an_order(
    shelf: Shelf,
) -> None:
    strange = replace(execution(9), order_id=OrderId(0), client_id=ClientId(0), con_id=ConId(77))
    shelf.record(ev.ExecutionSeen(strange))
    (row,) = shelf.rows("fills")
    assert (row["order_id"], row["con_id"]) == (None, 77)
