"""The strategy beside an incident: it buys, sells, changes and cancels, within its limits.

What a row says of its incident would be said of the limits as well.
"""

from __future__ import annotations

from decimal import Decimal

from tests.simulation.strategy import SYMBOLS, DrawnStrategy
from trader.core.market import MarketView, fault
from trader.strategies.base import Context

_AGE_S_MAX = 5.0
_QUANTITIES = (1, 7, 40, 200, 800)
_STEPS = (-1, 1, 5, 20)


class SteadyStrategy(DrawnStrategy):
    """Wants a little at a time."""

    def on_market(self, view: MarketView, context: Context) -> None:
        """Perhaps want something, or a few things at once."""
        if self.is_resting or self._chance.random() >= self._pace:
            return
        for _ in range(self._chance.choice((1, 1, 2, 4))):
            self._want(view, context)

    def _want(self, view: MarketView, context: Context) -> None:
        instrument = context.instrument(self._chance.choice(SYMBOLS))
        quote = view.quotes.get(instrument.con_id) if instrument is not None else None
        if instrument is None or quote is None or fault(quote, view.now_s, _AGE_S_MAX):
            return
        act = self._chance.random()
        if act < 0.1:
            context.cancel_all(instrument.con_id, "drawn")
        elif act < 0.3:
            self._change(quote, context)
        else:
            context.submit(self._wish(quote, context.position(instrument.con_id)))

    def _quantity(self, held: Decimal, *, is_exit: bool) -> Decimal:
        quantity = Decimal(self._chance.choice(_QUANTITIES))
        return min(quantity, held) if is_exit else quantity

    def _step(self) -> int:
        return self._chance.choice(_STEPS)
