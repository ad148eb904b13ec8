"""Waits for the first sign of life of each order that left, and says which never gave one."""

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

    def await_of(self, order_id: OrderId, started_s: float, now_s: float) -> None:
        """Expect an answer for an order that has just left."""
        self._waiting[order_id] = _made_waiting(started_s, now_s)

    def on_recorded(self, recorded: ev.Recorded) -> None:
        """Watch for the first sign of life of each order sent."""
        # Only the order that the event changed is looked at: a burst has thousands in flight.
        order_id = self._book.changed_order
        if order_id not in self._waiting or self._is_sent(order_id):
            return
        started_s = self._waiting.pop(order_id).started_s
        elapsed_s = self._clock.monotonic() - started_s
        # Our own doubt and our own cancel are no answers.
        if self._book.orders[order_id].state not in _NO_ANSWER:
            self.observe("intent_to_ack_latency_ms", elapsed_s * 1000)

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
        return late

    def _is_sent(self, order_id: OrderId) -> bool:
        return self._book.orders[order_id].state is OrderState.SENT

    def _sent_s(self, order_id: OrderId) -> float:
        waiting = self._waiting.get(order_id)
        return waiting.sent_s if waiting else float("-inf")


def _ignore_latency(name: str, milliseconds: float) -> None:
    """Stand in until an observer is set."""
