"""Executions: booked once, in the order they happened; corrected under their next revision.

An order's own execution tells what it traded. For a combination that is the combination at its
price, which moves no position; its legs have executions of their own, which do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from trader.sim.broker.floor.execution_ids import ExecutionIds, revised
from trader.sim.broker.floor.matching import Fill
from trader.sim.broker.floor.past import NoPast, Past
from trader.sim.broker.money.bank import Bank
from trader.sim.clock import Clock
from trader.sim.market.quotes import Quote
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import ZERO, Execution, Order, Side
from trader.sim.reference import combos
from trader.sim.reference.combos import Part

ADDED, REMOVED = 1, 2
_PRICE_STEP = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Print:
    """How an order traded: what, whether it rested, whether the broker did it by force."""

    fill: Fill
    liquidity: int = REMOVED
    liquidation: int = 0
    # Only so many legs of a combination were done, the rest was refused; None for all.
    legs_max: int | None = None


class Trades:
    """The executions of one broker."""

    def __init__(
        self,
        clock: Clock,
        bank: Bank,
        quote: Callable[[Instrument], Quote],
        by_id: Callable[[int], Instrument | None],
    ) -> None:
        # The latest executions; so many have left the memory before them.
        self.items: list[Execution] = []
        self.retired = 0
        self.past: Past = NoPast()
        self.ids = ExecutionIds(clock)
        self._clock, self._bank, self._quote, self._by_id = clock, bank, quote, by_id

    def book(self, order: Order, trade: Print) -> list[Execution]:
        """Book a fill of an order and count it in the order; return its executions."""
        if order.instrument.legs:
            return self._book_combination(order, trade)
        fill = trade.fill
        charge = self._bank.commission(order, fill.quantity, fill.price)
        self._count(order, fill, charge)
        item = self._execution(order, trade, charge)
        return [self._keep(replace(item, realized=self._bank.book(item)))]

    def _count(self, order: Order, fill: Fill, charge: Decimal) -> None:
        order.filled += fill.quantity
        order.paid += fill.quantity * fill.price
        order.charged += charge
        order.last_price = fill.price

    def _execution(self, order: Order, trade: Print, charge: Decimal) -> Execution:
        return Execution(
            self.ids.next_exec_id(), order.order_id, order.client_id, order.perm_id,
            order.order_ref, order.instrument, order.account, trade.fill.venue, order.side,
            trade.fill.quantity, trade.fill.price, order.filled, order.average_price,
            self._clock.time(), charge, None, liquidation=trade.liquidation,
            liquidity=trade.liquidity,
        )  # fmt: skip

    def _keep(self, item: Execution) -> Execution:
        self.items.append(item)
        return item

    # -- combinations -----------------------------------------------------------------------------

    def _book_combination(self, order: Order, trade: Print) -> list[Execution]:
        fill, combo, before = trade.fill, order.instrument, order.filled
        items = [self._by_id(leg.con_id) for leg in combo.legs]
        parts = combos.parts(combo, [item for item in items if item is not None])
        assert len(parts) == len(combo.legs), "the catalogue knows the legs of what it lists"
        prices = leg_prices(parts, [self._quote(part.instrument) for part in parts], order, fill)
        done = parts if trade.legs_max is None else parts[: trade.legs_max]
        found: list[Execution] = []
        if len(done) == len(parts):
            self._count(order, fill, ZERO)
            found.append(self._keep(self._execution(order, trade, ZERO)))
        paid = list(order.leg_paid) or [ZERO] * len(parts)
        for place, part in enumerate(done):
            ratio = part.leg.ratio
            leg = _leg_order(order, part, filled=before * ratio, paid=paid[place])
            leg_fill = Fill(fill.quantity * ratio, prices[place], part.instrument.exchange)
            charge = self._bank.commission(leg, leg_fill.quantity, leg_fill.price)
            self._count(leg, leg_fill, charge)
            item = self._execution(leg, replace(trade, fill=leg_fill), charge)
            item = replace(item, is_leg=True, realized=self._bank.book(item))
            found.append(self._keep(item))
            paid[place], order.charged = leg.paid, order.charged + charge
        order.leg_paid = tuple(paid)
        return found

    # -- corrections and views --------------------------------------------------------------------

    def correct(self, exec_id: str, price: Decimal, quantity: Decimal) -> Execution:
        """Revise an execution; a quantity of zero takes the trade back. Raises KeyError."""
        place = self._place(exec_id)
        old = self.items[place]
        if old.quantity and self._moves_position(old):
            self._bank.unbook(old)
        new = replace(
            old, exec_id=revised(exec_id), price=price, quantity=quantity,
            cumulative=old.cumulative + quantity - old.quantity,
            commission=old.commission if quantity else ZERO,
        )  # fmt: skip
        if quantity and self._moves_position(new):
            new = replace(new, realized=self._bank.book(new))
        # The store keeps the last revision only, as reqExecutions shows it.
        self.items[place] = new
        return new

    def _moves_position(self, item: Execution) -> bool:
        return not item.instrument.legs

    def _place(self, exec_id: str) -> int:
        for place in range(len(self.items) - 1, -1, -1):
            if self.items[place].exec_id == exec_id:
                return place
        raise KeyError(exec_id)

    def since(self, epoch_s: float) -> Iterator[Execution]:
        """Go through the executions at or after a moment, in the order they happened."""
        place = len(self.items)
        while place and self.items[place - 1].time_s >= epoch_s:
            place -= 1
        if self.retired and not place:
            held = {item.exec_id.rpartition(".")[0] for item in self.items}
            for item in self.past.executions_since(epoch_s):
                if item.exec_id.rpartition(".")[0] not in held:
                    yield item
        yield from self.items[place:]

    def retire(self, kept: int) -> list[tuple[int, Execution]]:
        """Forget the first executions, so that so many are kept; return them by their place."""
        count = max(len(self.items) - kept, 0)
        found = list(enumerate(self.items[:count], self.retired))
        del self.items[:count]
        self.retired += count
        return found


def _leg_order(order: Order, part: Part, *, filled: Decimal, paid: Decimal) -> Order:
    """Return the order as its leg sees it, before the next fill is counted in the leg."""
    buys = (part.leg.action == "BUY") is (order.side is Side.BUY)
    return replace(
        order, instrument=part.instrument, side=Side.BUY if buys else Side.SELL,
        quantity=order.quantity * part.leg.ratio, filled=filled, paid=paid, charged=ZERO,
    )  # fmt: skip


def leg_prices(parts: list[Part], quotes: list[Quote], order: Order, fill: Fill) -> list[Decimal]:
    """Return a price for each leg, so that weighted they sum to the price of the combination.

    Each leg trades at its side of the market; the one that is dearest takes up the difference.
    """
    buys = order.side is Side.BUY
    prices = [
        quote.ask if (part.weight > 0) is buys else quote.bid
        for part, quote in zip(parts, quotes, strict=True)
    ]
    give = max(range(len(parts)), key=lambda n: prices[n] * abs(parts[n].weight))
    rest = sum((p.weight * price for p, price in zip(parts, prices, strict=True)), ZERO)
    gap = (fill.price - rest) / parts[give].weight
    prices[give] = (prices[give] + gap).quantize(_PRICE_STEP)
    return prices
