"""All orders of the broker, their status by the order machine, and who hears of each change."""

from collections.abc import Iterator
from typing import Protocol

from trader.sim.broker import life
from trader.sim.broker.life import Event
from trader.sim.clock import Clock
from trader.sim.model.orders import Execution, Order, Status

BY_TRADER = "Cancelled by Trader"
BY_SYSTEM = "Cancelled by System:\n"
CANCELED = "Order Canceled - reason:"
REJECTED = "Order rejected - reason:"


class Listener(Protocol):
    """Who hears about orders and executions."""

    def order_changed(self, order: Order) -> None:
        """The order has a new state: one openOrder and orderStatus pair."""

    def order_reported(self, order: Order) -> None:
        """The order has a new state that is only told as an orderStatus."""

    def order_ended(self, order: Order, code: int, text: str) -> None:
        """The broker cancelled (202) or refused (201) the order."""

    def order_noted(self, order: Order, code: int, text: str) -> None:
        """Something is to be known about an order whose state has not changed."""

    def executed(self, item: Execution) -> None:
        """An execution was booked."""

    def commission_known(self, item: Execution) -> None:
        """The commission of an execution is known."""


class Register:
    """Every order by its permanent id; the live ones apart."""

    def __init__(self, clock: Clock) -> None:
        self.orders: dict[int, Order] = {}
        self.live: dict[int, Order] = {}
        self.listener: Listener | None = None
        self._clock = clock
        # Orders that want an answer at once are shown only when they have had it.
        self._unshown: dict[int, None] = {}

    def tell(self) -> Listener:
        """Return the listener; nobody trades without one."""
        assert self.listener is not None, "the exchange was started without a listener"
        return self.listener

    def add(self, order: Order) -> None:
        """Know an order."""
        self.orders[order.perm_id] = order
        if not order.status.is_done:
            self.live[order.perm_id] = order

    def working(self) -> Iterator[Order]:
        """Go through the live orders in the order they came."""
        return iter(list(self.live.values()))

    def move(self, order: Order, event: Event) -> None:
        """Let something happen to an order, unseen."""
        order.status = life.after(order.status, event)
        if order.status.is_done:
            self.live.pop(order.perm_id, None)
            order.completed_s = order.completed_s or self._clock.time()
            order.why_held = ""

    def show(self, order: Order) -> None:
        """Tell the present state as a pair."""
        self._unshown.pop(order.perm_id, None)
        self.tell().order_changed(order)

    def hide(self, order: Order) -> None:
        """Keep an order unshown until its first news."""
        self._unshown[order.perm_id] = None

    def is_hidden(self, order: Order) -> bool:
        """Return whether nothing has been told of an order."""
        return order.perm_id in self._unshown

    def end(self, order: Order, event: Event, *, code: int, text: str, completed: str) -> None:
        """End an order and tell its status and the code."""
        self.move(order, event)
        order.completed_text = completed
        self._unshown.pop(order.perm_id, None)
        self.tell().order_ended(order, code, text)

    def end_silently(self, order: Order, status: Status, completed: str) -> None:
        """Put an order that was restored on its way to its end."""
        order.status, order.completed_text = status, completed
        order.completed_s = order.completed_s or self._clock.time()
        self.live.pop(order.perm_id, None)
