"""The contract between a strategy and the daemon.

A strategy is plain synchronous code: it is shown the market and its own fills, it wishes through
its context, and it can say at any moment all it needs to go on after a restart.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from trader.core.executions import Execution
from trader.core.ids import ConId, IntentId, OrderId, StrategyName
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
    # What a change names the order by; None where the wish made none.
    order_id: OrderId | None = None


class ChangeStage(StrEnum):
    """How far a change of an order has come."""

    REFUSED = "refused"  # it never left, and the order goes on as it is
    SENT = "sent"
    APPLIED = "applied"  # the broker shows the new terms
    DROPPED = "dropped"  # the broker holds the old terms, and the order works on
    UNCERTAIN = "uncertain"  # the broker may hold either; both count


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """What has become of a change; ``code`` is that of a refusal, and empty otherwise."""

    order_id: OrderId
    stage: ChangeStage
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """One of a strategy's own orders that may still fill, as the broker has shown to hold it."""

    order_id: OrderId
    intent_id: IntentId
    con_id: ConId
    side: Side
    quantity: Decimal
    filled: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    # While a change is open no other one is taken.
    is_changing: bool


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

    def orders(self, con_id: ConId) -> tuple[OwnOrder, ...]:
        """Return this strategy's own orders in an instrument that may still fill, oldest first."""

    def modify(
        self,
        order_id: OrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        reason: str = "",
    ) -> None:
        """Wish for other terms of an order of its own; what becomes of it arrives at ``on_change``.

        ``quantity`` is the whole order's, with what has filled of it. None leaves a term as it is.
        """

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

    def on_change(self, result: ChangeResult, context: Context) -> None:
        """Learn what has become of a change, at each stage; also of one from before a restart."""

    def checkpoint(self) -> str:
        """Return everything needed to go on, as JSON text."""

    def restore(self, state: str) -> None:
        """Take up what :meth:`checkpoint` returned; raises ValueError if it cannot be read."""
