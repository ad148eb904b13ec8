"""A stage to try a strategy on: the test moves the market, and orders fill against it at once.

Nothing is drawn and no time passes but what the test lets pass. There is no review, no account and
no cost: it shows what a strategy wishes for, and whether it goes on after a restart as before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from trader.core.amounts import ZERO
from trader.core.bars import Bar, BarSpec
from trader.core.brackets import Membership, Role, leg_intents, memberships
from trader.core.calendar import SessionStage
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
from trader.core.intents import Intent, OrderType, Side
from trader.core.market import LIVE, Quote
from trader.strategies.base import (
    OrderStage,
    OrderUpdate,
    OwnOrder,
    SessionChange,
    Strategy,
    Wish,
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
    filled: Decimal = ZERO
    place: Membership | None = None

    @property
    def is_leg(self) -> bool:
        """Tell whether it protects what the entry of its bracket brings."""
        return self.place is not None and self.place.is_leg


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
    _bars: dict[ConId, list[Bar]] = field(default_factory=dict)
    _timers: dict[str, float] = field(default_factory=dict)
    _held: dict[ConId, Decimal] = field(default_factory=dict)
    _working: list[_Working] = field(default_factory=list)
    # What the entry of each bracket has brought and its legs have not closed.
    _brought: dict[OrderId, Decimal] = field(default_factory=dict)
    _untold: list[tuple[IntentId, Wish]] = field(default_factory=list)
    _last_id: int = 0
    _news: list[OrderUpdate] = field(default_factory=list)
    # The state that was saved last, and how many of the fills it knows of.
    _saved: tuple[str, int] | None = None
    _must_save: bool = False

    def __post_init__(self) -> None:
        """Let the strategy begin."""
        self.strategy.on_start(self)
        self._tell()

    # ---- the market

    def move(
        self,
        symbol: str,
        bid: str | Decimal,
        ask: str | Decimal,
        *,
        after_s: float = 1.0,
        age_s: float = 0.0,
    ) -> list[Wish]:
        """Let time pass, move a market, show it, and return what was wished for because of it.

        ``age_s`` is how long ago the quote came.
        """
        before = len(self.wishes)
        self.wait(after_s)
        con_id = self.con_id(symbol)
        told_s = self.seconds - age_s
        quote = self._quotes[con_id] = Quote(
            con_id, Decimal(bid), Decimal(ask), data_type=LIVE, received_s=told_s
        )
        self._fill()
        self.strategy.on_quote(quote, self)
        self._tell()
        return self.wishes[before:]

    def bar(
        self, symbol: str, close: str | Decimal, *, low: str = "", high: str = ""
    ) -> list[Wish]:
        """Let the next bar of a symbol end, show it, and return what was wished for because of it.

        It opens where the one before has closed; the market then stands at its close.
        """
        return self.bars_of({symbol: close}, low=low, high=high)

    def bars_of(
        self, closes: Mapping[str, str | Decimal], *, low: str = "", high: str = ""
    ) -> list[Wish]:
        """Let the next bars of several symbols end at the same moment, and show them in turn."""
        spec = self.strategy.bar_spec
        assert spec is not None, "the strategy asks for no bars"
        before = len(self.wishes)
        into_s = self.seconds % spec.size_s
        self.wait(spec.size_s - into_s)
        ended = [
            self._bar(symbol, Decimal(close), spec, low, high) for symbol, close in closes.items()
        ]
        self._fill()
        for bar in ended:
            self.strategy.on_bar(bar, self)
        self._must_save = True
        self._tell()
        return self.wishes[before:]

    def wait(self, seconds: float) -> None:
        """Let time pass in which nothing comes but timers."""
        end_s = self.seconds + seconds
        while due := [(at_s, name) for name, at_s in self._timers.items() if at_s <= end_s]:
            at_s, name = min(due)
            self.seconds = max(self.seconds, at_s)
            del self._timers[name]
            self.strategy.on_timer(name, self)
            self._tell()
        self.seconds = end_s

    def session(self, symbol: str, stage: SessionStage, until_close_s: float | None = None) -> None:
        """Let a session come to a stage."""
        change = SessionChange(self.con_id(symbol), symbol, stage, until_close_s)
        self.strategy.on_session(change, self)
        self._tell()

    def restarted(self, make: Callable[[], S]) -> "Trial[S]":
        """Return the trial as it goes on after a kill: a new strategy with the last saved state.

        It is told the fills that this state does not know of, as the daemon tells them.
        """
        strategy = make()
        state, known = self._saved if self._saved is not None else ("", 0)
        if state:
            strategy.restore(state)
        after = replace(
            self,
            strategy=strategy,
            wishes=[*self.wishes],
            fills=[*self.fills],
            _quotes={**self._quotes},
            _bars={key: [*rows] for key, rows in self._bars.items()},
            _timers={},
            _held={**self._held},
            _working=[replace(one) for one in self._working],
            _brought={**self._brought},
            _untold=[],
            _news=[],
        )
        for execution in after.fills[known:]:
            strategy.on_fill(execution, after)
        after._tell()
        return after

    def _bar(self, symbol: str, close: Decimal, spec: BarSpec, low: str, high: str) -> Bar:
        con_id = self.con_id(symbol)
        rows = self._bars.setdefault(con_id, [])
        opened = rows[-1].close if rows else close
        bar = Bar(
            con_id=con_id,
            start_utc=_BEGIN_UTC + timedelta(seconds=self.seconds - spec.size_s),
            size_s=spec.size_s,
            open=opened,
            high=max(opened, close, Decimal(high) if high else close),
            low=min(opened, close, Decimal(low) if low else close),
            close=close,
        )
        rows.append(bar)
        del rows[: -spec.count]
        self._quotes[con_id] = Quote(con_id, close, close, data_type=LIVE, received_s=self.seconds)
        return bar

    def held(self, symbol: str) -> Decimal:
        """Return the signed position in a symbol."""
        return self.position(self.con_id(symbol))

    def con_id(self, symbol: str) -> ConId:
        """Return the contract that a symbol stands for here."""
        return ConId(1 + self.strategy.symbols.index(symbol))

    # ---- the strategy's context

    @property
    def now_utc(self) -> datetime:
        """Return the time in the trial."""
        return _BEGIN_UTC + timedelta(seconds=self.seconds)

    @property
    def now_s(self) -> float:
        """Return the seconds since the trial began."""
        return self.seconds

    def quote(self, con_id: ConId) -> Quote | None:
        """Return the latest quote of an instrument."""
        return self._quotes.get(con_id)

    def bars(self, con_id: ConId) -> Sequence[Bar]:
        """Return the bars that have ended, oldest first."""
        return tuple(self._bars.get(con_id, ()))

    def save(self) -> None:
        """Have the state saved as soon as the strategy's look ends."""
        self._must_save = True

    def set_timer(self, name: str, after_s: float) -> None:
        """Have ``on_timer`` called once after so many seconds."""
        self._timers[name] = self.seconds + after_s

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
        """Return the signed quantity that may still fill; of a bracket's legs that of one."""
        found = ZERO
        for one in self._working:
            is_profit = one.place is not None and one.place.role is Role.TAKE_PROFIT
            if is_profit and self._sibling(one, Role.STOP_LOSS) is not None:
                continue
            if one.wish.con_id == con_id:
                found += self._room(one) * one.wish.side.sign
        return found

    def orders(self, con_id: ConId) -> tuple[OwnOrder, ...]:
        """Return the orders that may still fill, oldest first."""
        return tuple(
            OwnOrder(
                one.order_id, one.intent_id, con_id, one.wish.side, one.wish.quantity, one.filled,
                one.wish.limit_price, one.wish.stop_price, is_changing=False, bracket=one.place,
            )
            for one in self._working
            if one.wish.con_id == con_id
        )  # fmt: skip

    def submit(self, wish: Wish) -> IntentId:
        """Take a wish; the strategy is told what became of it once its look has ended."""
        self.wishes.append(wish)
        intent_id = IntentId(f"trial0-{self.strategy.name}-{len(self.wishes)}")
        self._untold.append((intent_id, wish))
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
                self._news.append(_update(one, OrderStage.CHANGED, text=reason))
                return
        text = f"order {order_id} is not working"
        refused = OrderUpdate(None, order_id, OrderStage.CHANGE_REFUSED, "ORDER_UNKNOWN", text)
        self._news.append(refused)

    def cancel(self, order_id: OrderId, reason: str) -> None:
        """Cancel an order; the strategy is told once its look has ended."""
        for one in tuple(self._working):
            if one.order_id == order_id:
                self._end(one, OrderStage.CANCELLED, reason)

    def cancel_all(self, con_id: ConId, reason: str) -> None:
        """Cancel the orders in an instrument."""
        for one in self.orders(con_id):
            self.cancel(one.order_id, reason)

    # ---- the broker

    def _save(self) -> None:
        self._must_save = False
        self._saved = self.strategy.checkpoint(), len(self.fills)

    def _tell(self) -> None:
        while self._untold or self._news:
            if self._untold:
                # What is asked for is asked with the strategy's state saved before.
                self._save()
            for intent_id, wish in self._taken():
                if self.refuses_with:
                    code, text = self.refuses_with, "refused in the trial"
                    told = OrderUpdate(intent_id, None, OrderStage.REFUSED, code, text)
                    self.strategy.on_order(told, self)
                    continue
                made = self._made(intent_id, wish)
                self._working += made
                for one in made:
                    self.strategy.on_order(_update(one, OrderStage.SENT), self)
            news, self._news = self._news, []
            for update in news:
                self.strategy.on_order(update, self)
            self._fill()
        if self._must_save:
            self._save()

    def _taken(self) -> list[tuple[IntentId, Wish]]:
        taken, self._untold = self._untold, []
        return taken

    def _made(self, intent_id: IntentId, wish: Wish) -> list[_Working]:
        """Return the order of a wish, or the three of a bracket."""
        intent = Intent(
            intent_id, self.strategy.name, wish.con_id, wish.side, wish.quantity, wish.order_type,
            wish.time_in_force, wish.limit_price, wish.stop_price, bracket=wish.bracket,
        )  # fmt: skip
        legs = leg_intents(intent)
        entry, profit, stop = (OrderId(self._last_id + count) for count in (1, 2, 3))
        self._last_id += 1 + len(legs)
        if not legs:
            return [_Working(entry, intent_id, wish)]
        rows = zip((intent, *legs), memberships((entry, profit, stop), intent_id), strict=True)
        self._brought[entry] = ZERO
        return [
            _Working(
                place.ids[number],
                one.intent_id,
                replace(
                    wish,
                    side=one.side,
                    order_type=one.order_type,
                    time_in_force=one.time_in_force,
                    limit_price=one.limit_price,
                    stop_price=one.stop_price,
                    bracket=None,
                ),
                place=place,
            )
            for number, (one, place) in enumerate(rows)
        ]

    def _fill(self) -> None:
        for one in tuple(self._working):
            price = _price(one.wish, self._quotes.get(one.wish.con_id))
            # Gone by now if the other leg of its bracket has filled.
            if price is None or one not in self._working:
                continue
            quantity = self._fills(one)
            if quantity > ZERO:
                self._book(one, quantity, price)

    def _fills(self, one: _Working) -> Decimal:
        """Return how much of an order fills where the market is at its price: all of it."""
        return self._room(one)

    def _room(self, one: _Working) -> Decimal:
        """Return what may still fill of an order; a leg fills no more than its entry brought."""
        left = one.wish.quantity - one.filled
        if one.place is None or not one.is_leg:
            return left
        return min(left, self._brought[one.place.entry_id])

    def _sibling(self, one: _Working, role: Role) -> _Working | None:
        """Return another order of its bracket while it may fill."""
        ids = () if one.place is None else one.place.ids
        for row in self._working:
            if row.order_id in ids and row.place is not None and row.place.role is role:
                return row
        return None

    def _book(self, one: _Working, quantity: Decimal, price: Decimal) -> None:
        wish = one.wish
        self._held[wish.con_id] = self.position(wish.con_id) + quantity * wish.side.sign
        one.filled += quantity
        if one.place is not None:
            self._brought[one.place.entry_id] += -quantity if one.is_leg else quantity
        may_grow = one.is_leg and self._sibling(one, Role.ENTRY) is not None
        if one.filled == wish.quantity or (self._room(one) == ZERO and not may_grow):
            self._end(one, OrderStage.FILLED)
        execution = Execution(
            exec_id=ExecId(f"trial.{len(self.fills) + 1}.01"),
            account=AccountId("TRIAL"),
            con_id=wish.con_id,
            symbol=self.strategy.symbols[wish.con_id - 1],
            side=wish.side,
            quantity=quantity,
            price=price,
            order_id=one.order_id,
            client_id=ClientId(0),
            perm_id=PermId(one.order_id),
            order_ref=OrderRef(one.intent_id),
            time_utc=self.now_utc,
        )
        self.fills.append(execution)
        self.strategy.on_fill(execution, self)

    def _end(self, one: _Working, stage: OrderStage, text: str = "") -> None:
        """Take an order off; the legs of a bracket that holds nothing and brings nothing go too."""
        self._working.remove(one)
        self._news.append(_update(one, stage, text))
        place = one.place
        if place is None or self._brought[place.entry_id] != ZERO:
            return
        if self._sibling(one, Role.ENTRY) is not None:
            return
        for row in [row for row in self._working if row.order_id in place.ids]:
            self._working.remove(row)
            self._news.append(_update(row, OrderStage.CANCELLED, "nothing is left to close"))


def _update(one: _Working, stage: OrderStage, text: str = "") -> OrderUpdate:
    return OrderUpdate(one.intent_id, one.order_id, stage, text=text, bracket=one.place)


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
