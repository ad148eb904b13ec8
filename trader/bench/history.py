"""A journal with a long past, made in a minute: real events, real digests, a real checkpoint.

Every row is one that the daemon could have written, goes through the book and is chained as the
journal does it; only the commits are large and not synced. An order lives eight events here; what
lies between two orders is what a quiet daemon records.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import cycle, islice
from pathlib import Path

from trader.core import events as ev
from trader.core.book import Book
from trader.core.breaker_events import EquityMarked
from trader.core.checkpoint import state_of
from trader.core.executions import Commission, Execution
from trader.core.halts import Mode
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    Lineage,
    OrderId,
    PermId,
    RunId,
    Seq,
    StrategyName,
    intent_id,
    order_ref,
)
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.core.moments import microseconds_of
from trader.core.orders import OrderTerms
from trader.core.strategy_events import StrategyCheckpointed
from trader.store.archiving import put_checkpoint
from trader.store.chain import GENESIS, chained
from trader.store.rows import row_of
from trader.store.schema import upgrade_from

# Events of one order's life.
EVENTS_PER_ORDER = 8
_START = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
_LINEAGE, _STRATEGY = Lineage("abc123"), StrategyName("momentum")
_ACCOUNT, _CLIENT, _CON_ID = AccountId("DU1234567"), ClientId(7), ConId(265598)
_QUANTITY, _PRICE = Decimal(10), Decimal("187.25")
# As many as a review records, each as long as they are there.
_CHECKS = tuple(
    ev.Check(f"check.number_{number:02}_of_review", "187.25", "1000000", passed=True)
    for number in range(30)
)
_AT_ONCE = 10_000
_INSERT = "INSERT INTO events (seq, at_us, kind, version, payload, digest) VALUES (?,?,?,?,?,?)"


@dataclass(frozen=True, slots=True)
class History:
    """How long the past is; the last ``tail`` events lie behind the checkpoint."""

    events: int
    orders: int
    tail: int
    step: timedelta = timedelta(seconds=2)


def make_journal(path: Path, history: History) -> Book:
    """Write a journal of this length at ``path`` and return the book that it amounts to."""
    assert history.events > history.orders * EVENTS_PER_ORDER + history.tail, history
    book = Book()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA wal_autocheckpoint = 20000")
        for statement in upgrade_from(0):
            db.execute(statement)
        digest = GENESIS
        rows = []
        for recorded in _recorded(history):
            book.apply(recorded)
            rows.append(chained(digest, row_of(recorded)))
            digest = rows[-1][5]
            is_checkpoint = book.seq == history.events - history.tail
            if len(rows) == _AT_ONCE or is_checkpoint or book.seq == history.events:
                db.execute("BEGIN")
                db.executemany(_INSERT, rows)
                db.execute("COMMIT")
                rows.clear()
            if is_checkpoint:
                db.execute("BEGIN")
                place = (book.seq, microseconds_of(recorded.at_utc))
                put_checkpoint(db, state_of(book), place, digest)
                db.execute("COMMIT")
    return book


def _recorded(history: History) -> Iterator[ev.Recorded]:
    for seq, event in enumerate(_events(history), start=1):
        yield ev.Recorded(Seq(seq), _START + history.step * seq, event)


def _events(history: History) -> Iterator[ev.Event]:
    yield ev.JournalOpened(_LINEAGE)
    yield ev.DaemonStarted("1", Mode.PAPER, _ACCOUNT, (_STRATEGY,))
    yield ev.AccountBaselined(_ACCOUNT, (), (("USD", Decimal(1_000_000)),), (), "operator")
    left = history.events - 3
    for number in range(1, history.orders + 1):
        life = _life(number)
        # As much quiet before each order as leaves the same for those that follow.
        quiet = left // (history.orders - number + 1) - len(life)
        yield from islice(_quiet(number), quiet)
        yield from life
        left -= quiet + len(life)
    yield from islice(_quiet(history.orders + 1), left)


def _quiet(number: int) -> Iterator[ev.Event]:
    """Give what a daemon records when nothing happens, over and over."""
    run = RunId(f"orders-20240305T143000-{number:06}")
    return cycle(
        (
            ev.ReconcileFinished(run, "timer", "", 0, 0, 0, 0.25),
            EquityMarked("2024-03-05", Decimal(1_000_000 + number)),
            StrategyCheckpointed(_STRATEGY, number, '{"prices":[187.25,187.5,187.0]}'),
        )
    )


def _life(number: int) -> tuple[ev.Event, ...]:
    """Return all that is recorded of one order that is filled at once; every other one sells."""
    side = Side.BUY if number % 2 else Side.SELL
    name = intent_id(_LINEAGE, _STRATEGY, number)
    intent = Intent(
        name, _STRATEGY, _CON_ID, side, _QUANTITY, OrderType.LIMIT, TimeInForce.DAY, _PRICE
    )
    terms = OrderTerms(
        intent_id=name,
        strategy=_STRATEGY,
        account=_ACCOUNT,
        con_id=_CON_ID,
        symbol="AAPL",
        side=side,
        quantity=_QUANTITY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit_price=_PRICE,
        stop_price=None,
        is_reduce_only=False,
        reserve_per_unit=_PRICE,
    )
    order_id, perm_id, ref = OrderId(number), PermId(900_000_000 + number), order_ref(name)
    execution = Execution(
        exec_id=ExecId(f"0000e0d5.{number:08x}.01.01"),
        account=_ACCOUNT,
        con_id=_CON_ID,
        symbol="AAPL",
        side=side,
        quantity=_QUANTITY,
        price=_PRICE,
        order_id=order_id,
        client_id=_CLIENT,
        perm_id=perm_id,
        order_ref=ref,
        time_utc=_START,
    )
    commission = Commission(execution.exec_id, Decimal("1.00"), "USD")
    submitted = ("Submitted", Decimal(0), _QUANTITY, "")
    filled = ("Filled", _QUANTITY, Decimal(0), "")
    return (
        ev.IntentReviewed(intent, "0" * 64, True, "", "", _CHECKS, "0" * 64),
        ev.OrderPlanned(order_id, _CLIENT, ref, terms),
        ev.OrderSent(order_id),
        ev.OrderStatusSeen(order_id, _CLIENT, perm_id, *submitted),
        ev.ExecutionSeen(execution),
        ev.CommissionSeen(commission),
        ev.OrderStatusSeen(order_id, _CLIENT, perm_id, *filled),
        ev.OrderSettled(order_id, _QUANTITY, "complete list of executions"),
    )
