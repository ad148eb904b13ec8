"""When each order was last asked to end, so that it is asked again, and seldom.

A cancel may stay without an answer for ever; sent again at every look, it would use up the rate of
cancels that an emergency needs.
"""

from collections.abc import Container

from trader.core.ids import OrderId
from trader.ports import Clock

AGAIN_S = 30.0


class Asked:
    """Remembers the orders that one watch wants to end, for as long as they can."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at_s: dict[OrderId, float] = {}

    def keep(self, orders: Container[OrderId]) -> None:
        """Forget every other order."""
        self._at_s = {key: at_s for key, at_s in self._at_s.items() if key in orders}

    def is_first(self, order_id: OrderId) -> bool:
        """Return whether an order has not been asked yet."""
        return order_id not in self._at_s

    def is_due(self, order_id: OrderId) -> bool:
        """Return whether it is time to ask."""
        at_s = self._at_s.get(order_id)
        return at_s is None or self._clock.monotonic() - at_s >= AGAIN_S

    def note(self, order_id: OrderId) -> None:
        """Take down that an order is asked now."""
        self._at_s[order_id] = self._clock.monotonic()
