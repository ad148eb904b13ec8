"""Orders of ours that live at the broker more than once; and which row is about which order."""

from collections.abc import Iterable

from trader.core.book import Book
from trader.core.ids import OrderId, PermId
from trader.core.orders import Order
from trader.core.snapshots import BrokerSnapshot, OpenOrderRow

OVER = ("Cancelled", "ApiCancelled", "Filled")


def duplicated_orders(book: Book, snapshot: BrokerSnapshot) -> dict[OrderId, tuple[PermId, ...]]:
    """Return our orders that live at the broker more than once, with their permIds (INC-085).

    A gateway that was cut off makes a second order of a change. The cancel of one says nothing of
    the other, so one that is left of two counts as well.
    """
    alive: dict[OrderId, dict[PermId, None]] = {}
    for row in unique_rows(snapshot.open_orders):
        order = our_order(book, row)
        if order is not None and row.perm_id and row.status not in OVER:
            alive.setdefault(order.order_id, {})[row.perm_id] = None
    return {
        order_id: tuple(perm_ids)
        for order_id, perm_ids in alive.items()
        if len(perm_ids) > 1 or _is_left_of_two(book, order_id)
    }


def twins_of(book: Book, snapshot: BrokerSnapshot) -> frozenset[PermId]:
    """Return the permIds that live beside the one that counts as our order itself.

    They trade like orders of others: beside ours, whatever becomes of it. Of one that is over
    in the book each that lives is a twin.
    """
    found: set[PermId] = set()
    for order_id, perm_ids in duplicated_orders(book, snapshot).items():
        found.update(perm_ids if book.orders[order_id].is_final else sorted(perm_ids)[1:])
    return frozenset(found)


def twins_in(book: Book) -> dict[PermId, OrderId]:
    """Return the twins that the book knows to live, each with the order of ours it is under."""
    return {perm_id: book.perm_ids[perm_id] for perm_id in book.foreign if perm_id in book.perm_ids}


def _is_left_of_two(book: Book, order_id: OrderId) -> bool:
    if not book.orders[order_id].is_final:
        return False
    return sum(1 for known in book.perm_ids.values() if known == order_id) > 1


def unique_rows(rows: Iterable[OpenOrderRow]) -> Iterable[OpenOrderRow]:
    """Return the rows of a list of open orders, each once and in one order."""
    return sorted(dict.fromkeys(rows), key=lambda row: (row.perm_id, row.order_id))


def our_order(book: Book, row: OpenOrderRow) -> Order | None:
    """Return our order that a row is about, or None for a foreign one."""
    return book.find_order(
        order_ref=row.order_ref,
        perm_id=row.perm_id,
        order_id=row.order_id,
        client_id=row.client_id,
    )
