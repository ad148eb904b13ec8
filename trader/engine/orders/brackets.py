"""What the gateway does once for an order and three times for a bracket, before it writes."""

from collections.abc import Sequence

from trader.core.amounts import ZERO
from trader.core.book_view import BookView
from trader.core.bracket_life import held
from trader.core.brackets import Membership, memberships
from trader.core.halts import Lane
from trader.core.ids import OrderId
from trader.core.orders import Order
from trader.core.risk import Approved
from trader.ports import Pacer


def approvals_of(approval: Approved) -> tuple[Approved, ...]:
    """Return every approval that is to become an order, the entry first."""
    return (approval, *approval.legs)


def places_of(
    approval: Approved, ids: Sequence[OrderId]
) -> tuple[tuple[Approved, OrderId, Membership | None], ...]:
    """Give each approval its order id, and its place in the bracket if it is of one."""
    if not approval.legs:
        return ((approval, ids[0], None),)
    entry_id, profit_id, stop_id = ids
    # No other bracket can have this group: an intent's id is never used again.
    places = memberships((entry_id, profit_id, stop_id), str(approval.intent.intent_id))
    return tuple(zip(approvals_of(approval), ids, places, strict=True))


def slots_missing(pacer: Pacer, lane: Lane, approval: Approved) -> int:
    """Take a message slot for each order to be written; returns how many there were none for."""
    missing = 1 + len(approval.legs)
    while missing and pacer.try_take(lane):
        missing -= 1
    return missing


async def take_slots(pacer: Pacer, lane: Lane, count: int, deadline_s: float) -> bool:
    """Wait for so many slots until the monotonic ``deadline_s``; False when it passed."""
    for _ in range(count):
        if not await pacer.take(lane, deadline_s):
            return False
    return True


def planned_ids(book: BookView, approval: Approved) -> list[OrderId]:
    """Return the orders that the book has of an approval by now."""
    records = [book.intents.get(one.intent.intent_id) for one in approvals_of(approval)]
    return [row.order_id for row in records if row is not None and row.order_id is not None]


def goes_with_entry(book: BookView, order: Order) -> bool:
    """Tell whether it is a leg whose entry works: the broker ends it with that, or lets it protect.

    Cancelled beside its entry it would be gone if that fills before its own cancel arrives.
    """
    place = order.terms.bracket
    return place is not None and place.is_leg and place.entry_id in book.live_orders


def is_idle(book: BookView, order: Order) -> bool:
    """Tell whether it is a leg of an entry that is over and of which nothing is held."""
    place = order.terms.bracket
    if place is None or not place.is_leg or goes_with_entry(book, order):
        return False
    return held(book.orders, place) <= ZERO


def has_idle(book: BookView) -> bool:
    """Tell whether a leg works that has nothing to close, and nothing to come."""
    return any(is_idle(book, order) for order in book.live_orders.values())


def without_waiting(book: BookView, orders: Sequence[Order]) -> list[Order]:
    """Leave out the legs that go with their entry."""
    return [order for order in orders if not goes_with_entry(book, order)]
