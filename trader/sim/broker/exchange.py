"""The broker's back end: the order book, matching and executions, whoever is connected.

It knows nothing of sockets, sessions or the API: it takes orders, changes and cancels, matches
them against quotes, books executions, and tells one listener what happened, in order.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from trader.sim.broker.accounts import Account
from trader.sim.broker.bank import Bank
from trader.sim.broker.execution_ids import ExecutionIds, revised
from trader.sim.clock import Clock
from trader.sim.market.market import Market
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Execution, Order, Side, Status, Terms

PARTS_MAX = 3
MANUAL_PERM_ID = 1_518_189_976_000_000_000
_VENUES = ("ISLAND", "ARCA", "IEX", "BATS", "NYSE")


class Listener(Protocol):
    """Who hears about orders and executions."""

    def order_changed(self, order: Order) -> None:
        """The order has a new state: one openOrder and orderStatus pair."""

    def order_ended(self, order: Order, code: int, text: str) -> None:
        """The broker cancelled (202) or refused (201) the order."""

    def executed(self, item: Execution) -> None:
        """An execution was booked."""

    def commission_known(self, item: Execution) -> None:
        """The commission of an execution is known."""


@dataclass(frozen=True, slots=True)
class Latency:
    """A range of seconds that delays are drawn from."""

    low_s: float
    high_s: float

    def draw(self, rng: random.Random) -> float:
        """Return a delay; no draw is spent when the range is zero."""
        return rng.uniform(self.low_s, self.high_s) if self.high_s > 0 else 0.0


class Exchange:
    """Working orders, matching and the account behind them."""

    def __init__(
        self,
        clock: Clock,
        market: Market,
        accounts: Sequence[Account],
        rng: random.Random,
        fill: Latency,
    ) -> None:
        self.market, self.fill = market, fill
        self.bank = Bank(accounts, self.quote)
        self.orders: dict[int, Order] = {}
        self.executions: list[Execution] = []
        self.ids = ExecutionIds(clock)
        # The last quote of each instrument, by contract id.
        self.quotes: dict[int, Quote] = {}
        self.listener: Listener | None = None
        self._clock, self._rng = clock, rng
        # Live orders by contract id, then by permanent id.
        self._working: dict[int, dict[int, Order]] = {}

    def _tell(self) -> Listener:
        assert self.listener is not None, "the exchange was started without a listener"
        return self.listener

    def next_perm_id(self) -> int:
        """Issue a permanent id; they only grow."""
        return self.ids.next_perm_id()

    def quote(self, item: Instrument) -> Quote:
        """Return the last quote of the instrument."""
        found = self.quotes.get(item.con_id)
        if found is None:
            found = self.quotes[item.con_id] = self.market.quote(item)
        return found

    def working(self) -> list[Order]:
        """Return all live orders in the order they came."""
        return [order for order in self.orders.values() if not order.status.is_done]

    # -- orders in ----------------------------------------------------------------------------

    def submit(self, order: Order) -> None:
        """Take a new order: PreSubmitted, or Inactive when it cannot be paid for."""
        self.orders[order.perm_id] = order
        reason = self.bank.refusal(order)
        if reason:
            self._end(order, Status.INACTIVE, 201, f"Order rejected - reason:{reason}")
            return
        order.status = Status.PRE_SUBMITTED
        order.why_held = _why_held(order)
        self._working.setdefault(order.instrument.con_id, {})[order.perm_id] = order
        self.bank.reserve(order)
        self._tell().order_changed(order)
        self._wake(order)

    def change(self, order: Order, terms: Terms) -> None:
        """Give a live order new terms; a fill in flight is dropped and looked at anew."""
        assert terms.quantity is not None, "checked by the gateway"
        order.quantity = max(terms.quantity, order.filled)
        order.terms = terms
        order.changes += 1
        order.plan += 1
        order.is_filling = False
        order.why_held = _why_held(order)
        self.bank.reserve(order)
        if not order.remaining:
            self._finish(order)
            self._tell().order_changed(order)
            return
        # The gateway shows a change as two pairs with the new values.
        self._tell().order_changed(order)
        self._tell().order_changed(order)
        self._wake(order)

    def cancel(self, order: Order, text: str = "Order Canceled - reason:") -> None:
        """End a live order."""
        self._end(order, Status.CANCELLED, 202, text)
        order.completed_text = "Cancelled by Trader"

    def _end(self, order: Order, status: Status, code: int, text: str) -> None:
        order.status, order.why_held = status, ""
        order.completed_text = text
        self._retire(order)
        self._tell().order_ended(order, code, text)

    def _retire(self, order: Order) -> None:
        order.is_filling = False
        order.completed_s = self._clock.time()
        self._working.get(order.instrument.con_id, {}).pop(order.perm_id, None)
        self.bank.release(order)

    def restore(self, order: Order) -> None:
        """Put back an order from saved state."""
        self.orders[order.perm_id] = order
        if order.status.is_done:
            return
        if order.tif in ("IOC", "FOK"):
            # It was on its way through the market when the process ended: it is not resting.
            order.status, order.completed_text = Status.CANCELLED, "Order Canceled - reason:"
        else:
            if not order.why_held:
                order.status = Status.SUBMITTED
            self._working.setdefault(order.instrument.con_id, {})[order.perm_id] = order
            self.bank.reserve(order)

    # -- matching -----------------------------------------------------------------------------

    def take_quote(self, quote: Quote) -> None:
        """Take a new quote and look at every order of that instrument."""
        con_id = quote.instrument.con_id
        self.quotes[con_id] = quote
        waiting = self._working.get(con_id)
        if waiting:
            for order in list(waiting.values()):
                if not order.is_filling and not order.status.is_done:
                    self._look(order)

    def _wake(self, order: Order) -> None:
        """Let an order just taken or changed go on to the market after the fill latency."""
        plan = order.plan
        order.is_filling = True

        def enter() -> None:
            if order.plan != plan or order.status.is_done:
                return
            order.is_filling = False
            if not order.why_held and order.status is Status.PRE_SUBMITTED:
                order.status = Status.SUBMITTED
                for _ in range(1 + (self._rng.random() < 0.3)):
                    self._tell().order_changed(order)
            self._look(order)
            if order.tif in ("IOC", "FOK") and not order.is_filling and not order.status.is_done:
                self._kill(order)

        self._after(self.fill.draw(self._rng) / 4, enter)

    def _after(self, delay_s: float, step: Callable[[], None]) -> None:
        if delay_s > 0:
            self._clock.call_later(delay_s, step)
        else:
            step()

    def _look(self, order: Order) -> None:
        quote = self.quote(order.instrument)
        if order.why_held and not self._trigger(order, quote):
            return
        if self._price(order, quote) is not None:
            self._plan(order)

    def _trigger(self, order: Order, quote: Quote) -> bool:
        stop = order.aux_price
        assert stop is not None, "an order held for its trigger has a stop price"
        if order.side is Side.BUY and quote.last < stop:
            return False
        if order.side is Side.SELL and quote.last > stop:
            return False
        order.triggered, order.why_held = True, ""
        order.status = Status.SUBMITTED
        self._tell().order_changed(order)
        return True

    def _price(self, order: Order, quote: Quote) -> Decimal | None:
        """Return the price at which the order would trade now, None if it would not."""
        buys = order.side is Side.BUY
        touch = quote.ask if buys else quote.bid
        limit = order.limit_price if order.order_type in ("LMT", "STP LMT") else None
        if limit is not None and (limit < touch if buys else limit > touch):
            return None
        tick = order.instrument.tick
        if limit is None and self._rng.random() < 0.2:
            touch += tick * order.side.sign  # slippage of a market order
        return min(max(touch, quote.floor), quote.ceiling)

    def _plan(self, order: Order) -> None:
        """Cut what is left into parts and fill them one after the other."""
        order.is_filling = True
        whole = int(order.remaining)
        parts = 1 if order.tif == "FOK" else self._rng.randint(1, min(PARTS_MAX, max(whole, 1)))
        cuts = sorted(self._rng.sample(range(1, whole), parts - 1)) if parts > 1 else []
        sizes = [Decimal(b - a) for a, b in zip([0, *cuts], cuts, strict=False)]
        sizes.append(order.remaining - sum(sizes, ZERO))
        delays = sorted(self.fill.draw(self._rng) for _ in sizes)
        self._next_part(order, order.plan, sizes, delays, 0.0)

    def _next_part(
        self, order: Order, plan: int, sizes: list[Decimal], delays: list[float], passed_s: float
    ) -> None:
        def part() -> None:
            if order.plan != plan or order.status.is_done:
                return
            price = self._price(order, self.quote(order.instrument))
            if price is None:
                order.is_filling = False
                if order.tif in ("IOC", "FOK"):
                    self._kill(order)
                return
            self._fill(order, sizes[0], price)
            if len(sizes) > 1:
                self._next_part(order, plan, sizes[1:], delays[1:], delays[0])

        self._after(delays[0] - passed_s, part)

    def _kill(self, order: Order) -> None:
        """End what an IOC or FOK order could not trade at once."""
        if order.tif == "FOK":
            self._end(order, Status.INACTIVE, 201, "Order rejected - reason:FOK not fillable")
        else:
            self._end(order, Status.CANCELLED, 202, "Order Canceled - reason:")

    def _fill(self, order: Order, quantity: Decimal, price: Decimal) -> None:
        commission = self.bank.commission(order, quantity, price)
        order.filled += quantity
        order.paid += quantity * price
        order.charged += commission
        order.last_price = price
        done = not order.remaining
        order.status = Status.FILLED if done else Status.SUBMITTED
        item = self._book(order, quantity, price, commission)
        if done:
            self._finish(order)
        else:
            self.bank.reserve(order)
        listener = self._tell()
        listener.executed(item)
        listener.order_changed(order)
        if done:
            order.commission = order.charged
            listener.order_changed(order)
        listener.commission_known(item)

    def _finish(self, order: Order) -> None:
        order.status = Status.FILLED
        self._retire(order)
        order.completed_text = f"Filled Size: {order.filled.normalize():f}"

    def _book(
        self, order: Order, quantity: Decimal, price: Decimal, commission: Decimal
    ) -> Execution:
        item = Execution(
            self.ids.next_exec_id(), order.order_id, order.client_id, order.perm_id,
            order.order_ref, order.instrument, order.account, self._rng.choice(_VENUES),
            order.side, quantity, price, order.filled, order.average_price, self._clock.time(),
            commission, None,
        )  # fmt: skip
        item = replace(item, realized=self.bank.book(item))
        self.executions.append(item)
        return item

    def correct(self, exec_id: str, price: Decimal, quantity: Decimal) -> Execution:
        """Revise an execution: the same trade under the next revision of its id."""
        place, old = next(
            (n, item) for n, item in enumerate(self.executions) if item.exec_id == exec_id
        )
        self.bank.unbook(old)
        new = replace(
            old, exec_id=revised(exec_id), price=price, quantity=quantity,
            cumulative=old.cumulative + quantity - old.quantity,
        )  # fmt: skip
        new = replace(new, realized=self.bank.book(new))
        # The store keeps the last revision only, as reqExecutions shows it.
        self.executions[place] = new
        self._tell().executed(new)
        self._tell().commission_known(new)
        return new

    def trade_by_hand(self, item: Instrument, side: Side, quantity: Decimal) -> Execution:
        """Book an execution that no API client asked for: order id 0, client 0, huge permId."""
        quote = self.quote(item)
        price = quote.ask if side is Side.BUY else quote.bid
        order = Order(
            MANUAL_PERM_ID + self.ids.next_perm_id(), 0, 0, item, side,
            Terms(str(side), quantity, "MKT", tif="DAY"), self.bank.main.name, "",
            self._clock.time(), status=Status.FILLED, quantity=quantity, last_price=price,
        )  # fmt: skip
        commission = self.bank.commission(order, quantity, price)
        order.filled, order.paid = quantity, quantity * price
        execution = self._book(order, quantity, price, commission)
        self._tell().executed(execution)
        self._tell().commission_known(execution)
        return execution


def _why_held(order: Order) -> str:
    return "trigger" if order.order_type in ("STP", "STP LMT") and not order.triggered else ""
