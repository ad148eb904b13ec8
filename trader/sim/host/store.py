"""The simulator's store: what the broker remembers although the process was killed, and what
need not stay in memory.

One SQLite file. Whoever was told something can rely on it: the host settles the store before it
writes to a socket, so a killed simulator comes back with everything it has ever said. Without a
file it is a temporary database that only takes what left the memory.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from trader.sim.broker.money.accounts import Position, SavedAccount
from trader.sim.gateway.orders.gateway import PlaceFrame
from trader.sim.host.encoding import fields_from_json, from_json, to_json
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Execution, Order, Terms

FORMAT = 4
# Tells a state file of ours from any other SQLite file: "TSIM".
APPLICATION_ID = 0x5453494D
_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE accounts (name TEXT PRIMARY KEY, place INTEGER NOT NULL, body TEXT NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE instruments (con_id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
    "CREATE TABLE orders (perm_id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL,"
    " order_id INTEGER NOT NULL, is_done INTEGER NOT NULL, completed_s REAL NOT NULL,"
    " con_id INTEGER NOT NULL, terms TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE INDEX orders_done ON orders (client_id, order_id) WHERE is_done",
    "CREATE INDEX orders_live ON orders (perm_id) WHERE NOT is_done",
    "CREATE INDEX orders_completed ON orders (completed_s) WHERE is_done",
    "CREATE TABLE executions (place INTEGER PRIMARY KEY, exec_id TEXT NOT NULL,"
    " time_s REAL NOT NULL, con_id INTEGER NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE place_frames (place INTEGER PRIMARY KEY, body TEXT NOT NULL)",
    "CREATE INDEX executions_time ON executions (time_s)",
)
_ORDER_FIELDS = tuple(f.name for f in fields(Order) if f.name not in ("instrument", "terms"))
_EXECUTION_FIELDS = tuple(f.name for f in fields(Execution) if f.name != "instrument")
_FRAME_FIELDS = tuple(f.name for f in fields(PlaceFrame))
_frame_values = attrgetter(*_FRAME_FIELDS)
_POSITION_FIELDS = tuple(f.name for f in fields(Position) if f.name != "instrument")
_ACCOUNT_FIELDS = tuple(f.name for f in fields(SavedAccount) if f.name != "positions")
_position_values = attrgetter(*_POSITION_FIELDS)
_order_values = attrgetter(*_ORDER_FIELDS)
_execution_values = attrgetter(*_EXECUTION_FIELDS)


class StateError(Exception):
    """The state file cannot be used; the text says why."""


def saved_seed(path: Path | None) -> int | None:
    """Return the seed a state file was made with, None when it does not say."""
    if path is None or not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT value FROM meta WHERE key = 'seed'").fetchone()
            return None if row is None else int(json.loads(row[0]))
    except (sqlite3.Error, ValueError, TypeError):
        # Whatever is wrong with the file is told when it is opened to be used.
        return None


class Store:
    """Orders, executions, accounts and counters in one SQLite file."""

    def __init__(self, path: Path | None) -> None:
        """Open or make the file. Raises StateError."""
        self.is_durable = path is not None
        self._name = str(path) if path else ""
        self._instruments: dict[int, Instrument] = {}
        self._terms: dict[int, tuple[Terms, str]] = {}
        try:
            self._db = sqlite3.connect(self._name, isolation_level=None, timeout=1.0)
            self._prepare()
        except sqlite3.Error as error:
            allowed = "a state file of this program, or a new one in an existing directory"
            raise StateError(
                f"state: {self._name} cannot be used: {error}; allowed: {allowed}"
            ) from None

    def _prepare(self) -> None:
        if self.is_durable:
            # A killed process loses nothing that was committed; a power cut may lose the tail.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("BEGIN IMMEDIATE")
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:
            for statement in _TABLES:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
        elif (application, version) != (APPLICATION_ID, FORMAT):
            raise StateError(
                f"state: {self._name} is of kind {application:#x} version {version}; "
                f"allowed: {APPLICATION_ID:#x} version {FORMAT}"
            )
        self._db.execute("COMMIT")
        for con_id, body in self._db.execute("SELECT con_id, body FROM instruments"):
            self._instruments[con_id] = self._decoded(Instrument, body)

    def _decoded(self, kind: type[Any], body: str) -> Any:
        try:
            return from_json(kind, json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(f"state: {self._name} cannot be read: {error!r}") from None

    # -- writing ----------------------------------------------------------------------------------

    def write(
        self,
        *,
        orders: Iterable[Order] = (),
        executions: Iterable[tuple[int, Execution]] = (),
        accounts: Iterable[SavedAccount] = (),
        frames: Iterable[PlaceFrame] = (),
        meta: dict[str, object] | None = None,
    ) -> None:
        """Put all of it down in one transaction; executions come with their place in time."""
        execute = self._db.execute
        execute("BEGIN IMMEDIATE")
        for order in orders:
            self._know(order.instrument)
            execute(
                "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    order.perm_id, order.client_id, order.order_id, order.status.is_done,
                    order.completed_s, order.instrument.con_id, self._terms_text(order),
                    json.dumps(_order_values(order), default=to_json),
                ),
            )  # fmt: skip
        for place, item in executions:
            self._know(item.instrument)
            body = json.dumps(_execution_values(item), default=str)
            execute(
                "INSERT OR REPLACE INTO executions VALUES (?, ?, ?, ?, ?)",
                (place, item.exec_id, item.time_s, item.instrument.con_id, body),
            )
        for place, account in enumerate(accounts):
            body = self._account_body(account)
            execute("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?)", (account.name, place, body))
        for frame in frames:
            body = json.dumps(_frame_values(frame))
            execute("INSERT INTO place_frames (body) VALUES (?)", (body,))
        for key, value in (meta or {}).items():
            execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))
        execute("COMMIT")

    def _account_body(self, account: SavedAccount) -> str:
        for entry in account.positions:
            self._know(entry.instrument)
        body = {name: to_json(getattr(account, name)) for name in _ACCOUNT_FIELDS}
        positions = [(e.instrument.con_id, *_position_values(e)) for e in account.positions]
        return json.dumps(body | {"positions": positions}, default=str)

    def _know(self, item: Instrument) -> None:
        if self._instruments.get(item.con_id) == item:
            return
        body = json.dumps(to_json(item))
        self._db.execute("INSERT OR REPLACE INTO instruments VALUES (?, ?)", (item.con_id, body))
        self._instruments[item.con_id] = item

    def _terms_text(self, order: Order) -> str:
        """Return the terms as text, made once for each value of an order's terms."""
        known = self._terms.get(order.perm_id)
        if known is None or known[0] is not order.terms:
            known = (order.terms, json.dumps(to_json(order.terms)))
            self._terms[order.perm_id] = known
        if order.status.is_done:
            self._terms.pop(order.perm_id, None)
        return known[1]

    # -- reading ----------------------------------------------------------------------------------

    def ended_last(self, count: int) -> list[Order]:
        """Return the orders that ended last, in the order they ended."""
        found = list(self._orders("is_done ORDER BY completed_s DESC, perm_id DESC LIMIT ?", count))
        return found[::-1]

    def live_orders(self) -> list[Order]:
        """Return the orders that had not ended, in the order of their permanent ids."""
        return list(self._orders("NOT is_done ORDER BY perm_id"))

    def orders(self) -> Iterator[Order]:
        """Go through all orders by permanent id."""
        return self._orders("1 ORDER BY perm_id")

    def completed_since(self, epoch_s: float) -> Iterator[Order]:
        """Go through the orders that ended at or after a moment, in the order they ended."""
        return self._orders("is_done AND completed_s >= ? ORDER BY completed_s, perm_id", epoch_s)

    def ended(self, client_id: int, order_id: int) -> Order | None:
        """Return the ended order that a client knows under its own id, None if there is none."""
        clause = "is_done AND client_id = ? AND order_id = ? ORDER BY perm_id DESC LIMIT 1"
        return next(self._orders(clause, client_id, order_id), None)

    def _orders(self, clause: str, *values: object) -> Iterator[Order]:
        text = f"SELECT con_id, terms, body FROM orders WHERE {clause}"  # noqa: S608 - own clauses
        for con_id, terms, body in self._db.execute(text, values):
            found = self._fields(Order, _ORDER_FIELDS, body)
            yield Order(
                instrument=self._instruments[con_id], terms=self._decoded(Terms, terms), **found
            )

    def executions_since(self, epoch_s: float) -> Iterator[Execution]:
        """Go through the executions at or after a moment, in the order they were booked."""
        text = "SELECT con_id, body FROM executions WHERE time_s >= ? ORDER BY place"
        return self._executions(self._db.execute(text, (epoch_s,)))

    def _executions(self, rows: Iterable[tuple[int, str]]) -> Iterator[Execution]:
        for con_id, body in rows:
            found = self._fields(Execution, _EXECUTION_FIELDS, body)
            yield Execution(instrument=self._instruments[con_id], **found)

    def _fields(self, kind: type[Any], names: tuple[str, ...], body: str) -> dict[str, Any]:
        try:
            return fields_from_json(kind, dict(zip(names, json.loads(body), strict=True)))
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(f"state: {self._name} cannot be read: {error!r}") from None

    def frames(self) -> Iterator[PlaceFrame]:
        """Go through the placeOrder frames that were put down, in the order they came."""
        for (body,) in self._db.execute("SELECT body FROM place_frames ORDER BY place"):
            yield PlaceFrame(**self._fields(PlaceFrame, _FRAME_FIELDS, body))

    def accounts(self) -> list[SavedAccount]:
        """Return the accounts in their order."""
        rows = self._db.execute("SELECT body FROM accounts ORDER BY place")
        return [self._account(body) for (body,) in rows.fetchall()]

    def _account(self, body: str) -> SavedAccount:
        try:
            data = json.loads(body)
            positions = tuple(
                Position(
                    self._instruments[con_id],
                    **fields_from_json(Position, dict(zip(_POSITION_FIELDS, row, strict=True))),
                )
                for con_id, *row in data.pop("positions")
            )
            return SavedAccount(positions=positions, **fields_from_json(SavedAccount, data))
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(f"state: {self._name} cannot be read: {error!r}") from None

    def executions_last(self, count: int) -> tuple[int, list[Execution]]:
        """Return the last executions, and how many there are before them."""
        (total,) = self._db.execute("SELECT count(*) FROM executions").fetchone()
        before = max(total - count, 0)
        text = "SELECT con_id, body FROM executions WHERE place >= ? ORDER BY place"
        return before, list(self._executions(self._db.execute(text, (before,))))

    def meta(self) -> dict[str, Any]:
        """Return the counters by name."""
        return {key: json.loads(value) for key, value in self._db.execute("SELECT * FROM meta")}

    def close(self) -> None:
        """Close the file."""
        self._db.close()
