"""Waits for the first sign of life of each order that left, and says which never gave one.

How long an order takes is told on the way: until the broker answers, and until something fills.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trader.core import events as ev
from trader.core.frozen import maker
from trader.core.ids import OrderId
from trader.core.orders import OrderState
from trader.engine.services import Services

LatencyObserver = Callable[[str, float], None]
_NO_ANSWER = (OrderState.UNKNOWN, OrderState.CANCELLING)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """When an unanswered order was asked for and when it left, monotonic."""

    started_s: float
    sent_s: float


_made_waiting = maker(_Waiting)


class Answers:
    """What left and has not been answered."""

    def __init__(self, services: Services) -> None:
        self._ledger = services.ledger
        self._book = services.ledger.book
        self._clock = services.clock
        # Told of each latency, by its name and in milliseconds.
        self.observe: LatencyObserver = _ignore_latency
        self._waiting: dict[OrderId, _Waiting] = {}
        # When each order was asked for that has left and of which nothing has filled yet.
        self._unfilled: dict[OrderId, float] = {}
        # Told of each id that came again with another content: what it was the id of.
        self.on_reuse: Callable[[str], None] = _ignore_reuse

    def await_of(self, order_id: OrderId, started_s: float, now_s: float) -> None:
        """Expect an answer for an order that has just left."""
        self._waiting[order_id] = _made_waiting(started_s, now_s)
        self._unfilled[order_id] = started_s

    def on_recorded(self, recorded: ev.Recorded) -> None:
        """Watch for the first sign of life of each order sent."""
        # Only the order that the event changed is looked at: a burst has thousands in flight.
        order_id = self._book.changed_order
        if order_id in self._unfilled:
            self._note_fill(order_id)
        if order_id not in self._waiting or self._is_sent(order_id):
            return
        started_s = self._waiting.pop(order_id).started_s
        elapsed_s = self._clock.monotonic() - started_s
        # Our own doubt and our own cancel are no answers.
        if self._book.orders[order_id].state not in _NO_ANSWER:
            self.observe("intent_to_ack_latency_ms", elapsed_s * 1000)

    def _note_fill(self, order_id: OrderId) -> None:
        """Tell of the first execution of an order; one that ends without any is no measure."""
        order = self._book.orders[order_id]
        if not order.filled and not order.is_final:
            return
        started_s = self._unfilled.pop(order_id)
        # The legs of a bracket are to wait: how long is for the market to say.
        is_leg = order.terms.bracket is not None and order.terms.bracket.is_leg
        if order.filled and not is_leg:
            elapsed_s = self._clock.monotonic() - started_s
            self.observe("intent_to_fill_latency_ms", elapsed_s * 1000)

    def mark_unanswered(self, older_than_s: float, reason: str) -> list[OrderId]:
        """Make orders UNKNOWN that left that long ago unanswered."""
        now_s = self._clock.monotonic()
        late = [
            order.order_id
            for order in self._book.live_orders.values()
            if order.state is OrderState.SENT
            and now_s - self._sent_s(order.order_id) >= older_than_s
        ]
        for order_id in late:
            self._ledger.record(ev.OrderUnanswered(order_id, reason))
        # An answer that another observer answered with an event of its own went by unseen.
        for order_id in [key for key in self._waiting if not self._is_sent(key)]:
            del self._waiting[order_id]
        live = self._book.live_orders
        for order_id in [key for key in self._unfilled if key not in live]:
            del self._unfilled[order_id]
        return late

    def _is_sent(self, order_id: OrderId) -> bool:
        return self._book.orders[order_id].state is OrderState.SENT

    def _sent_s(self, order_id: OrderId) -> float:
        waiting = self._waiting.get(order_id)
        return waiting.sent_s if waiting else float("-inf")


def _ignore_latency(name: str, milliseconds: float) -> None:
    """Stand in until an observer is set."""


def _ignore_reuse(what: str) -> None:
    """Stand in until somebody counts."""
