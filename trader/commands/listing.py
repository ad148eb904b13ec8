"""``trader orders``, ``positions`` and ``fills``: the book as tables, from the journal.

No daemon is needed: the book is the one that a start would have. A position's mark and its result
are the running daemon's alone; ``trader status`` and the page tell them.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.commands.asking import DONE, NOT_DONE, add_reading
from trader.commands.journal_place import journal_asked_for
from trader.config import ConfigError
from trader.core.book import Book
from trader.core.ids import ConId
from trader.core.orders import Order
from trader.ops.status_json import plain
from trader.ops.table_text import table
from trader.store.latest import ROWS_MAX, Known, book_in
from trader.store.rows import JournalUnusable

_LIMIT = 50


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order; prices in the instrument's currency, times UTC."""

    order_id: int
    planned_utc: datetime
    strategy: str
    symbol: str
    side: str
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str
    state: str
    broker_status: str
    perm_id: int
    intent_id: str
    note: str


@dataclass(frozen=True, slots=True)
class PositionLine:
    """A position: signed quantity, average price and realised result before commission."""

    symbol: str
    con_id: int
    quantity: Decimal
    average_price: Decimal
    realized: Decimal
    strategies: str


@dataclass(frozen=True, slots=True)
class FillLine:
    """An execution; ``time_utc`` is None where the broker's text could not be read."""

    time_utc: datetime | None
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    currency: str
    commission: Decimal | None
    order_id: int | None
    strategy: str
    exec_id: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_reading(parser)
    name = parser.get_default("command")
    parser.add_argument("--symbol", metavar="S", help="of this instrument alone")
    if name != "positions":
        parser.add_argument("--strategy", metavar="NAME", help="of this strategy alone")
        parser.add_argument(
            "--limit", type=_limit, default=_LIMIT, metavar="N",
            help=f"the newest N at most (default: {_LIMIT})",
        )  # fmt: skip
    if name == "orders":
        parser.add_argument("--all", action="store_true", help="those that are over, too")


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= ROWS_MAX):
        raise argparse.ArgumentTypeError(f"is {text}, allowed is 1 to {ROWS_MAX}")
    return int(text)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Show a table; returns the exit code."""
    try:
        known = book_in(journal_asked_for(given, environment))
    except (ConfigError, JournalUnusable) as error:
        print(f"trader: {error}", file=sys.stderr)
        return NOT_DONE
    tell = {"orders": _orders, "positions": _positions, "fills": _fills}[given.command]
    tell(given, known)
    return DONE


def _orders(given: argparse.Namespace, known: Known) -> None:
    orders = [
        order
        for order in reversed(known.book.orders.values())
        if (given.all or not order.is_final or order.is_settling)
        and (given.symbol is None or order.terms.symbol == given.symbol)
        and (given.strategy is None or order.terms.strategy == given.strategy)
    ]
    rows = [_order_line(order) for order in orders[: given.limit]]
    nothing = "no orders" if given.all else "no order may still fill (--all: those that are over)"
    shown = Shown("orders", len(orders), nothing)
    _tell(given, known, shown, rows, _ORDER_COLUMNS)


def _order_line(order: Order) -> OrderLine:
    terms = order.terms
    return OrderLine(
        order_id=order.order_id,
        planned_utc=order.planned_utc,
        strategy=terms.strategy,
        symbol=terms.symbol,
        side=terms.side,
        quantity=terms.quantity,
        filled=order.filled,
        average_price=order.average_price,
        order_type=terms.order_type,
        limit_price=terms.limit_price,
        stop_price=terms.stop_price,
        time_in_force=terms.time_in_force,
        state=order.state,
        broker_status=order.broker_status,
        perm_id=order.perm_id,
        intent_id=terms.intent_id,
        note=order.note,
    )


def _positions(given: argparse.Namespace, known: Known) -> None:
    book = known.book
    rows = [
        PositionLine(
            symbol=row.symbol,
            con_id=row.con_id,
            quantity=row.quantity,
            average_price=row.average_price,
            realized=row.realized,
            strategies=_holders(book, row.con_id),
        )
        for row in sorted(book.positions.values(), key=lambda row: (row.symbol, row.con_id))
        if row.quantity and (given.symbol is None or row.symbol == given.symbol)
    ]
    _tell(given, known, Shown("positions", len(rows), "no positions"), rows, _POSITION_COLUMNS)


def _fills(given: argparse.Namespace, known: Known) -> None:
    book = known.book
    rows = []
    for family, fill in reversed(book.fills.items()):
        row, paid = fill.execution, book.commissions.get(family)
        order = book.orders.get(fill.order_id) if fill.order_id is not None else None
        strategy = order.terms.strategy if order is not None else ""
        if given.symbol not in (None, row.symbol) or given.strategy not in (None, strategy):
            continue
        rows.append(
            FillLine(
                time_utc=row.time_utc,
                symbol=row.symbol,
                side=row.side,
                quantity=row.quantity,
                price=row.price,
                currency=row.currency,
                commission=paid.amount if paid is not None else None,
                order_id=fill.order_id,
                strategy=strategy,
                exec_id=row.exec_id,
            )
        )
    shown = Shown("fills", len(rows), "no fills")
    _tell(given, known, shown, rows[: given.limit], _FILL_COLUMNS)


# ---- how it is shown


@dataclass(frozen=True, slots=True)
class Shown:
    """What the rows are, how many there are in all, and what is said where there are none."""

    name: str
    count: int
    nothing: str


# The head of each column, and which value of a row stands below it.
Columns = Mapping[str, str]

_ORDER_COLUMNS: Columns = {
    "ID": "order_id",
    "PLANNED (UTC)": "planned_utc",
    "STRATEGY": "strategy",
    "SYMBOL": "symbol",
    "SIDE": "side",
    "QUANTITY": "quantity",
    "FILLED": "filled",
    "AT": "average_price",
    "TYPE": "order_type",
    "LIMIT": "limit_price",
    "STOP": "stop_price",
    "STATE": "state",
    "INTENT": "intent_id",
    "NOTE": "note",
}
_POSITION_COLUMNS: Columns = {
    "SYMBOL": "symbol",
    "CON ID": "con_id",
    "QUANTITY": "quantity",
    "AVERAGE PRICE": "average_price",
    "REALISED": "realized",
    "STRATEGIES": "strategies",
}
_FILL_COLUMNS: Columns = {
    "TIME (UTC)": "time_utc",
    "SYMBOL": "symbol",
    "SIDE": "side",
    "QUANTITY": "quantity",
    "PRICE": "price",
    "COMMISSION": "commission",
    "ORDER": "order_id",
    "STRATEGY": "strategy",
    "EXECUTION": "exec_id",
}


def _holders(book: Book, con_id: ConId) -> str:
    own = [row for row in book.holdings.rows() if row.con_id == con_id and row.quantity]
    return ", ".join(f"{row.strategy} {row.quantity:f}" for row in own)


def _tell(
    given: argparse.Namespace, known: Known, shown: Shown, rows: Sequence[object], columns: Columns
) -> None:
    """Print the rows, and up to where the journal tells."""
    if given.json:
        body = {"seq": known.seq, "at_utc": known.at_utc, "count": shown.count, shown.name: rows}
        print(json.dumps(plain(body), indent=1))
        return
    if not rows:
        print(shown.nothing)
    else:
        values = [[getattr(row, name) for name in columns.values()] for row in rows]
        print("\n".join(table([*columns], values)))
    if known.at_utc is None:
        print("the journal is empty")
        return
    more = f"{len(rows)} of {shown.count} {shown.name}, " if len(rows) < shown.count else ""
    print(f"{more}as of event {known.seq}, {known.at_utc:%Y-%m-%d %H:%M:%S} UTC")
