"""Takes exits off that have lost what they were to close.

A broker knows no order that may only reduce. Where somebody else closes a position (a person at the
terminal, the margin desk), the exit that rests beside it would open another one on the other side
(INC-102). What together no longer fits into the position goes, stops last, as in an emergency.
"""

from collections.abc import Callable, Iterator

import structlog

from trader.core.amounts import ZERO
from trader.core.bracket_life import alone
from trader.core.flatten import sort_orders
from trader.core.frozen import replace
from trader.core.ids import OrderId
from trader.core.orders import Order, OrderState
from trader.engine.asked import Asked
from trader.engine.orders.resting import resting
from trader.engine.services import Services

log = structlog.get_logger(__name__)

LOOK_S = 0.25
# So long must an exit have been too much: executions of one moment may come one after the other.
HOLD_S = 1.0
Cancel = Callable[[OrderId, str], str | None]


class ExitWatch:
    """Looks at our orders that may only reduce."""

    def __init__(self, services: Services) -> None:
        self._book = services.ledger.book
        self._guard = services.guard
        self._broker = services.broker
        self._clock = services.clock
        self._pager = services.pager
        # Since when each was seen to be too much.
        self._since_s: dict[OrderId, float] = {}
        self._asked = Asked(services.clock)
        # Takes a working order off; of the gateway, once it is there.
        self.cancel: Cancel = _no_cancel

    def look(self) -> None:
        """Cancel what would cross zero, once that has stood for a moment."""
        now_s = self._clock.monotonic()
        lost = list(self._lost())
        self._since_s = {one: self._since_s.get(one, now_s) for one in lost}
        live = self._book.live_orders
        self._asked.keep(live)
        for order_id, since_s in self._since_s.items():
            if now_s - since_s >= HOLD_S and self._asked.is_due(order_id):
                self._take_off(live[order_id])

    def _take_off(self, order: Order) -> None:
        terms, left = order.terms, alone(self._book.orders, order)
        held = self._book.position_of(terms.con_id)
        text = f"{terms.side} {left} {terms.symbol}: {held} is held by now"
        if self._asked.is_first(order.order_id):
            self._pager.page("warning", f"exit {order.order_id} taken off", text)
        self._asked.note(order.order_id)
        problem = self.cancel(order.order_id, f"would cross zero: {text}")
        if problem is not None:
            log.warning("cancel not sent", problem=problem)

    def _lost(self) -> Iterator[OrderId]:
        """Give the exits that do not fit into what is held, where the book can be relied on."""
        exits = [row for row in self._book.live_orders.values() if row.terms.is_reduce_only]
        if not exits or self._guard.book_may_lack() is not None:
            return
        positions = {key: row.quantity for key, row in self._book.positions.items()}
        own = frozenset({self._broker.client_id})
        # Of a bracket's two legs each by itself: where its stop goes, the profit fills for it.
        left = {row.order_id: alone(self._book.orders, row) for row in exits}
        rows = [replace(resting(row), remaining=left[row.order_id]) for row in exits]
        rows = [row for row in rows if row.remaining > ZERO]
        for row in sort_orders(rows, positions, own, keeps_exits=True).cancel:
            if self._book.orders[row.order_id].state is not OrderState.CANCELLING:
                yield row.order_id


def _no_cancel(order_id: OrderId, reason: str) -> str | None:
    """Stand in until the gateway is there."""
    return f"order {order_id}: no gateway yet"
