"""A stage to try a strategy on: the test moves the market, and orders fill against it at once.

Nothing is drawn and no time passes but what the test lets pass. There is no review, no account and
no cost: it shows what a strategy wishes for, and whether it goes on after a restart as before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from trader.core.amounts import ZERO
from trader.core.executions import Execution
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    IntentId,
    OrderId,
    OrderRef,
    PermId,
)
from trader.core.instruments import Instrument, PriceBand
from trader.core.intents import OrderType, Side
from trader.core.market import LIVE, MarketView, Quote
from trader.strategies.base import (
    ChangeResult,
    ChangeStage,
    OwnOrder,
    Strategy,
    Wish,
    WishResult,
)

S = TypeVar("S", bound=Strategy)

_BEGIN_UTC = datetime(2026, 3, 2, 15, tzinfo=UTC)
_ONE = Decimal(1)


@dataclass(slots=True)
class _Working:
    """An order that may still fill."""

    order_id: OrderId
    intent_id: IntentId
    wish: Wish


@dataclass(slots=True)
class Trial(Generic[S]):
    """One strategy with a market and a broker of its own."""

    strategy: S
    # Everything that it has wished for, oldest first.
    wishes: list[Wish] = field(default_factory=list)
    fills: list[Execution] = field(default_factory=list)
    # A code: each wish is refused with it.
    refuses_with: str = ""
    seconds: float = 0.0
    _quotes: dict[ConId, Quote] = field(default_factory=dict)
    _held: dict[ConId, Decimal] = field(default_factory=dict)
    _working: list[_Working] = field(default_factory=list)
    _untold: list[tuple[OrderId, IntentId, Wish]] = field(default_factory=list)
    _turns: list[ChangeResult] = field(default_factory=list)

    def quote(
        self, symbol: str, bid: str | Decimal, ask: str | Decimal, *, after_s: float = 1.0
    ) -> list[Wish]:
        """Let time pass, move a market, show it, and return what was wished for because of it."""
        self.seconds += after_s
        con_id = self.con_id(symbol)
        self._quotes[con_id] = Quote(
            con_id, Decimal(bid), Decimal(ask), data_type=LIVE, received_s=self.seconds
        )
        before = len(self.wishes)
        self._fill()
        self.look()
        return self.wishes[before:]

    def look(self, *, after_s: float = 0.0) -> None:
        """Show the market as it is, after some time in which nothing came."""
        self.seconds += after_s
        now_utc = _BEGIN_UTC + timedelta(seconds=self.seconds)
        self.strategy.on_market(MarketView(now_utc, self.seconds, dict(self._quotes)), self)
        self._tell()

    def restarted(self, make: Callable[[], S]) -> "Trial[S]":
        """Return the trial as it goes on with a new strategy that takes up the state of this."""
        strategy = make()
        strategy.restore(self.strategy.checkpoint())
        return replace(
            self,
            strategy=strategy,
            wishes=[*self.wishes],
            fills=[*self.fills],
            _quotes={**self._quotes},
            _held={**self._held},
            _working=[replace(one) for one in self._working],
            _untold=[*self._untold],
            _turns=[*self._turns],
        )

    def held(self, symbol: str) -> Decimal:
        """Return the signed position in a symbol."""
        return self.position(self.con_id(symbol))

    def con_id(self, symbol: str) -> ConId:
        """Return the contract that a symbol stands for here."""
        return ConId(1 + self.strategy.symbols.index(symbol))

    # ---- the strategy's context

    def instrument(self, symbol: str) -> Instrument | None:
        """Return a stock with steps of a cent."""
        if symbol not in self.strategy.symbols:
            return None
        bands = (PriceBand(ZERO, Decimal("0.01")),)
        return Instrument(self.con_id(symbol), symbol, "STK", "SMART", "USD", _ONE, bands, _ONE, 1)

    def position(self, con_id: ConId) -> Decimal:
        """Return the signed position."""
        return self._held.get(con_id, ZERO)

    def working(self, con_id: ConId) -> Decimal:
        """Return the signed quantity that may still fill."""
        rows = (one.wish for one in self._working if one.wish.con_id == con_id)
        return sum((wish.quantity * wish.side.sign for wish in rows), ZERO)

    def orders(self, con_id: ConId) -> tuple[OwnOrder, ...]:
        """Return the orders that may still fill, oldest first."""
        return tuple(
            OwnOrder(
                one.order_id, one.intent_id, con_id, one.wish.side, one.wish.quantity, ZERO,
                one.wish.limit_price, one.wish.stop_price, is_changing=False,
            )
            for one in self._working
            if one.wish.con_id == con_id
        )  # fmt: skip

    def submit(self, wish: Wish) -> IntentId:
        """Take a wish; the strategy is told what became of it once its look has ended."""
        self.wishes.append(wish)
        number = len(self.wishes)
        intent_id = IntentId(f"trial0-{self.strategy.name}-{number}")
        self._untold.append((OrderId(number), intent_id, wish))
        return intent_id

    def modify(
        self,
        order_id: OrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        reason: str = "",
    ) -> None:
        """Change an order; the strategy is told once its look has ended."""
        for one in self._working:
            if one.order_id == order_id:
                one.wish = replace(
                    one.wish,
                    quantity=quantity or one.wish.quantity,
                    limit_price=limit_price or one.wish.limit_price,
                    stop_price=stop_price or one.wish.stop_price,
                )
                self._turns.append(ChangeResult(order_id, ChangeStage.APPLIED, "", reason))
                return
        text = f"order {order_id} is not working"
        self._turns.append(ChangeResult(order_id, ChangeStage.REFUSED, "ORDER_UNKNOWN", text))

    def cancel_all(self, con_id: ConId, reason: str) -> None:
        """Cancel the orders in an instrument."""
        self._working = [one for one in self._working if one.wish.con_id != con_id]

    # ---- the broker

    def _tell(self) -> None:
        while self._untold or self._turns:
            for order_id, intent_id, wish in self._taken():
                if self.refuses_with:
                    result = WishResult(intent_id, False, self.refuses_with, "refused in the trial")
                    self.strategy.on_result(result, self)
                    continue
                self._working.append(_Working(order_id, intent_id, wish))
                self.strategy.on_result(WishResult(intent_id, True, "", "", order_id), self)
            turns, self._turns = self._turns, []
            for turn in turns:
                self.strategy.on_change(turn, self)
            self._fill()

    def _taken(self) -> list[tuple[OrderId, IntentId, Wish]]:
        taken, self._untold = self._untold, []
        return taken

    def _fill(self) -> None:
        for one in tuple(self._working):
            price = _price(one.wish, self._quotes.get(one.wish.con_id))
            if price is not None:
                self._working.remove(one)
                self._book(one, price)

    def _book(self, one: _Working, price: Decimal) -> None:
        wish = one.wish
        self._held[wish.con_id] = self.position(wish.con_id) + wish.quantity * wish.side.sign
        execution = Execution(
            exec_id=ExecId(f"trial.{len(self.fills) + 1}.01"),
            account=AccountId("TRIAL"),
            con_id=wish.con_id,
            symbol=self.strategy.symbols[wish.con_id - 1],
            side=wish.side,
            quantity=wish.quantity,
            price=price,
            order_id=one.order_id,
            client_id=ClientId(0),
            perm_id=PermId(one.order_id),
            order_ref=OrderRef(one.intent_id),
            time_utc=_BEGIN_UTC + timedelta(seconds=self.seconds),
        )
        self.fills.append(execution)
        self.strategy.on_fill(execution, self)


def _price(wish: Wish, quote: Quote | None) -> Decimal | None:
    """Return at what a wish fills against a quote, or None while it does not."""
    market = None if quote is None else (quote.ask if wish.side is Side.BUY else quote.bid)
    if market is None:
        return None
    if wish.order_type is OrderType.MARKET:
        return market
    edge = wish.limit_price if wish.order_type is OrderType.LIMIT else wish.stop_price
    assert edge is not None, f"{wish.order_type} without its price"
    # A limit waits for a better market, a stop for a worse one.
    beyond = (edge - market) * wish.side.sign
    fills = beyond >= ZERO if wish.order_type is OrderType.LIMIT else beyond <= ZERO
    return market if fills else None
