"""The contract between a strategy and the daemon.

A strategy is plain synchronous code: it is shown the market and its own fills, it wishes through
its context, and it can say at any moment all it needs to go on after a restart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from trader.core.bars import Bar, BarSpec
from trader.core.brackets import Membership
from trader.core.calendar import SessionStage
from trader.core.executions import Execution
from trader.core.ids import ConId, IntentId, OrderId, StrategyName
from trader.core.instruments import Instrument
from trader.core.intents import BracketTerms, OrderType, Side, TimeInForce
from trader.core.market import Quote


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
    # Leaves together with an order that takes the profit and one that bounds the loss, or not.
    bracket: BracketTerms | None = None


class OrderStage(StrEnum):
    """How far a wish, its order, or a change of the order has come."""

    REFUSED = "refused"  # it never left: the review said no, or the last look before the socket
    SENT = "sent"
    WORKING = "working"  # the broker has it
    CANCELLING = "cancelling"
    UNCERTAIN = "uncertain"  # nobody knows whether it works; reconciliation finds out
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    CHANGE_REFUSED = "change refused"  # it never left, and the order goes on as it is
    CHANGE_SENT = "change sent"
    CHANGED = "changed"  # the broker shows the new terms
    CHANGE_DROPPED = "change dropped"  # the broker holds the old terms, and the order works on
    CHANGE_UNCERTAIN = "change uncertain"  # the broker may hold either; both count


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """What has become of a wish; ``code`` is that of a refusal, and empty otherwise.

    ``order_id`` is None where no order was made, and ``intent_id`` where there is no such order.
    """

    intent_id: IntentId | None
    order_id: OrderId | None
    stage: OrderStage
    code: str = ""
    text: str = ""
    # What the order is in its bracket, and which orders the others are.
    bracket: Membership | None = None


@dataclass(frozen=True, slots=True)
class SessionChange:
    """The session of an instrument has come to another stage.

    ``until_close_s`` is how long it lasts, in seconds, while it is on.
    """

    con_id: ConId
    symbol: str
    stage: SessionStage
    until_close_s: float | None = None


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
    # What it is in its bracket, and which orders the others are; also after a restart.
    bracket: Membership | None = None


class Context(Protocol):
    """What a strategy may see and do."""

    @property
    def now_utc(self) -> datetime:
        """Return the wall time of this look."""

    @property
    def now_s(self) -> float:
        """Return the monotonic seconds of this look, in which quotes say when they came."""

    def quote(self, con_id: ConId) -> Quote | None:
        """Return the latest quote, or None; :func:`trader.core.market.fault` says if it is good."""

    def bars(self, con_id: ConId) -> Sequence[Bar]:
        """Return the bars of the size that the strategy asked for, oldest first.

        Those from before its time are the broker's (``source`` is history). A gap that nobody
        could fill is not filled: look at ``start_utc``.
        """

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
        """Wish for an order; what becomes of it arrives at ``on_order``."""

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
        """Wish for other terms of an order of its own; what becomes of it arrives at ``on_order``.

        ``quantity`` is the whole order's, with what has filled of it. None leaves a term as it is.
        """

    def cancel(self, order_id: OrderId, reason: str) -> None:
        """Cancel an order of its own; leaves under any halt."""

    def cancel_all(self, con_id: ConId, reason: str) -> None:
        """Cancel this strategy's working orders in an instrument."""

    def save(self) -> None:
        """Have ``checkpoint`` taken and recorded as soon as this look ends.

        It is also taken before a wish leaves, after bars, and every ``checkpoint_interval_s``.
        What is not in it when the process dies, and was no fill, has never happened.
        """

    def set_timer(self, name: str, after_s: float) -> None:
        """Have ``on_timer`` called once after so many seconds; the same name is set anew.

        Timers end with the process: set them in ``on_start``.
        """


class Strategy(Protocol):
    """A trading strategy.

    Nothing of it may wait, and nothing runs beside it: it is called, it wishes, it returns. It is
    called in the order of this list, at most once in the interval of its looks.
    """

    @property
    def name(self) -> StrategyName:
        """Return the name that its intents carry."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols whose quotes and bars it wants."""

    @property
    def bar_spec(self) -> BarSpec | None:
        """Return which bars it wants, and how many are kept; None for none."""

    @property
    def closing_s(self) -> float:
        """Return how long before the end of a session it wants to be told (seconds)."""

    def on_start(self, context: Context) -> None:
        """Begin: once in a process, after ``restore`` and before everything else."""

    def on_fill(self, execution: Execution, context: Context) -> None:
        """Learn of a fill of one of its own orders, also of one from while it was not there.

        A correction by the broker comes as a fill of its own: ``Context.position`` is what counts.
        """

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        """Learn what has become of a wish, of an order, or of a change of an order."""

    def on_session(self, change: SessionChange, context: Context) -> None:
        """Learn where a session stands: at the beginning, and when it comes to another stage."""

    def on_bar(self, bar: Bar, context: Context) -> None:
        """Look at a bar that has just ended: each once, in order. ``Context.bars`` has the rest."""

    def on_quote(self, quote: Quote, context: Context) -> None:
        """Look at a quote that has changed: the latest one, others may be left out under load."""

    def on_timer(self, name: str, context: Context) -> None:
        """Do what a timer was set for."""

    def checkpoint(self) -> str:
        """Return everything needed to go on, as JSON text."""

    def restore(self, state: str) -> None:
        """Take up what :meth:`checkpoint` returned; raises ValueError if it cannot be read."""
