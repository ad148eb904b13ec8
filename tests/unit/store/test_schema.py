"""The schema: how a file becomes a journal, and what outsiders may rely on."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.store.support import START, order_planned, put
from trader.core import events as ev
from trader.core.executions import Execution
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    OrderId,
    OrderRef,
    PermId,
    Seq,
)
from trader.core.intents import Side
from trader.store.rows import JournalUnusable, row_of
from trader.store.schema import APPLICATION_ID, LATEST, MIGRATIONS, upgrade_from


def migrated() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in upgrade_from(0):
        connection.execute(statement)
    return connection


def rows(connection: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


def test_the_migrations_are_numbered_without_a_gap() -> None:
    assert [number for number, _ in MIGRATIONS] == list(range(1, LATEST + 1))


def test_an_empty_file_becomes_a_journal_of_the_latest_version() -> None:
    connection = migrated()
    assert rows(connection, "PRAGMA user_version") == [(LATEST,)]
    assert rows(connection, "PRAGMA application_id") == [(APPLICATION_ID,)]
    names = {name for (name,) in rows(connection, "SELECT name FROM sqlite_schema")}
    assert {"events", "checkpoints", "checkpoint_parts"} <= names
    connection.close()


def test_a_journal_that_is_up_to_date_is_left_alone() -> None:
    assert upgrade_from(LATEST) == ()


@pytest.mark.parametrize("version", [LATEST + 1, LATEST + 100, -1])
def test_a_journal_of_an_unknown_version_is_refused(version: int) -> None:
    with pytest.raises(JournalUnusable, match=f"version {version}"):
        upgrade_from(version)


@pytest.mark.parametrize("after", range(1, len(upgrade_from(0))))
def test_an_upgrade_that_is_cut_off_changes_nothing(after: int) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in upgrade_from(0)[:after]:
        connection.execute(statement)
    connection.execute("ROLLBACK")
    assert rows(connection, "PRAGMA user_version") == [(0,)]
    assert rows(connection, "PRAGMA application_id") == [(0,)]
    assert rows(connection, "SELECT name FROM sqlite_schema") == []
    connection.close()


def test_the_views_show_what_was_recorded() -> None:
    connection = migrated()
    execution = Execution(
        exec_id=ExecId("0001.01"),
        account=AccountId("DU1"),
        con_id=ConId(5),
        symbol="AAPL",
        side=Side.SELL,
        quantity=Decimal("1.50"),
        price=Decimal("187.10"),
        order_id=OrderId(41),
        client_id=ClientId(7),
        perm_id=PermId(99),
        order_ref=OrderRef("T1-x"),
        time_utc=datetime(2024, 1, 1, tzinfo=UTC),
    )
    events: tuple[ev.Event, ...] = (
        order_planned(41),
        ev.OrderSent(order_id=OrderId(41)),
        ev.ExecutionSeen(execution=execution),
    )
    for seq, event in enumerate(events, start=1):
        put(connection, ev.Recorded(seq=Seq(seq), at_utc=START, event=event))
    at = "2024-03-05T14:30:00.000Z"
    assert rows(connection, "SELECT * FROM v_orders_planned") == [
        (1, at, "abcdef-momentum-12", 41, "T1-x", "AAPL", "SELL", "100.50")
    ]
    assert rows(connection, "SELECT * FROM v_orders_sent") == [(41, 2, at)]
    assert rows(connection, "SELECT * FROM v_executions") == [
        (3, "0001.01", 41, 99, "T1-x", 5, "AAPL", "SELL", "1.50", "187.10")
    ]
    connection.close()


def test_a_journal_of_the_first_version_gains_the_views_and_keeps_its_rows() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in MIGRATIONS[0][1]:
        connection.execute(statement)
    row = row_of(ev.Recorded(seq=Seq(1), at_utc=START, event=order_planned(41)))
    connection.execute("INSERT INTO events VALUES (?,?,?,?,?)", row)
    for statement in upgrade_from(1):
        connection.execute(statement)
    assert rows(connection, "SELECT seq, at_us, kind, version, payload FROM events") == [row]
    assert rows(connection, "SELECT order_id, state FROM v_orders") == [(41, "PLANNED")]
    assert rows(connection, "PRAGMA user_version") == [(LATEST,)]
    connection.close()
