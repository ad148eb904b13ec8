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
from trader.core.ids import ConId, RunId, TicketId, intent_id_in
from trader.core.marks import Mark
from trader.core.orders import Order
from trader.core.positions import Position
from trader.core.snapshots import BrokerSnapshot, PositionRow
from trader.core.ticketing import Word


def adoption(
    book: Book,
    ticket: ev.TicketOpened,
    snapshot: BrokerSnapshot,
    *,
    reason: str,
    by: str,
    mark: Mark | None = None,
) -> tuple[ev.Event, ...]:
    """Return what to record so that the book holds the broker's word; the ticket closes last.

    ``mark`` is what a unit of the ticket's instrument is worth now, where that is known.
    """
    return (
        *_accepted(book, ticket, snapshot, Word(reason, by), mark),
        ev.TicketClosed(ticket.ticket_id, reason, by),
    )


def _accepted(
    book: Book,
    ticket: ev.TicketOpened,
    snapshot: BrokerSnapshot,
    word: Word,
    mark: Mark | None,
) -> Iterator[ev.Event]:
    reason, by = word.reason, word.by
    match ticket.kind:
        case DriftKind.POSITION:
            assert ticket.con_id is not None, "a position ticket names its instrument"
            yield _adjusted(book, ticket.con_id, snapshot, word, mark)
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


def _adjusted(
    book: Book, con_id: ConId, snapshot: BrokerSnapshot, word: Word, mark: Mark | None
) -> ev.PositionAdjusted:
    held = book.positions.get(con_id)
    told = {row.con_id: row for row in snapshot.positions}.get(con_id)
    symbol = told.symbol if told is not None else str(con_id)
    # What comes or goes by itself is neither won nor lost; in a split nothing does. Without a
    # price it came at what it has cost.
    unit_value: Decimal | None = None
    currency = ""
    if not (held and told and is_split(held, told)):
        if mark is not None:
            unit_value, currency = mark.unit_value, mark.currency
        elif told is not None:
            unit_value, currency = told.average_cost, told.currency
    return ev.PositionAdjusted(
        con_id=con_id,
        symbol=held.symbol if held else symbol,
        before=held.quantity if held else ZERO,
        after=snapshot.position_of(con_id),
        reason=word.reason,
        by=word.by,
        average_price=told.average_cost / told.multiplier if told is not None else ZERO,
        multiplier=told.multiplier if told is not None else Decimal(1),
        unit_value=unit_value,
        currency=currency,
    )


def is_split(held: Position, told: PositionRow) -> bool:
    """Tell whether a quantity changed at the cost that it had, which no trade leaves as it was.

    A trade at about the price moves the cost by the share by which it moves the quantity; a
    quarter of that share is left for commissions, which are in the broker's cost.
    """
    cost = held.quantity * held.average_price * held.multiplier
    if cost == ZERO or (told.quantity > ZERO) is not (held.quantity > ZERO):
        return False
    share = abs(told.quantity / held.quantity - 1)
    return abs(told.quantity * told.average_cost / cost - 1) < share / 4


def _order_of(book: Book, ticket_id: TicketId) -> Order | None:
    key = ticket_id.rpartition("-")[2]
    return next((row for row in book.may_fill() if str(row.order_id) == key), None)


def _is_open(order: Order, snapshot: BrokerSnapshot) -> bool:
    return any(
        intent_id_in(row.order_ref) == order.terms.intent_id
        or (order.perm_id and row.perm_id == order.perm_id)
        for row in snapshot.open_orders
    )
