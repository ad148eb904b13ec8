"""A book and a journal in memory that get the same events, and the comparison of the two."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.unit.store.support import START, order_planned, put
from trader.core import events as ev
from trader.core.book import Book
from trader.core.executions import Execution
from trader.core.halts import Mode
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    IntentId,
    Lineage,
    OrderId,
    OrderRef,
    PermId,
    Seq,
    StrategyName,
    order_ref,
)
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.core.orders import Order
from trader.store.schema import upgrade_from

CLIENT = ClientId(7)


class Shelf:
    """A book and a journal in memory that get the same events."""

    def __init__(self) -> None:
        self.book = Book()
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        for statement in upgrade_from(0):
            self.db.execute(statement)
        self.record(ev.JournalOpened(Lineage("abc123")))
        self.record(ev.DaemonStarted("1", Mode.PAPER, AccountId("DU1")))

    def record(self, event: ev.Event) -> None:
        seq = Seq(self.book.seq + 1)
        recorded = ev.Recorded(seq, START + timedelta(milliseconds=seq), event)
        self.book.apply(recorded)
        put(self.db, recorded)

    def plan(self, number: int, quantity: Decimal, con_id: int, side: Side) -> None:
        name = IntentId(f"abc123-momentum-{number}")
        intent = Intent(
            name, StrategyName("momentum"), ConId(con_id), side, quantity,
            OrderType.MARKET, TimeInForce.DAY,
        )  # fmt: skip
        self.record(ev.IntentReviewed(intent, "d", True, "", "", ()))
        terms = replace(
            order_planned().terms,
            intent_id=name, con_id=ConId(con_id), side=side, quantity=quantity,
        )  # fmt: skip
        self.record(ev.OrderPlanned(OrderId(number), CLIENT, order_ref(name), terms))

    def rows(self, view: str) -> list[dict[str, Any]]:
        with closing(self.db.execute(f"SELECT * FROM {view}")) as cursor:  # noqa: S608
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]


def execution(
    number: int, revision: int = 1, quantity: str = "3", price: str = "10.5", **other: Any
) -> Execution:
    values: dict[str, Any] = {
        "exec_id": ExecId(f"0001.{number:02x}.{revision:02d}"),
        "account": AccountId("DU1"), "con_id": ConId(5), "symbol": "AAPL", "side": Side.BUY,
        "quantity": Decimal(quantity), "price": Decimal(price), "order_id": OrderId(1),
        "client_id": CLIENT, "perm_id": PermId(901), "order_ref": OrderRef(""),
        "time_utc": START,
    }  # fmt: skip
    return Execution(**values | other)


def cash_of(shelf: Shelf) -> dict[str, Decimal]:
    """Add the parts up as a reader is told to."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in shelf.rows("v_cash_parts"):
        found[row["currency"]] += (
            Decimal(row["amount"]) * Decimal(row["quantity"]) * Decimal(row["multiplier"])
        )
    return dict(found)


def positions_of(shelf: Shelf) -> dict[int, Decimal]:
    found: dict[int, Decimal] = defaultdict(Decimal)
    for row in shelf.rows("v_position_parts"):
        found[row["con_id"]] += Decimal(row["quantity"])
    return dict(found)


def assert_orders_are_what_the_book_says(shelf: Shelf) -> None:
    book = shelf.book
    orders = {row["order_id"]: row for row in shelf.rows("v_orders")}
    assert {key: row["state"] for key, row in orders.items()} == {
        key: str(order.state) for key, order in book.orders.items()
    }
    assert {key: terms_in(row) for key, row in orders.items()} == {
        key: terms_of(order) for key, order in book.orders.items()
    }


def assert_views_say_what_the_book_says(shelf: Shelf) -> None:
    book = shelf.book
    assert_orders_are_what_the_book_says(shelf)
    latest = {row["family"]: row for row in shelf.rows("v_executions_latest")}
    assert len(latest) == len(shelf.rows("v_executions_latest"))
    assert {
        key: (row["exec_id"], row["quantity"], row["price"], row["our_order_id"])
        for key, row in latest.items()
    } == {
        key: (one.execution.exec_id, str(one.execution.quantity), str(one.execution.price),
              one.order_id)
        for key, one in book.fills.items()
    }  # fmt: skip
    paid = {row["family"]: (row["exec_id"], row["amount"]) for row in shelf.rows("v_commissions")}
    assert paid == {key: (one.exec_id, str(one.amount)) for key, one in book.commissions.items()}
    held = {key: row.quantity for key, row in book.positions.items() if row.quantity}
    assert {key: quantity for key, quantity in positions_of(shelf).items() if quantity} == held
    cash = {key: amount for key, amount in book.cash.items() if amount}
    assert {key: amount for key, amount in cash_of(shelf).items() if amount} == cash
    halts = {row["cause"]: row["is_raised"] for row in sorted(shelf.rows("v_halts"), key=by_seq)}
    assert {cause for cause, is_on in halts.items() if is_on} == set(book.halts)
    tickets = {row["ticket_id"] for row in shelf.rows("v_tickets") if row["closed_seq"] is None}
    assert tickets == set(book.tickets)
    assert {row["perm_id"] for row in shelf.rows("v_foreign_orders")} == set(book.foreign)


def terms_of(order: Order) -> tuple[object, ...]:
    """Return what the broker holds, and the last change, as the book has them."""
    held, change = order.terms, order.change
    wanted = order.open_change
    desired = (wanted.quantity, wanted.limit_price, wanted.stop_price) if wanted else (None,) * 3
    number, state = (change.number, str(change.state)) if change else (None, None)
    return held.quantity, held.limit_price, held.stop_price, number, state, *desired


def terms_in(row: dict[str, Any]) -> tuple[object, ...]:
    """Return the same as the view has them."""
    terms = (decimal(row["quantity"]), decimal(row["limit_price"]), decimal(row["stop_price"]))
    names = ("desired_quantity", "desired_limit_price", "desired_stop_price")
    return *terms, row["change_number"], row["change_state"], *(decimal(row[one]) for one in names)


def decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def by_seq(row: dict[str, Any]) -> int:
    return int(row["seq"])
