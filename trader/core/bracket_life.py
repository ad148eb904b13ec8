"""What becomes of a bracket once it has left: how much its legs count, and what must be ended.

The three orders live on as three orders; what ties them is asked here, from the orders alone. What
a bracket holds is what its entry has filled less what its legs have. The stop counts for all of
that and the profit for what is left beside it, so that the group counts once, whichever fills.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trader.core.amounts import ZERO
from trader.core.brackets import Membership
from trader.core.frozen import replace
from trader.core.ids import OrderId
from trader.core.orders import Order


class FlawKind(StrEnum):
    """What can be wrong with a bracket."""

    # Its entry may still fill, and no stop stands behind it.
    NAKED_ENTRY = "naked_entry"
    # A leg still works and there is nothing left for it to close.
    NOTHING_TO_CLOSE = "nothing_to_close"
    # It holds something, and its stop is gone.
    NO_STOP = "no_stop"
    # Its legs have closed more than its entry has brought.
    OVER_CLOSED = "over_closed"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One of them, in words; ``order_id`` is to be cancelled, unless it is None."""

    kind: FlawKind
    entry_id: OrderId
    order_id: OrderId | None
    text: str


def held(orders: Mapping[OrderId, Order], place: Membership) -> Decimal:
    """Return what a bracket has brought and not taken off again; below zero when over-closed.

    Of an entry that the book has let go all is counted: the safe side for whoever would close it.
    """
    taken = sum((orders[key].filled for key in place.legs if key in orders), start=ZERO)
    entry = orders.get(place.entry_id)
    if entry is None:
        whole = (orders[key].terms.quantity for key in place.legs if key in orders)
        return max(whole, default=ZERO) - taken
    return entry.filled - taken


def rooms(orders: Mapping[OrderId, Order], place: Membership) -> dict[OrderId, Decimal]:
    """Return how much each leg that is in the book may still trade beside the other."""
    left = max(held(orders, place), ZERO)
    found: dict[OrderId, Decimal] = {}
    for key in place.legs:
        if key not in orders:
            continue
        found[key] = left
        order = orders[key]
        if not order.is_settled:
            left -= min(left, max(order.quantity_max - order.filled, ZERO))
    return found


def alone(orders: Mapping[OrderId, Order], order: Order) -> Decimal:
    """Return what an order may still trade if the other leg of its bracket trades nothing."""
    place = order.terms.bracket
    if place is None or not place.is_leg or order.is_settled:
        return order.remaining
    return min(max(order.quantity_max - order.filled, ZERO), max(held(orders, place), ZERO))


def recounted(orders: Mapping[OrderId, Order], order: Order) -> tuple[Order, ...]:
    """Return the legs that may trade another quantity now that an order of theirs has changed."""
    place = order.terms.bracket
    if place is None:
        return ()
    now = rooms(orders, place)
    return tuple(
        replace(orders[key], room=room) for key, room in now.items() if orders[key].room != room
    )


def flaws(
    orders: Mapping[OrderId, Order], place: Membership, *, is_stop_missing: bool
) -> tuple[Flaw, ...]:
    """Return what is wrong with a bracket; ``is_stop_missing``: a complete look did not show it."""
    entry, stop = orders.get(place.entry_id), orders.get(place.stop_loss_id)
    if entry is None or stop is None:
        return ()  # part of it is long over and let go
    found: list[Flaw] = []
    left = held(orders, place)
    is_stop_over = stop.is_final or is_stop_missing
    if not entry.is_final and is_stop_over:
        how = f"is {stop.state}" if stop.is_final else "is in no list of the broker's"
        text = f"stop {stop.order_id} {how}"
        found.append(Flaw(FlawKind.NAKED_ENTRY, entry.order_id, entry.order_id, text))
    if left < ZERO:
        text = f"legs closed {-left} more than the entry brought"
        found.append(Flaw(FlawKind.OVER_CLOSED, entry.order_id, None, text))
    if left > ZERO and stop.is_final:
        text = f"{left} {entry.terms.symbol} held, stop {stop.order_id} is {stop.state}"
        found.append(Flaw(FlawKind.NO_STOP, entry.order_id, None, text))
    if left <= ZERO and entry.is_settled:
        found += [
            Flaw(FlawKind.NOTHING_TO_CLOSE, entry.order_id, key, "nothing is left to close")
            for key in place.legs
            if key in orders and not orders[key].is_final
        ]
    return tuple(found)
