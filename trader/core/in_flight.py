"""What one strategy's orders of one instrument may still buy and sell, kept as they change.

The entry of a bracket counts alone: before it fills its legs may trade nothing, and afterwards
they are exits of what it has brought (:mod:`trader.core.bracket_life`).
"""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.frozen import replace
from trader.core.intents import Side
from trader.core.orders import Order


@dataclass(frozen=True, slots=True)
class InFlight:
    """Quantities that may still fill, and their values at the worst price, in ``currency``."""

    currency: str
    buys: Decimal = ZERO
    sells: Decimal = ZERO
    buys_value: Decimal = ZERO
    sells_value: Decimal = ZERO

    @property
    def is_nothing(self) -> bool:
        """Tell whether nothing of it may fill any more."""
        return self.buys == self.sells == ZERO

    def on(self, side: Side) -> Decimal:
        """Return what may still be traded on a side."""
        return self.buys if side is Side.BUY else self.sells

    def beside(self, side: Side, quantity: Decimal, value: Decimal) -> "InFlight":
        """Return it with so much more on a side, or with less for what is negative."""
        if side is Side.BUY:
            return replace(self, buys=self.buys + quantity, buys_value=self.buys_value + value)
        return replace(self, sells=self.sells + quantity, sells_value=self.sells_value + value)

    def with_order(self, order: Order, sign: int) -> "InFlight":
        """Return it with what is left of an order; with a sign of -1 without it."""
        left = order.remaining * sign
        if left == ZERO:
            return self
        return self.beside(order.terms.side, left, left * order.reserve_per_unit)
