"""Journals as files, written with the daemon's own schema: what is read must be what it writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.unit.store.support import order_planned, put
from trader.core import events as ev
from trader.core.executions import Commission, Execution
from trader.core.halts import HaltCause, Mode
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    IntentId,
    Lineage,
    OrderId,
    PermId,
    RunId,
    Seq,
    TicketId,
    order_ref,
)
from trader.core.intents import Side
from trader.store.schema import upgrade_from

START = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
ACCOUNT = AccountId("DUSIM1")
REF = order_ref(IntentId("abc123-momentum-1"))


def execution(revision: int = 1, price: str = "187.10") -> Execution:
    """Return a fill of the one order."""
    return Execution(
        exec_id=ExecId(f"0001.01.{revision:02d}"), account=ACCOUNT, con_id=ConId(265598),
        symbol="AAPL", side=Side.SELL, quantity=Decimal("100.50"), price=Decimal(price),
        order_id=OrderId(41), client_id=ClientId(7), perm_id=PermId(99), order_ref=REF,
        time_utc=START + timedelta(seconds=9),
    )  # fmt: skip


def story() -> tuple[ev.Event, ...]:
    """Return a short life: a baseline, a resume, one order that filled and was corrected."""
    holding = ev.Holding(ConId(265598), "AAPL", Decimal("100.50"), Decimal(1), Decimal(1))
    planned = order_planned(41)
    return (
        ev.JournalOpened(Lineage("abc123")),
        ev.DaemonStarted("1", Mode.PAPER, ACCOUNT),
        ev.AccountBaselined(ACCOUNT, (holding,), (("USD", Decimal("1000.00")),), ("0009.01",), "t"),
        ev.HaltCleared(HaltCause.FRESH_INSTALL, "go", "t"),
        replace(planned, order_ref=REF, terms=replace(planned.terms, account=ACCOUNT)),
        ev.OrderSent(OrderId(41)),
        ev.ExecutionSeen(execution()),
        ev.CommissionSeen(Commission(ExecId("0001.01.01"), Decimal("1.05"), "USD")),
        ev.ExecutionSeen(execution(2, "187.20")),
        ev.TicketOpened(TicketId("t1"), "position", ConId(5), "differs", RunId("r1")),
    )


def write(path: Path, events: tuple[ev.Event, ...], *, version: int | None = None) -> Path:
    """Write a journal as the daemon does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = wal")
        for statement in upgrade_from(0):
            db.execute(statement)
        for seq, event in enumerate(events, start=1):
            recorded = ev.Recorded(Seq(seq), START + timedelta(seconds=seq), event)
            put(db, recorded)
        if version is not None:
            db.execute(f"PRAGMA user_version = {version}")
    return path
