"""A trading daemon's journal, read through its published views and never written.

The file may be in use: it is opened read-only and read in one transaction, which sees one moment
and holds up no writer. Only the views are used, and of those only columns that are promised to
stay, so this knows nothing of how the daemon is made. Sums are made here, because the database
would make them in floating point.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Container
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.sim.oracle.fields import Fields, execution_of, terms_of
from trader.sim.oracle.records import (
    Cash,
    EmergencyOrder,
    Halt,
    InputError,
    Journal,
    JournalChange,
    JournalCommission,
    JournalExecution,
    JournalOrder,
    Position,
    State,
    Ticket,
)

# "TRDJ": the mark of a journal, and the first version whose views tell emergency orders.
APPLICATION_ID = 0x5452444A
VERSION_MIN = 12
_BUSY_S = 5.0
_STATES = tuple(State)
_ALLOWED = "allowed: the journal.db of a daemon"


def read_journal(path: Path) -> Journal:
    """Return what the journal at ``path`` amounts to. Raises InputError."""
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise InputError(f"journal: {path} {what}; {_ALLOWED}")
    try:
        # As a URI, because only that can ask for read-only; the path may hold ? and #.
        with closing(
            sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S,
                isolation_level=None,
            )
        ) as db:  # fmt: skip
            db.row_factory = sqlite3.Row
            _check(db, path)
            db.execute("BEGIN")
            return _Reader(db, path).journal()
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", type(error).__name__)
        text = " ".join(str(error).split())
        raise InputError(f"journal: {path} cannot be read ({code}: {text}); {_ALLOWED}") from None


def _check(db: sqlite3.Connection, path: Path) -> None:
    ((application_id,),) = db.execute("PRAGMA application_id").fetchall()
    ((version,),) = db.execute("PRAGMA user_version").fetchall()
    if application_id != APPLICATION_ID:
        raise InputError(f"journal: {path} is a database of another program; {_ALLOWED}")
    if version < VERSION_MIN:
        raise InputError(
            f"journal: {path} has version {version}; allowed: {VERSION_MIN} or later "
            "(a start of the daemon brings it up to date)"
        )
    ((verdict,), *_) = db.execute("PRAGMA quick_check(1)").fetchall()
    if verdict != "ok":
        text = " ".join(str(verdict).split())
        raise InputError(f"journal: {path} cannot be read (damaged: {text}); {_ALLOWED}")


class _Reader:
    """One transaction on one journal."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self._path = db, path

    def journal(self) -> Journal:
        """Read every view once."""
        rows = self._rows("v_journal")
        if len(rows) != 1:
            raise InputError(
                f"journal: {self._path} has {len(rows)} rows that say it was opened; allowed: 1"
            )
        (top,) = rows
        expiring = {row.whole("order_id") for row in self._rows("v_expiries")}
        brackets = self._rows("v_brackets")
        legs = {row.whole("order_id") for row in brackets if row.text("role") != "entry"}
        return Journal(
            account=top.text("account") if top.has("account") else "",
            order_ref_prefix=top.text("order_ref_prefix"),
            opened_us=top.whole("at_us"),
            baseline_us=top.whole("baseline_at_us") if top.has("baseline_at_us") else None,
            last_seq=top.whole("last_seq"),
            event_count=top.whole("event_count"),
            orders=tuple(_order(row, expiring, legs) for row in self._rows("v_orders")),
            emergencies=tuple(
                EmergencyOrder(
                    order_ref=row.text("order_ref"),
                    con_id=row.whole("con_id"),
                    side=row.text("side"),
                    quantity=row.decimal("quantity"),
                )
                for row in self._rows("v_emergency_orders")
            ),
            changes=tuple(
                JournalChange(row.whole("order_id"), row.whole("at_us"))
                for row in self._rows("v_changes")
            ),
            recorded=tuple(row.text("exec_id") for row in self._rows("v_executions")),
            executions=tuple(_execution(row) for row in self._rows("v_executions_latest")),
            commissions=tuple(
                JournalCommission(row.text("exec_id"), row.decimal("amount"))
                for row in self._rows("v_commissions")
            ),
            baselined=frozenset(row.text("family") for row in self._rows("v_baseline_executions")),
            positions=self._positions(),
            cash=self._cash(),
            halts=tuple(
                Halt(row.whole("seq"), row.text("cause"), row.flag("is_raised"))
                for row in self._rows("v_halts")
            ),
            tickets=tuple(
                Ticket(row.text("ticket_id"), row.text("text"))
                for row in self._rows("v_tickets")
                if not row.has("closed_seq")
            ),
        )

    def _rows(self, view: str) -> list[Fields]:
        found: list[Any] = self._db.execute(f"SELECT * FROM {view} ORDER BY seq").fetchall()  # noqa: S608
        return [Fields(f"journal: {view} seq {row['seq']}", dict(row)) for row in found]

    def _positions(self) -> tuple[Position, ...]:
        held: dict[int, Decimal] = defaultdict(Decimal)
        symbols: dict[int, str] = {}
        for row in self._rows("v_position_parts"):
            con_id = row.whole("con_id")
            held[con_id] += row.decimal("quantity")
            symbols[con_id] = row.text("symbol")
        return tuple(Position(key, symbols[key], quantity) for key, quantity in held.items())

    def _cash(self) -> tuple[Cash, ...]:
        held: dict[str, Decimal] = defaultdict(Decimal)
        for row in self._rows("v_cash_parts"):
            part = row.decimal("amount") * row.decimal("quantity") * row.decimal("multiplier")
            held[row.text("currency")] += part
        return tuple(Cash(currency, amount) for currency, amount in held.items())


def _order(row: Fields, expiring: Container[int], legs: Container[int]) -> JournalOrder:
    terms = terms_of(row, tif="time_in_force")
    if row.whole("order_id") in expiring:
        terms = replace(terms, time_in_force="GTD")
    desired = None
    if row.has("desired_quantity"):
        desired = replace(
            terms,
            quantity=row.decimal("desired_quantity"),
            limit_price=row.price("desired_limit_price"),
            stop_price=row.price("desired_stop_price"),
        )
    return JournalOrder(
        seq=row.whole("seq"),
        at_us=row.whole("at_us"),
        order_id=row.whole("order_id"),
        client_id=row.whole("client_id"),
        order_ref=row.text("order_ref"),
        symbol=row.text("symbol"),
        terms=terms,
        strategy=row.text("strategy"),
        is_reduce_only=row.flag("is_reduce_only"),
        sent_seq=row.whole("sent_seq") if row.has("sent_seq") else None,
        state=State(row.choice("state", _STATES)),
        desired=desired,
        broker_status=row.text("broker_status") if row.has("broker_status") else "",
        is_leg=row.whole("order_id") in legs,
    )


def _execution(row: Fields) -> JournalExecution:
    return JournalExecution(
        execution=execution_of(row),
        our_order_id=row.whole("our_order_id") if row.has("our_order_id") else None,
    )
