"""What happens to an account that no API client asked for: a person, the broker, corrections."""

from decimal import Decimal

from trader.sim.broker.floor.matching import Fill
from trader.sim.broker.floor.trades import REMOVED, Print, Trades
from trader.sim.broker.floor.views import Views
from trader.sim.broker.money.bank import Bank
from trader.sim.broker.orders.life import Event
from trader.sim.broker.orders.outcomes import Outcomes
from trader.sim.broker.orders.register import Register
from trader.sim.clock import Clock
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import Execution, Order, Side, Status, Terms

# Orders that no API client placed have permanent ids of many more digits.
MANUAL_PERM_ID = 1_518_189_976_000_000_000
LIQUIDATION_ORDER_ID = -1


def is_by_hand(order: Order) -> bool:
    """Return whether a person at the terminal entered the order."""
    return order.perm_id >= MANUAL_PERM_ID


class Unasked:
    """Trades and corrections from outside."""

    def __init__(
        self, clock: Clock, register: Register, trades: Trades, bank: Bank, outcomes: Outcomes,
        *, views: Views,
    ) -> None:  # fmt: skip
        self._clock, self._register, self._trades = clock, register, trades
        self._bank, self._outcomes, self._views = bank, outcomes, views

    def correct(self, exec_id: str, price: Decimal, quantity: Decimal) -> Execution:
        """Revise an execution under the next revision of its id. Raises KeyError."""
        new = self._trades.correct(exec_id, price, quantity)
        self._register.tell().executed(new)
        self._register.tell().commission_known(new)
        return new

    def fill_after_cancel(self, order: Order, quantity: Decimal | None) -> Execution:
        """Book a fill that crossed the cancel of an order already reported as Cancelled."""
        assert order.status is Status.CANCELLED, "only a cancel can be crossed"
        size = order.remaining if quantity is None else min(quantity, order.remaining)
        price = order.limit_price or self._touch(order.instrument, order.side)
        items = self._trades.book(order, Print(Fill(size, price, order.venue)))
        self._register.move(order, Event.TRADED if order.remaining else Event.FILLED)
        self._outcomes.tell_fill(order, items)
        return items[0]

    def trade(
        self, item: Instrument, side: Side, quantity: Decimal, *, account: str, liquidation: int = 0
    ) -> Execution:
        """Book an execution of nobody's order: id 0, or -1 for a liquidation; client 0."""
        order = Order(
            MANUAL_PERM_ID + self._trades.ids.next_perm_id(), 0,
            LIQUIDATION_ORDER_ID if liquidation else 0, item, side,
            Terms(str(side), quantity, "MKT", tif="DAY"), account or self._bank.main.name, "",
            self._clock.time(), status=Status.FILLED, quantity=quantity,
        )  # fmt: skip
        fill = Fill(quantity, self._touch(item, side), order.venue)
        items = self._trades.book(order, Print(fill, REMOVED, liquidation))
        for execution in items:
            self._register.tell().executed(execution)
        self._outcomes.tell_commissions(items)
        return items[0]

    def liquidate(
        self, item: Instrument, quantity: Decimal | None, *, account: str
    ) -> Execution | None:
        """Close a position by force, whole or in part; None when there is none."""
        held = self._bank.account(account).quantity(item)
        if not held:
            return None
        side = Side.SELL if held > 0 else Side.BUY
        size = abs(held) if quantity is None else min(quantity, abs(held))
        return self.trade(item, side, size, account=account, liquidation=1)

    def _touch(self, item: Instrument, side: Side) -> Decimal:
        quote = self._views.now(item).quote
        return quote.ask if side is Side.BUY else quote.bid
