"""A strategy that wants anything: buys, sells, exits, changes and cancels, drawn from the seed.

It goes to its limits: it sells all that it holds, asks anew for what it has just taken back, and
now and then wants many things at once. What is counted once too little then shows.
"""

from __future__ import annotations

import random
from decimal import Decimal

from trader.core.bars import Bar, BarSpec
from trader.core.executions import Execution
from trader.core.ids import StrategyName
from trader.core.intents import OrderType, Side
from trader.core.market import Quote, fault
from trader.strategies.base import Context, OrderUpdate, SessionChange, Wish

SYMBOLS = ("AAPL", "IBM", "MSFT", "GOOG")
# Several of them trade the same instruments side by side.
NAMES = tuple(map(StrategyName, ("drawn", "drawn2", "drawn3")))
_CENT = Decimal("0.01")
_AGE_S_MAX = 5.0
_ORDER_MAX = Decimal(500)
# In so many looks it wants more than the broker reads in a second.
_BURST = 0.04


def crowd_in(seed: str) -> tuple[int, float]:
    """Return how many strategies trade in a seed, and how often each wants something.

    All of them together want as much as one alone: each list of orders costs as much as it is long.
    """
    chance = random.Random(f"{seed}/pace")
    count, pace = chance.choice((1, 1, 2, 3)), chance.choice((0.15, 0.4, 0.8))
    return count, pace / count


class DrawnStrategy:
    """Implements ``trader.strategies.base.Strategy``; ``pace`` is how often it wants something."""

    def __init__(self, chance: random.Random, pace: float, name: StrategyName = NAMES[0]) -> None:
        self._chance = chance
        self._pace = pace
        self._name = name
        self.is_resting = False
        self._updates = 0
        self._looked_s = -1.0

    @property
    def name(self) -> StrategyName:
        """Return the name that its intents carry."""
        return self._name

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols whose quotes it wants."""
        return SYMBOLS

    @property
    def bar_spec(self) -> BarSpec | None:
        """Return None: it wants no bars."""
        return None

    @property
    def closing_s(self) -> float:
        """Return 0: it trades to the end."""
        return 0.0

    def on_start(self, context: Context) -> None:
        """Look each second, whether prices come or not."""
        context.set_timer("look", 1.0)

    def on_quote(self, quote: Quote, context: Context) -> None:
        """Look at the market; once for all quotes that have changed."""
        if context.now_s > self._looked_s:
            self._look(context)

    def on_timer(self, name: str, context: Context) -> None:
        """Look again where no price has come."""
        context.set_timer(name, 1.0)
        if context.now_s >= self._looked_s + 1.0:
            self._look(context)

    def _look(self, context: Context) -> None:
        """Perhaps want something, or several things at once."""
        self._looked_s = context.now_s
        if self.is_resting or self._chance.random() >= self._pace:
            return
        for _ in range(self._count()):
            self._want(context)

    def _count(self) -> int:
        is_burst = self._chance.random() < _BURST
        return 12 if is_burst else self._chance.choice((1, 1, 2, 4))

    def _want(self, context: Context) -> None:
        instrument = context.instrument(self._chance.choice(SYMBOLS))
        quote = None if instrument is None else context.quote(instrument.con_id)
        if instrument is None or quote is None or self._is_unfit(quote, context.now_s):
            return
        self._do(quote, context)

    def _is_unfit(self, quote: Quote, now_s: float) -> bool:
        return fault(quote, now_s, _AGE_S_MAX) is not None

    def _do(self, quote: Quote, context: Context) -> None:
        act = self._chance.random()
        if act < 0.02:
            self._cancel_everything(context)
        elif act < 0.1:
            context.cancel_all(quote.con_id, "drawn")
        elif act < 0.3:
            self._change(quote, context)
        if act >= 0.3 or 0.05 <= act < 0.1:
            context.submit(self._wish(quote, context.position(quote.con_id)))

    def _cancel_everything(self, context: Context) -> None:
        for symbol in SYMBOLS:
            instrument = context.instrument(symbol)
            if instrument is not None:
                context.cancel_all(instrument.con_id, "drawn")

    def _wish(self, quote: Quote, held: Decimal) -> Wish:
        chance = self._chance
        side = chance.choice((Side.BUY, Side.SELL)) if held > 0 else Side.BUY
        is_exit = side is Side.SELL
        quantity = self._quantity(held, is_exit=is_exit)
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

    def _quantity(self, held: Decimal, *, is_exit: bool) -> Decimal:
        quantity = Decimal(self._chance.choice((1, 7, 40, 200, 500, 800)))
        if is_exit:
            # All of it, as far as one order may go, in half of the cases.
            quantity = min(_ORDER_MAX if self._chance.random() < 0.5 else quantity, held)
        return quantity

    def _step(self) -> int:
        return self._chance.choice((-1, 1, 5, 20, 200))

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
        quantity = order.quantity + self._step()
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

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        """Count."""
        self._updates += 1

    def on_session(self, change: SessionChange, context: Context) -> None:
        """Learn nothing."""

    def on_bar(self, bar: Bar, context: Context) -> None:
        """Learn nothing."""

    def checkpoint(self) -> str:
        """Return what it needs to go on, which changes as a real one's does."""
        return str(self._updates)

    def restore(self, state: str) -> None:
        """Take up where it was."""
        self._updates = int(state)


def _cents(price: Decimal | None, factor: str) -> Decimal:
    assert price is not None, "looked at before"
    return (price * Decimal(factor)).quantize(_CENT)
