"""What each order of a bracket may fill on the local market, where no broker holds legs back; pure.

Beside :mod:`trader.core.matching`, and like it never kinder than a market:

- The legs wait until their entry fills, and then stand for what it has brought and they have not
  closed: what one of them fills is taken off the other (group type 2, as the order path sends it).
- Once the stop is elected the profit fills nothing more: only one of them is at the exchange.
- An entry that ends takes its legs along if there is nothing to close; if there is, they stay.
- When all is closed and nothing more can come, both legs are over: the one that closed the last of
  it has filled, whatever the size that it was sent with, and the other is cancelled.
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.brackets import Membership
from trader.core.frozen import replace
from trader.core.ids import OrderId
from trader.core.matching import Resting


@dataclass(slots=True)
class LocalGroup:
    """The orders of one bracket: what its entry has brought and its legs have not closed."""

    place: Membership
    held: Decimal = ZERO
    is_entry_over: bool = False

    @property
    def is_over(self) -> bool:
        """Tell whether its legs have nothing to close, and nothing to wait for."""
        return self.is_entry_over and self.held == ZERO

    def is_leg(self, order_id: OrderId) -> bool:
        """Tell whether an order is one of the two that protect."""
        return order_id in self.place.legs

    def part(self, order: Resting, stop: Resting | None) -> Resting | None:
        """Return an order as large as it may fill now, None while it may not.

        ``stop`` is the group's own while it works.
        """
        if not self.is_leg(order.order_id):
            return order
        is_profit = order.order_id == self.place.take_profit_id
        if self.held == ZERO or (is_profit and stop is not None and stop.is_elected):
            return None
        return replace(order, quantity=order.filled + min(order.remaining, self.held))

    def has_filled(self, order: Resting) -> bool:
        """Tell whether nothing is left of an order that has just filled."""
        return order.remaining == ZERO or (self.is_leg(order.order_id) and self.is_over)

    def filled(self, order_id: OrderId, quantity: Decimal) -> None:
        """Take in that one of its orders has filled so much."""
        self.held += -quantity if self.is_leg(order_id) else quantity
        assert self.held >= ZERO, f"legs of {self.place.entry_id} closed what was not there"

    def ended(self, order_id: OrderId) -> None:
        """Take in that nothing of one of its orders works any more."""
        self.is_entry_over = self.is_entry_over or not self.is_leg(order_id)
