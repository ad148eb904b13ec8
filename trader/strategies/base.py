"""The contract between a strategy and the daemon.

A strategy is plain synchronous code: it is shown the market and its own fills, it wishes through
its context, and it can say at any moment all it needs to go on after a restart.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from trader.core.executions import Execution
from trader.core.ids import ConId, IntentId, StrategyName
from trader.core.instruments import Instrument
from trader.core.intents import OrderType, Side, TimeInForce
from trader.core.market import MarketView


@dataclass(frozen=True, slots=True)
class Wish:
    """What a strategy wants; the daemon gives it an id and makes it an intent."""

    con_id: ConId
    side: Side
    quantity: Decimal
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    is_reduce_only: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WishResult:
    """What became of a wish: refused with a code, or sent."""

    intent_id: IntentId
    is_sent: bool
    code: str
    text: str


class Context(Protocol):
    """What a strategy may see and do."""

    def instrument(self, symbol: str) -> Instrument | None:
        """Return an instrument by symbol, or None until the broker has described it."""

    def position(self, con_id: ConId) -> Decimal:
        """Return this strategy's own signed position, from its own fills."""

    def working(self, con_id: ConId) -> Decimal:
        """Return the signed quantity of this strategy's orders that may still fill.

        A cancelled order counts until it is settled, a few seconds later: replace it when this is
        zero, sized from the position, and never from what the cancel was meant to free (INC-024).
        """

    def submit(self, wish: Wish) -> IntentId:
        """Wish for an order; the result arrives at ``on_result``."""

    def cancel_all(self, con_id: ConId, reason: str) -> None:
        """Cancel this strategy's working orders in an instrument."""


class Strategy(Protocol):
    """A trading strategy."""

    @property
    def name(self) -> StrategyName:
        """Return the name that its intents carry."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols whose quotes it wants."""

    def on_market(self, view: MarketView, context: Context) -> None:
        """Look at the market; called when a quote changed, conflated under load."""

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Learn of a fill of one of its own orders."""

    def on_result(self, result: WishResult, context: Context) -> None:
        """Learn what became of a wish."""

    def checkpoint(self) -> str:
        """Return everything needed to go on, as JSON text."""

    def restore(self, state: str) -> None:
        """Take up what :meth:`checkpoint` returned; raises ValueError if it cannot be read."""
