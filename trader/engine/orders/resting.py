"""What may still trade, as an emergency must know it: from our orders, and from those of others."""

from trader.core import events as ev
from trader.core.flatten import Resting
from trader.core.ids import OrderId
from trader.core.orders import Order


def resting(order: Order) -> Resting:
    """Return an order of ours as an emergency must know it."""
    terms = order.terms
    return Resting(
        con_id=terms.con_id,
        symbol=terms.symbol,
        side=terms.side,
        remaining=order.remaining,
        order_type=str(terms.order_type),
        client_id=order.client_id,
        order_id=order.order_id,
        perm_id=order.perm_id,
        order_ref=order.order_ref,
        status=str(order.state),
    )


def resting_foreign(row: ev.ForeignOrderSeen) -> Resting:
    """Return an order of somebody else as an emergency must know it."""
    return Resting(
        con_id=row.con_id,
        symbol=row.symbol,
        side=row.side,
        # What it has filled is not told: its whole size is the safe side.
        remaining=row.quantity,
        order_type=row.order_type,
        client_id=row.client_id,
        order_id=OrderId(0),
        perm_id=row.perm_id,
        status=row.status,
    )
