"""The strategy beside an incident: it buys, sells, changes and cancels, within its limits.

What a row says of its incident would be said of the limits as well.
"""

from __future__ import annotations

from decimal import Decimal

from tests.simulation.strategy import DrawnStrategy
from trader.core.market import Quote
from trader.strategies.base import Context

_QUANTITIES = (1, 7, 40, 200, 800)
_STEPS = (-1, 1, 5, 20)


class SteadyStrategy(DrawnStrategy):
    """Wants a little at a time."""

    def _count(self) -> int:
        return self._chance.choice((1, 1, 2, 4))

    def _do(self, quote: Quote, context: Context) -> None:
        act = self._chance.random()
        if act < 0.1:
            context.cancel_all(quote.con_id, "drawn")
        elif act < 0.3:
            self._change(quote, context)
        else:
            context.submit(self._wish(quote, context.position(quote.con_id)))

    def _quantity(self, held: Decimal, *, is_exit: bool) -> Decimal:
        quantity = Decimal(self._chance.choice(_QUANTITIES))
        return min(quantity, held) if is_exit else quantity

    def _step(self) -> int:
        return self._chance.choice(_STEPS)
