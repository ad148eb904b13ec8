"""When an order that is over is settled: what proves that no execution of it is still to come.

A broker may report executions after Cancelled or a rejection, seconds later or after a reconnect
(INC-024). A complete list of executions, asked for long enough after the last word about the
order, proves that there are no more; nothing else does. Until then all that is left of the order
counts as if it worked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.book_view import BookView
from trader.core.events import ExecutionSeen
from trader.core.executions import Execution, newest
from trader.core.ids import AccountId, ConId, ExecFamily
from trader.core.intents import Side
from trader.core.orders import Order

# So many orders are named in a refusal; the others are counted.
_NAMED_MAX = 3
# The newest revision of each execution that the book does not hold.
Missed = dict[ExecFamily, ExecutionSeen]


@dataclass(frozen=True, slots=True)
class Proof:
    """A complete list of executions, as it bears on one order; the book has taken it in."""

    # How long after the last word about the order's end and fills it was asked for.
    age_s: float
    # From when on the list is complete.
    window_utc: datetime
    # Whether positions came with it and agree with the book; None where none were compared.
    is_position_agreed: bool | None


def why_unsettled(order: Order, proof: Proof, settle_s: float) -> str:
    """Say why a list of executions does not settle an order that is over; empty when it does."""
    # NaN compares false with everything: every test is written so that it stays unsettled.
    if not proof.age_s >= settle_s:
        return f"asked for {proof.age_s:.1f} s after its end, wanted are {settle_s:g} s"
    if order.told_beyond > ZERO:
        return _owed_words(order)
    if proof.is_position_agreed is False:
        return "the broker's position is another one than the book's"
    if order.changed_utc is None or order.changed_utc < proof.window_utc:
        # It ended on a day that the list does not reach back to: the position alone can tell.
        return "" if proof.is_position_agreed else "the list does not reach back to its end"
    return ""


def missed_executions(book: Book, account: AccountId, rows: Iterable[Execution]) -> Missed:
    """Return the executions of a list that the book does not hold."""
    news = (row for row in rows if row.account == account and book.is_news(ExecutionSeen(row)))
    return {family: ExecutionSeen(row) for family, row in newest(news).items()}


def settling_words(
    book: BookView, con_id: ConId, side: Side | None, now_utc: datetime, settle_s: float
) -> str:
    """Say what of an instrument's orders is settling and when it is free; empty when nothing is.

    With a ``side`` only the orders of that side are meant.
    """
    rows = [
        row
        for row in book.settling.values()
        if row.terms.con_id == con_id and side in (None, row.terms.side) and row.remaining > ZERO
    ]
    if not rows:
        return ""
    quantity = sum((row.remaining for row in rows), start=Decimal(0))
    names = ", ".join(str(row.order_id) for row in rows[:_NAMED_MAX])
    more = f" and {len(rows) - _NAMED_MAX} more" if len(rows) > _NAMED_MAX else ""
    what = f"{quantity} of it belongs to order {names}{more}, which is over and settling"
    owed = next((row for row in rows if row.told_beyond > ZERO), None)
    if owed is not None:
        # No time frees it: the execution comes, or a person decides.
        return f"{what}: {_owed_words(owed)}"
    wait_s = max(_wait_s(row, now_utc, settle_s) for row in rows)
    if wait_s <= 0:
        return f"{what}: it is free once the broker's list of executions is complete"
    return f"{what}: it is free in about {wait_s:.0f} s"


def _owed_words(order: Order) -> str:
    return f"the broker says {order.broker_filled} filled, its executions make {order.filled}"


def _wait_s(order: Order, now_utc: datetime, settle_s: float) -> float:
    since = now_utc if order.changed_utc is None else order.changed_utc
    # The list itself takes a moment.
    return (since + timedelta(seconds=settle_s + 1) - now_utc).total_seconds()
