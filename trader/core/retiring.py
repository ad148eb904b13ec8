"""What of its history the book may let go: decided here, oldest first and a little at a time.

An order stays while anything about it can still matter: while it works or settles, while one of its
executions is young enough to be told again, while a key of the API door names it. A commission that
has not come by then never does. An id that was let go is not free: :meth:`BookView.is_retired`
knows it.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import islice

from trader.core.book_view import BookView
from trader.core.entries import Fill
from trader.core.history_events import HistoryRetired
from trader.core.ids import ExecFamily, IntentId, OrderId
from trader.core.orders import Order

# TWS tells executions of the last seven days at most.
HISTORY_DAYS_MIN = 8
# Together a millisecond or two of the loop.
_ORDERS_MAX, _INTENTS_MAX, _LOOKED_AT = 50, 200, 500


def retirable(
    book: BookView, before_utc: datetime, refused_before_utc: datetime
) -> HistoryRetired | None:
    """Return what may go now, or None; while a ticket or a letter is open nothing does.

    ``before_utc`` is by the broker's clock, ``refused_before_utc`` by ours.
    """
    # What a person is still to decide may be of any age.
    if book.tickets or book.quarantine.letters:
        return None
    held = _held(book)
    fills, strangers = _old_fills(book, before_utc, held)
    orders: list[OrderId] = []
    intents: list[IntentId] = []
    families: list[ExecFamily] = strangers[:_ORDERS_MAX]
    candidates = (order for key, order in book.orders.items() if key not in held)
    for order in islice(candidates, _LOOKED_AT):
        own = fills.get(order.order_id, {})
        is_over = _is_over(book, order, before_utc) and _is_bracket_over(book, order)
        if is_over and _is_whole(order, own.values()):
            orders.append(order.order_id)
            intents.append(order.terms.intent_id)
            families += own
        if len(orders) == _ORDERS_MAX:
            break
    keys = {row.intent_id for row in book.requests.values()}
    refused = (
        key
        for key, row in islice(book.intents.items(), _LOOKED_AT + len(held))
        if row.order_id is None
        and key not in keys
        and row.at_utc is not None
        and row.at_utc < refused_before_utc
    )
    intents += islice(refused, _INTENTS_MAX)
    if not intents and not families:
        return None
    return HistoryRetired(before_utc, tuple(intents), tuple(orders), tuple(families))


def _held(book: BookView) -> set[OrderId | None]:
    """Return the orders that a key of the API door names; None among them."""
    held: set[OrderId | None] = {None}
    for request in book.requests.values():
        record = None if request.intent_id is None else book.intents.get(request.intent_id)
        held.add(request.order_id if record is None else record.order_id)
    return held


def _old_fills(
    book: BookView, before_utc: datetime, held: set[OrderId | None]
) -> tuple[dict[OrderId, dict[ExecFamily, Fill]], list[ExecFamily]]:
    """Return the oldest executions by order, and those of strangers' orders."""
    ours: dict[OrderId, dict[ExecFamily, Fill]] = {}
    strangers: list[ExecFamily] = []
    candidates = (
        row for row in book.fills.items() if row[1].order_id is None or row[1].order_id not in held
    )
    for family, fill in islice(candidates, _LOOKED_AT):
        at = fill.execution.time_utc
        if at is None or at >= before_utc:
            continue
        if fill.order_id is None:
            strangers.append(family)
        else:
            ours.setdefault(fill.order_id, {})[family] = fill
    return ours, strangers


def _is_over(book: BookView, order: Order, before_utc: datetime) -> bool:
    is_one = not order.is_doubled and order.perm_id not in book.foreign
    return (
        order.is_settled
        and is_one
        and order.told_beyond == 0
        and order.order_id not in book.absent_since
        and (order.changed_utc or order.planned_utc) < before_utc
    )


def _is_bracket_over(book: BookView, order: Order) -> bool:
    """Tell whether no other member of its bracket may trade: how much it may is told by all."""
    place = order.terms.bracket
    members = () if place is None else place.ids
    return all(book.orders[key].is_settled for key in members if key in book.orders)


def _is_whole(order: Order, fills: Iterable[Fill]) -> bool:
    """Tell whether these are all the executions that the order has counted."""
    counted = sum((fill.execution.quantity for fill in fills), start=Decimal(0))
    return counted == order.filled
