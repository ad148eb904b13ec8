"""What becomes of orders: fills are booked and told, ends are told, and both act on others.

The order in which news is told is that of recorded gateways: execution, new state, new state with
commission, commission; a cancel as status and code; a fill-or-kill as Inactive without a code; an
immediate-or-cancel as PendingCancel and then Cancelled.
"""

import random
from collections.abc import Callable
from decimal import Decimal

from trader.sim.broker.floor.matching import Fill
from trader.sim.broker.floor.trades import Print, Trades
from trader.sim.broker.money.bank import Bank
from trader.sim.broker.orders.groups import REDUCE, Effect, End, Groups, Grow, Reduce, Release
from trader.sim.broker.orders.life import Event
from trader.sim.broker.orders.register import BY_SYSTEM, CANCELED, REJECTED, Register
from trader.sim.broker.terms import kinds
from trader.sim.model.orders import Execution, Order, Status


class Outcomes:
    """The consequences of what happens on the floor and at the desk."""

    def __init__(
        self, register: Register, groups: Groups, trades: Trades, bank: Bank, rng: random.Random
    ) -> None:
        self._register, self._groups, self._trades = register, groups, trades
        self._bank, self._rng = bank, rng
        # The number of the leg that the next combination to trade is refused at; 0 for none.
        self.refused_leg = 0
        # How an order is taken off the market, and how one is let into it.
        self.withdraw: Callable[[Order], None] = _unbound
        self.admit: Callable[[Order], None] = _unbound
        self.later: Callable[[float, Callable[[], None]], object] = _unbound_later
        # How long it takes until the others of a group hear of a fill; and whether only one of a
        # group that blocks (types 1 and 2) is at an exchange at a time, so that it does not matter.
        self.group_race_s = 0.0
        self.groups_block = True

    # -- the floor's news (floor.Broker) ----------------------------------------------------------

    def triggered(self, order: Order) -> None:
        """Show that the price an order waited for was seen."""
        order.why_held = kinds.why_held(order)
        self._register.move(order, Event.WORKING)
        self._register.show(order)

    def rests(self, order: Order) -> None:
        """Show once that an order works at the exchange."""
        if order.status is not Status.PRE_SUBMITTED:
            return
        self._register.move(order, Event.WORKING)
        for _ in range(1 + (self._rng.random() < 0.3)):
            self._register.show(order)

    def filled(self, order: Order, fill: Fill, liquidity: int) -> None:
        """Book a fill and tell it."""
        if self._register.is_hidden(order):
            self._register.show(order)
        if self.refused_leg and order.instrument.legs:
            self._break_combination(order, fill)
            return
        items = self._trades.book(order, Print(fill, liquidity))
        if order.remaining:
            self._register.move(order, Event.TRADED)
            self._bank.reserve(order)
        else:
            self.complete(order)
        self.tell_fill(order, items)
        for effect in self._groups.after_fill(order):
            self._apply(effect)
        self._tell_group(order, order.remaining / (order.remaining + fill.quantity))
        if not order.remaining:
            self._groups.leave(order)

    def _tell_group(self, order: Order, left: Decimal) -> None:
        """Let a fill act on the others of its group, which may have traded by then."""

        def act() -> None:
            for effect in self._groups.in_group(order, left):
                self._apply(effect)

        is_blocked = self.groups_block and order.terms.oca_type != REDUCE
        if order.terms.oca_group and self.group_race_s and not is_blocked:
            self.later(self.group_race_s, act)
        else:
            act()

    def not_done_at_once(self, order: Order) -> None:
        """End what an IOC or FOK order could not trade at once."""
        self._leave(order)
        order.completed_text = BY_SYSTEM
        if order.tif == "FOK":
            self._register.move(order, Event.REFUSED)
            self._register.show(order)
        else:
            self._register.move(order, Event.CANCEL_ASKED)
            self._register.show(order)
            self._register.move(order, Event.CANCELLED)
            self._register.tell().order_reported(order)
        self._spread_end(order)

    # -- ends -------------------------------------------------------------------------------------

    def complete(self, order: Order) -> None:
        """Let an order that has nothing left to trade be Filled, untold."""
        self.withdraw(order)
        self._bank.release(order)
        self._register.move(order, Event.FILLED)
        order.completed_text = f"Filled Size: {order.filled.normalize():f}"

    def cancelled(self, order: Order, text: str, completed: str) -> None:
        """End an order and tell it: Cancelled, then 202; its children go with it."""
        self._leave(order)
        self._register.end(order, Event.CANCELLED, code=202, text=text, completed=completed)
        self._spread_end(order)

    def refuse(self, order: Order, reason: str) -> None:
        """End an order the broker does not take: Inactive, then 201."""
        self._leave(order)
        text = REJECTED + reason
        self._register.end(order, Event.REFUSED, code=201, text=text, completed=text)
        self._spread_end(order)

    def _leave(self, order: Order) -> None:
        self.withdraw(order)
        self._groups.leave(order)
        self._bank.release(order)

    def may_be_paid(self, order: Order) -> bool:
        """Reserve what an order may cost; refuse it and return False if that is too much."""
        reason = self._bank.refusal(order)
        if reason:
            self.refuse(order, reason)
            return False
        self._bank.reserve(order)
        return True

    # -- telling ----------------------------------------------------------------------------------

    def tell_fill(self, order: Order, items: list[Execution]) -> None:
        """Tell executions, the state they led to, and their commissions."""
        listener = self._register.tell()
        for item in items:
            listener.executed(item)
        self._register.show(order)
        if order.status is Status.FILLED:
            order.commission = order.charged
            self._register.show(order)
        self.tell_commissions(items)

    def tell_commissions(self, items: list[Execution]) -> None:
        """Tell the commissions of executions; that of a combination is its legs'."""
        for item in items:
            if not item.instrument.legs:
                self._register.tell().commission_known(item)

    def _break_combination(self, order: Order, fill: Fill) -> None:
        """Trade the legs before the refused one, and end the order."""
        done = self.refused_leg - 1
        self.refused_leg = 0
        items = self._trades.book(order, Print(fill, legs_max=done)) if done else []
        for item in items:
            self._register.tell().executed(item)
        self.tell_commissions(items)
        self.refuse(order, f"Leg {done + 1} of the combination was rejected by the exchange.")

    # -- what an order means for others -----------------------------------------------------------

    def arm_children(self, parent: Order) -> None:
        """Let the children of an order into the market for what it has filled."""
        for effect in self._groups.arm(parent):
            self._apply(effect)

    def _spread_end(self, order: Order) -> None:
        for effect in self._groups.after_end(order):
            self._apply(effect)

    def _apply(self, effect: Effect) -> None:
        order = effect.order
        if order.status.is_done:
            return
        match effect:
            case End(_, is_emptied):
                if is_emptied:
                    order.quantity = order.filled
                    self._register.show(order)
                self.cancelled(order, CANCELED, BY_SYSTEM)
            case Reduce(_, quantity):
                order.quantity = quantity
                if not order.awaits_parent:
                    self._bank.reserve(order)
                self._register.show(order)
            case Grow(_, quantity):
                order.quantity += quantity
                order.armed += quantity
                self._bank.reserve(order)
                self._register.show(order)
            case Release(_, kept):
                if kept is not None:
                    order.quantity = kept
                self._release(order)

    def _release(self, order: Order) -> None:
        order.awaits_parent, order.armed = False, order.quantity
        if not self.may_be_paid(order):
            return
        order.why_held = kinds.why_held(order)
        if order.why_held:
            self._register.show(order)
        self.admit(order)


def _unbound_later(_delay_s: float, _step: Callable[[], None]) -> None:
    raise AssertionError("the exchange binds how time passes")


def _unbound(_order: Order) -> None:
    raise AssertionError("the exchange binds how orders enter and leave the market")
