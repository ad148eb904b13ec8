"""Adopting a ticket: an operator accepts the broker's word about one difference.

Nothing is sent. What the broker says *now*, in a complete snapshot, is recorded with who decided
it and why; the next reconciliation shows whether the difference is gone.
"""

from collections.abc import Iterator
from decimal import Decimal

from trader.core import events as ev
from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.drifts import DriftKind
from trader.core.ids import RunId, TicketId, intent_id_in
from trader.core.orders import Order
from trader.core.snapshots import BrokerSnapshot


def adoption(
    book: Book, ticket: ev.TicketOpened, snapshot: BrokerSnapshot, *, reason: str, by: str
) -> tuple[ev.Event, ...]:
    """Return what to record so that the book holds the broker's word; the ticket closes last."""
    return (
        *_accepted(book, ticket, snapshot, reason, by),
        ev.TicketClosed(ticket.ticket_id, reason, by),
    )


def _accepted(
    book: Book, ticket: ev.TicketOpened, snapshot: BrokerSnapshot, reason: str, by: str
) -> Iterator[ev.Event]:
    match ticket.kind:
        case DriftKind.POSITION:
            assert ticket.con_id is not None, "a position ticket names its instrument"
            held = book.positions.get(ticket.con_id)
            rows = {row.con_id: row for row in snapshot.positions}
            told = rows.get(ticket.con_id)
            symbol = told.symbol if told is not None else str(ticket.con_id)
            yield ev.PositionAdjusted(
                con_id=ticket.con_id,
                symbol=held.symbol if held else symbol,
                before=held.quantity if held else ZERO,
                after=snapshot.position_of(ticket.con_id),
                reason=reason,
                by=by,
                average_price=told.average_cost / told.multiplier if told is not None else ZERO,
                multiplier=told.multiplier if told is not None else Decimal(1),
            )
        case DriftKind.CASH:
            for currency, after in sorted(snapshot.cash.items()):
                before = book.cash.get(currency, ZERO)
                if before != after:
                    yield ev.CashAdjusted(currency, before, after, f"{by}: {reason}")
        case DriftKind.ORDER_ABSENT:
            order = _order_of(book, ticket.ticket_id)
            # Among the open ones again, it may still fill: the ticket closes and it stays.
            if order is not None and not _is_open(order, snapshot):
                run_id = RunId(f"operator {by}")
                yield ev.OrderProvenAbsent(order.order_id, run_id, first_run_id=ticket.run_id)
        case DriftKind.EXECUTION_OWED:
            order = _order_of(book, ticket.ticket_id)
            if order is not None and order.is_settling:
                yield ev.OrderSettled(order.order_id, order.filled, f"{by}: {reason}")
        case _:
            # A ghost stays open at the broker until a person cancels it there.
            return


def _order_of(book: Book, ticket_id: TicketId) -> Order | None:
    key = ticket_id.rpartition("-")[2]
    return next((row for row in book.may_fill() if str(row.order_id) == key), None)


def _is_open(order: Order, snapshot: BrokerSnapshot) -> bool:
    return any(
        intent_id_in(row.order_ref) == order.terms.intent_id
        or (order.perm_id and row.perm_id == order.perm_id)
        for row in snapshot.open_orders
    )
