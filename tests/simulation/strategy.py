"""A strategy that wants anything: buys, sells, exits, changes and cancels, drawn from the seed."""

from __future__ import annotations

import random
from decimal import Decimal

from trader.core.executions import Execution
from trader.core.ids import StrategyName
from trader.core.intents import OrderType, Side
from trader.core.market import MarketView, Quote, fault
from trader.strategies.base import ChangeResult, Context, Wish, WishResult

SYMBOLS = ("AAPL", "IBM", "MSFT", "GOOG")
NAME = StrategyName("drawn")
_CENT = Decimal("0.01")
_AGE_S_MAX = 5.0


class DrawnStrategy:
    """Implements ``trader.strategies.base.Strategy``; ``pace`` is how often it wants something."""

    def __init__(self, chance: random.Random, pace: float) -> None:
        self._chance = chance
        self._pace = pace
        self.is_resting = False
        self._results = 0

    @property
    def name(self) -> StrategyName:
        """Return the name that its intents carry."""
        return NAME

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols whose quotes it wants."""
        return SYMBOLS

    def on_market(self, view: MarketView, context: Context) -> None:
        """Perhaps want something, or several things at once."""
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

    def _wish(self, quote: Quote, held: Decimal) -> Wish:
        chance = self._chance
        side = chance.choice((Side.BUY, Side.SELL)) if held > 0 else Side.BUY
        is_exit = side is Side.SELL
        quantity = Decimal(chance.choice((1, 7, 40, 200, 800)))
        if is_exit:
            quantity = min(quantity, held)
        kind = chance.choice((OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, OrderType.STOP))
        if kind is OrderType.STOP and not is_exit:
            kind = OrderType.LIMIT
        return Wish(
            con_id=quote.con_id,
            side=side,
            quantity=quantity,
            order_type=kind,
            limit_price=self._limit(quote, side) if kind is OrderType.LIMIT else None,
            stop_price=_cents(quote.bid, "0.99") if kind is OrderType.STOP else None,
            is_reduce_only=is_exit and chance.random() < 0.7,
            reason="drawn",
        )

    def _limit(self, quote: Quote, side: Side) -> Decimal:
        """Return a price that trades at once, or one that waits."""
        if side is Side.BUY:
            return _cents(quote.ask, self._chance.choice(("1.002", "1", "0.9995", "0.99")))
        return _cents(quote.bid, self._chance.choice(("0.998", "1", "1.0005", "1.01")))

    def _change(self, quote: Quote, context: Context) -> None:
        working = context.orders(quote.con_id)
        if not working:
            return
        order = self._chance.choice(working)
        quantity = order.quantity + self._chance.choice((-1, 1, 5, 20))
        limit = None if order.limit_price is None else self._limit(quote, order.side)
        is_amount = limit is None or self._chance.random() < 0.5
        context.modify(
            order.order_id,
            quantity=max(quantity, Decimal(1)) if is_amount else None,
            limit_price=limit,
            reason="drawn",
        )

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Learn nothing."""

    def on_result(self, result: WishResult, context: Context) -> None:
        """Count."""
        self._results += 1

    def on_change(self, result: ChangeResult, context: Context) -> None:
        """Learn nothing."""

    def checkpoint(self) -> str:
        """Return what it needs to go on, which changes as a real one's does."""
        return str(self._results)

    def restore(self, state: str) -> None:
        """Take up where it was."""
        self._results = int(state)


def _cents(price: Decimal | None, factor: str) -> Decimal:
    assert price is not None, "looked at before"
    return (price * Decimal(factor)).quantize(_CENT)
