"""All orders of the broker, their status by the order machine, and who hears of each change.

Live orders and the last ended ones are in memory; older ones may have left it for the past.
"""

from collections.abc import Iterator
from typing import Protocol

from trader.sim.broker.floor.past import NoPast, Past
from trader.sim.broker.orders import life
from trader.sim.broker.orders.life import Event
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
        self.past: Past = NoPast()
        # Ended orders that are in memory, in the order they ended, and by their clients' ids.
        self._ended: dict[int, Order] = {}
        self._ended_by_id: dict[tuple[int, int], Order] = {}
        # Orders that want an answer at once are shown only when they have had it.
        self._unshown: dict[int, None] = {}

    def tell(self) -> Listener:
        """Return the listener; nobody trades without one."""
        assert self.listener is not None, "the exchange was started without a listener"
        return self.listener

    def add(self, order: Order) -> None:
        """Know an order."""
        self.orders[order.perm_id] = order
        if order.status.is_done:
            self._close(order)
        else:
            self.live[order.perm_id] = order

    def working(self) -> Iterator[Order]:
        """Go through the live orders in the order they came."""
        return iter(list(self.live.values()))

    def move(self, order: Order, event: Event) -> None:
        """Let something happen to an order, unseen."""
        order.status = life.after(order.status, event)
        if event is Event.CANCEL_ASKED:
            order.why_held = ""
        if order.status.is_done:
            order.completed_s = order.completed_s or self._clock.time()
            order.why_held = ""
            self._close(order)

    def _close(self, order: Order) -> None:
        self.live.pop(order.perm_id, None)
        self._ended[order.perm_id] = order
        self._ended_by_id[(order.client_id, order.order_id)] = order

    @property
    def ended_count(self) -> int:
        """Return how many ended orders are in memory."""
        return len(self._ended)

    def retire(self, kept: int) -> list[Order]:
        """Forget the orders that ended first, so that so many are kept; return them."""
        found: list[Order] = []
        while len(self._ended) > kept:
            perm_id = next(iter(self._ended))
            order = self._ended.pop(perm_id)
            self.orders.pop(perm_id, None)
            name = (order.client_id, order.order_id)
            if self._ended_by_id.get(name) is order:
                del self._ended_by_id[name]
            found.append(order)
        return found

    def ended(self, client_id: int, order_id: int) -> Order | None:
        """Return the ended order that a client knows under its own id, None if there is none."""
        found = self._ended_by_id.get((client_id, order_id))
        return found or self.past.ended(client_id, order_id)

    def completed_since(self, epoch_s: float) -> Iterator[Order]:
        """Go through the orders that ended at or after a moment, in the order they ended."""
        for order in self.past.completed_since(epoch_s):
            if order.perm_id not in self._ended:
                yield order
        yield from (o for o in list(self._ended.values()) if o.completed_s >= epoch_s)

    def everything(self) -> Iterator[Order]:
        """Go through all orders the broker has ever had, those of the past first."""
        for order in self.past.orders():
            if order.perm_id not in self.orders and not order.is_staged:
                yield order
        yield from list(self.orders.values())

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
        self._close(order)
