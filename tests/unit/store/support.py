"""What the tests here share: a clock that counts, plain events, opening and ending a journal."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.core import events as ev
from trader.core.book import Book
from trader.core.checkpoint import BookState, state_of
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    IntentId,
    OrderId,
    OrderRef,
    Seq,
    StrategyName,
)
from trader.core.intents import OrderType, Side, TimeInForce
from trader.core.orders import OrderTerms
from trader.core.strategy_events import StrategyCheckpointed
from trader.store.chain import GENESIS, chained
from trader.store.journal import JournalLimits, SqliteJournal
from trader.store.rows import row_of

START = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
# A lock that somebody else holds shall not hold a test up.
IMPATIENT = JournalLimits(busy_timeout_ms=50)


class CountingClock:
    """Moves by a millisecond whenever it is read, and never waits."""

    def __init__(self) -> None:
        self.reads = 0

    def monotonic(self) -> float:
        self.reads += 1
        return self.reads / 1000

    def utc(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the journal never waits for time to pass")


def strategy_note(seq: int, state: str = "{}") -> ev.Recorded:
    """Return a small event in its place."""
    note = StrategyCheckpointed(strategy=StrategyName("s"), intent_count=seq, state=state)
    return ev.Recorded(seq=Seq(seq), at_utc=START + timedelta(microseconds=seq), event=note)


def order_planned(order_id: int = 1) -> ev.OrderPlanned:
    terms = OrderTerms(
        intent_id=IntentId("abcdef-momentum-12"),
        strategy=StrategyName("momentum"),
        account=AccountId("DU1"),
        con_id=ConId(265598),
        symbol="AAPL",
        side=Side.SELL,
        quantity=Decimal("100.50"),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit_price=Decimal("187.2500"),
        stop_price=None,
        is_reduce_only=False,
        reserve_per_unit=Decimal("187.25"),
    )
    return ev.OrderPlanned(
        order_id=OrderId(order_id), client_id=ClientId(7), order_ref=OrderRef("T1-x"), terms=terms
    )


def state_at(seq: int, notes: Sequence[StrategyCheckpointed] = ()) -> BookState:
    """Return a checkpoint at ``seq`` that holds these strategies' states."""
    book = Book()
    book.seq = Seq(seq)
    book.strategies = {StrategyName(f"s{place}"): note for place, note in enumerate(notes)}
    return state_of(book)


@asynccontextmanager
async def running(path: Path, limits: JournalLimits | None = None) -> AsyncIterator[SqliteJournal]:
    """Give an open journal with its writer at work, and end both in order."""
    journal = await SqliteJournal.open(path, CountingClock(), limits)
    writer = asyncio.create_task(journal.run())
    try:
        yield journal
    finally:
        await ended(writer)
        await journal.close()


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and see that it ends as cancelled."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return
    raise AssertionError("the task swallowed its cancellation")


async def journal_of(rows: Sequence[ev.Recorded], path: Path, *checkpoints: int) -> Path:
    """Write a journal of these events, with a checkpoint at each of these sequence numbers."""
    book = Book()
    async with running(path) as journal:
        for row in rows:
            journal.append(row)
            book.apply(row)
            if row.seq in checkpoints:
                await journal.save_checkpoint(state_of(book))
        await journal.durable(Seq(len(rows)))
    return path


async def read_back(path: Path) -> list[ev.Recorded]:
    """Open a journal afresh and return every event in it."""
    journal = await SqliteJournal.open(path, CountingClock())
    try:
        return [recorded async for recorded in (await journal.load()).events]
    finally:
        await journal.close()


def put(db: sqlite3.Connection, *events: ev.Recorded) -> None:
    """Write rows behind what is there, chained as the journal does it."""
    found = db.execute("SELECT digest FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    digest = found[0] if found else GENESIS
    for recorded in events:
        row = chained(digest, row_of(recorded))
        digest = row[5]
        db.execute("INSERT INTO events VALUES (?,?,?,?,?,?)", row)


def tamper(db: sqlite3.Connection, sql: str, *values: object) -> None:
    """Run a statement as somebody who knows how to get round the triggers."""
    triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
    guards = db.execute(triggers).fetchall()
    for name, _ in guards:
        db.execute(f"DROP TRIGGER {name}")
    db.execute(sql, values)
    for _, made in guards:
        db.execute(made)


def tampered(path: Path, sql: str, *values: object) -> None:
    """Do that to a file."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as db:
        tamper(db, sql, *values)


def shell(path: Path, sql: str, *values: object) -> list[Any]:
    """Run a statement as an outsider with a SQLite shell would."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()
