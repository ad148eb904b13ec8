"""What is set aside: cash that working orders may still cost, and commissions not yet reported."""

from collections.abc import Iterable
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.intents import Side
from trader.core.orders import Order
from trader.core.policy import CashPolicy


def reserved_cash(orders: Iterable[Order], policy: CashPolicy) -> Decimal:
    """Return what buys, working or settling, may still cost with commissions, whatever fills."""
    total = ZERO
    for order in orders:
        remaining = order.remaining
        if remaining > ZERO:
            total += policy.worst_commission(remaining)
            if order.terms.side is Side.BUY:
                total += remaining * order.reserve_per_unit
    return total


def pending_commission(book: Book, policy: CashPolicy) -> Decimal:
    """Return the worst case of commissions that have not been reported yet."""
    return sum(
        (policy.worst_commission(quantity) for quantity in book.uncommissioned.values()),
        start=ZERO,
    )
