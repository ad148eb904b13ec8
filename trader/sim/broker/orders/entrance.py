"""The way of an order into the market and out of it: latency, holds, hours and auctions."""

import random
from collections.abc import Callable

from trader.sim.broker.floor.floor import AT_ONCE, Floor
from trader.sim.broker.orders.alarms import Alarms
from trader.sim.broker.orders.life import Event
from trader.sim.broker.orders.outcomes import Outcomes
from trader.sim.broker.orders.register import BY_SYSTEM, BY_TRADER, CANCELED, Register
from trader.sim.broker.terms import kinds
from trader.sim.broker.terms.holds import Holds
from trader.sim.broker.terms.kinds import Auction
from trader.sim.clock import Clock
from trader.sim.model.orders import Order, Status


class Entrance:
    """Lets orders onto the floor when nothing holds them, and off it when something does."""

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        register: Register,
        holds: Holds,
        *,
        floor: Floor,
        outcomes: Outcomes,
    ) -> None:
        self._clock, self._rng, self._register = clock, rng, register
        self._holds, self._floor, self._outcomes = holds, floor, outcomes
        self._alarms = Alarms(clock, self._ring)
        outcomes.withdraw, outcomes.admit = self.withdraw, self.admit
        outcomes.later = clock.call_later
        # How a change that waited is made.
        self.change: Callable[[Order], None] = _unbound

    def admit(self, order: Order) -> None:
        """Let an order just taken, changed or released go on to the market after the latency."""
        self._floor.leave(order)
        plan = order.plan
        order.is_filling = True
        self._set_alarms(order)
        delay_s = self._floor.fill.draw(self._rng) / 4
        self._floor.after(delay_s, lambda: self._enter(order, plan))

    def admit_restored(self, order: Order) -> None:
        """Let a restored order in with the first turn of the clock: nobody listens before it."""
        order.plan += 1
        plan = order.plan
        self._set_alarms(order)
        self._clock.call_later(0.0, lambda: self._enter(order, plan))

    def withdraw(self, order: Order) -> None:
        """Take an order off everything that could make it trade."""
        self._floor.leave(order)
        self._holds.forget(order)
        self._alarms.forget(order.perm_id)

    def wait_for_open(self, order: Order) -> None:
        """Let a cancel wait until the market opens."""
        self._floor.leave(order)
        self._alarms.set(order.perm_id, self._holds.ask_end(order))

    def wait_to_change(self, order: Order) -> None:
        """Let a change wait until the market opens."""
        self._alarms.set(order.perm_id, self._holds.opens_s(order))

    def _enter(self, order: Order, plan: int) -> None:
        if order.plan != plan or order.status.is_done:
            return
        order.is_filling = False
        if self._holds.has_expired(order):
            self._outcomes.cancelled(order, CANCELED, BY_SYSTEM)
        elif self._holds.is_free(order):
            self._floor.meet(order)
        elif order.tif in AT_ONCE and self._holds.is_ready(order):
            # Its market is closed: there is no at once.
            self._outcomes.not_done_at_once(order)
        elif kinds.auction_of(order.terms) is not Auction.NONE:
            self._meet_auction(order)

    def _set_alarms(self, order: Order) -> None:
        now = self._clock.time()
        for moment_s in self._holds.moments(order):
            if moment_s > now:
                self._alarms.set(order.perm_id, moment_s)
        if order.changing_to is not None:
            self.wait_to_change(order)

    def _ring(self, perm_id: int) -> None:
        order = self._register.live.get(perm_id)
        if order is not None:
            self.review(order)

    def review(self, order: Order) -> None:
        """Look at an order because its hour or its conditions have changed."""
        if order.status.is_done:
            return
        if order.changing_to is not None and not self._holds.is_market_shut(order):
            self.change(order)
            return
        if self._holds.is_end_due(order):
            self._outcomes.cancelled(order, CANCELED, BY_TRADER)
            return
        if self._holds.has_expired(order):
            self._outcomes.cancelled(order, CANCELED, BY_SYSTEM)
            return
        if order.awaits_parent:
            return
        self._set_alarms(order)
        if kinds.auction_of(order.terms) is not Auction.NONE:
            self._meet_auction(order)
        elif not self._holds.is_free(order):
            self._hold_again(order)
        elif _is_idle(order):
            self._floor.meet(order)

    def _hold_again(self, order: Order) -> None:
        """Take an order out of the market when its session has ended."""
        self._floor.leave(order)
        if order.status is Status.SUBMITTED:
            self._register.move(order, Event.HELD)
            self._register.show(order)

    def _meet_auction(self, order: Order) -> None:
        """Trade an order in its auction, if that is now; what does not trade there is over."""
        if not self._holds.is_in_auction(order) or not self._holds.is_ready(order):
            return
        if not self._floor.auction(order, at_open=self._holds.is_at_open(order)):
            self._outcomes.cancelled(order, CANCELED, BY_SYSTEM)


def _unbound(_order: Order) -> None:
    raise AssertionError("the exchange binds how an order is changed")


def _is_idle(order: Order) -> bool:
    """Return whether an order is free and neither trades nor waits in the queue."""
    is_busy = order.is_filling or order.queue_ahead is not None
    return not is_busy and order.status is not Status.PENDING_CANCEL
