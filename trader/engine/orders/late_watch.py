"""Takes orders off that nobody wants any more, because they are late.

An order that had no answer may turn up and work, long after it was decided on (INC-004), or after
it was proven absent; whether it stays is the policy's choice. And one that was to expire at the
broker by itself, and has not, is cancelled (INC-082): the broker's word is no promise of ours.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import structlog

from trader.core.ids import OrderId
from trader.core.intents import closes
from trader.core.orders import Order, OrderState
from trader.core.policy import LateOrders, OrderPolicy
from trader.engine.asked import Asked
from trader.engine.services import Services

log = structlog.get_logger(__name__)

LOOK_S = 1.0
# So long after its time an order may still be told to live: the broker's clock, and its word's way.
_OVERDUE = timedelta(seconds=15)
Cancel = Callable[[OrderId, str], str | None]
CancelGhost = Callable[[OrderId, str], None]


class LateWatch:
    """Looks at our orders that live, and at those that live though they are over in the book."""

    def __init__(self, services: Services, policy: OrderPolicy) -> None:
        self._book = services.ledger.book
        self._clock = services.clock
        self._pager = services.pager
        self._broker = services.broker
        self._must_cancel = policy.late_orders is LateOrders.CANCEL
        self._asked = Asked(services.clock)
        # Which orders live that are over in the book; of the reconciler.
        self.ghosts: Callable[[], tuple[OrderId, ...]] = tuple
        # Take a working order off, and one that is over in the book; of the gateway.
        self.cancel: Cancel = _no_cancel
        self.cancel_ghost: CancelGhost = _no_ghost

    def look(self) -> None:
        """Cancel what is late; each once, and again while nobody answers."""
        found = dict(self._late())
        ghosts = self.ghosts() if self._must_cancel else ()
        self._asked.keep({*found, *ghosts})
        if not self._broker.is_connected:
            return
        for order_id, reason in found.items():
            if self._is_due(order_id, reason):
                problem = self.cancel(order_id, reason)
                if problem is not None:
                    log.warning("cancel not sent", problem=problem)
        for order_id in ghosts:
            reason = "it was proven absent, and lives"
            if self._is_due(order_id, reason):
                self.cancel_ghost(order_id, reason)

    def _is_due(self, order_id: OrderId, reason: str) -> bool:
        if not self._asked.is_due(order_id):
            return False
        if self._asked.is_first(order_id):
            self._pager.page("warning", f"order {order_id} taken off", reason)
        self._asked.note(order_id)
        return True

    def _late(self) -> Iterator[tuple[OrderId, str]]:
        """Give the orders that work and should not, with why."""
        now_utc = self._clock.utc()
        for order in self._book.live_orders.values():
            if order.state not in (OrderState.WORKING, OrderState.CANCELLING):
                continue  # of what nobody has answered nothing is known yet
            reason = self._why_late(order, now_utc)
            if reason:
                yield order.order_id, reason

    def _why_late(self, order: Order, now_utc: datetime) -> str:
        ends_utc = order.terms.good_till_utc
        if ends_utc is not None and now_utc - ends_utc > _OVERDUE:
            return f"it should have expired at the broker at {ends_utc:%H:%M:%S} UTC"
        since = order.unanswered_utc
        held, terms = self._book.position_of(order.terms.con_id), order.terms
        is_exit = closes(held, order.signed_remaining, is_reduce_only=terms.is_reduce_only)
        if since is None or not self._must_cancel or is_exit:
            return ""
        return f"nobody had answered at {since:%H:%M:%S} UTC, and it works"


def _no_cancel(order_id: OrderId, reason: str) -> str | None:
    """Stand in until the gateway is there."""
    return f"order {order_id}: no gateway yet"


def _no_ghost(order_id: OrderId, reason: str) -> None:
    """Stand in until the gateway is there."""
