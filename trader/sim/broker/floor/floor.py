"""The trading floor: live orders meet the market, are triggered, wait in the queue, and fill.

An order comes here when nothing holds it back. One that can trade is filled in parts within the
fill latency, each part at the prices of its moment; one that cannot waits on its instrument's
shelf until a quote concerns it. What a fill means for other orders is not decided here: the floor
reports each to its `Broker`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from trader.sim.broker.floor import matching
from trader.sim.broker.floor.matching import Fill, Want
from trader.sim.broker.floor.shelf import Shelf, Watch
from trader.sim.broker.floor.trades import ADDED, REMOVED
from trader.sim.broker.floor.views import View, Views
from trader.sim.broker.terms import kinds
from trader.sim.broker.terms.kinds import Peg, Trigger
from trader.sim.clock import Clock
from trader.sim.market.quotes import Quote
from trader.sim.model.orders import ZERO, Order, Side

AT_ONCE = ("IOC", "FOK")
INFINITE = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Latency:
    """A range of seconds that delays are drawn from."""

    low_s: float
    high_s: float

    def draw(self, rng: random.Random) -> float:
        """Return a delay; no draw is spent when the range is zero."""
        return rng.uniform(self.low_s, self.high_s) if self.high_s > 0 else 0.0


class Broker(Protocol):
    """Who is told what happens on the floor."""

    def triggered(self, order: Order) -> None:
        """The price it waited for has been seen."""

    def rests(self, order: Order) -> None:
        """It works at the exchange and has not traded yet."""

    def filled(self, order: Order, fill: Fill, liquidity: int) -> None:
        """It trades so much at this price."""

    def not_done_at_once(self, order: Order) -> None:
        """It had to trade at once, and what is left could not."""


class Floor:
    """Shelves, queues and the fills under way."""

    def __init__(
        self, clock: Clock, views: Views, rng: random.Random, fill: Latency, broker: Broker
    ) -> None:
        self.fill = fill
        self._clock, self._views, self._rng, self._broker = clock, views, rng, broker
        self._shelves: dict[int, Shelf] = {}

    def leave(self, order: Order) -> None:
        """Let an order that ended, was changed or is held go; parts on their way are dropped."""
        order.plan += 1
        order.is_filling, order.queue_ahead = False, None
        shelf = self._shelves.get(order.instrument.con_id)
        if shelf is not None:
            shelf.drop(order)
            if not len(shelf):
                del self._shelves[order.instrument.con_id]

    def has(self, con_id: int) -> bool:
        """Return whether any order waits for the quotes of an instrument."""
        return con_id in self._shelves

    def is_near(self, con_id: int, low: Decimal, high: Decimal) -> bool:
        """Return whether an order could be due while an instrument stays within two prices."""
        shelf = self._shelves.get(con_id)
        return shelf is not None and shelf.is_near(low, high)

    def after(self, delay_s: float, step: Callable[[], None]) -> None:
        """Run a step after a delay, now when there is none."""
        if delay_s > 0:
            self._clock.call_later(delay_s, step)
        else:
            step()

    # -- meeting the market -----------------------------------------------------------------------

    def take_quote(self, quote: Quote, volume: int) -> None:
        """Let the orders a quote concerns meet it; volume is what traded since the last one."""
        shelf = self._shelves.get(quote.instrument.con_id)
        if shelf is None or not quote.is_open or quote.halted:
            return
        left = {Side.BUY: Decimal(volume), Side.SELL: Decimal(volume)}
        for order in shelf.due(quote):
            if order.is_filling or order.status.is_done:
                continue
            if order.queue_ahead is None:
                self.meet(order)
            else:
                left[order.side] -= self._meet_resting(order, quote, left[order.side])

    def meet(self, order: Order) -> None:
        """Let an order meet the market as it is: it is triggered, trades, or waits."""
        view = self._views.now(order.instrument)
        quote = view.quote
        if kinds.awaits_trigger(order) and not self._is_triggered(order, quote):
            self._await_trigger(order)
            return
        if self._wants_now(order, view):
            self._plan(order)
        elif order.tif in AT_ONCE:
            self._broker.not_done_at_once(order)
        else:
            self._rest(order, view)

    def _is_triggered(self, order: Order, quote: Quote) -> bool:
        if kinds.kind_of(order.terms).trigger is Trigger.TRAIL:
            order.stop_now = kinds.trailed(order, quote)
        if not quote.is_open or quote.halted or not kinds.is_triggered(order, quote):
            return False
        order.triggered = True
        order.limit_now = kinds.trailing_limit(order)
        plan = order.plan
        self._broker.triggered(order)
        return order.plan == plan and not order.status.is_done

    def _await_trigger(self, order: Order) -> None:
        level, trailing = kinds.trigger_level(order), order.stop_now is not None
        if level is None or trailing or order.terms.trigger_method not in (0, 2):
            self._shelf(order).put(order, Watch.ALWAYS)
        else:
            watch = Watch.STOP_ABOVE if kinds.rises(order) else Watch.STOP_BELOW
            self._shelf(order).put(order, watch, level)

    def _shelf(self, order: Order) -> Shelf:
        return self._shelves.setdefault(order.instrument.con_id, Shelf())

    # -- taking -----------------------------------------------------------------------------------

    def _want(self, order: Order, quantity: Decimal, quote: Quote) -> Want:
        limit, terms = kinds.limit_of(order, quote), order.terms
        if limit is not None and terms.discretionary:
            limit += order.side.sign * terms.discretionary
        whole = terms.all_or_none or order.tif == "FOK"
        least = terms.min_quantity if terms.min_quantity and not order.filled else ZERO
        return Want(order.side, quantity, limit, is_whole=whole, least=least)

    def _wants_now(self, order: Order, view: View) -> bool:
        want = self._want(order, order.remaining, view.quote)
        return bool(matching.walk(view.levels(order.side), want, view.taken))

    def _plan(self, order: Order) -> None:
        """Cut what is left into parts and fill them one after the other."""
        self._off_shelf(order)
        order.is_filling, order.queue_ahead = True, None
        step, terms = order.instrument.size_step, order.terms
        is_one = order.tif == "FOK" or terms.all_or_none or bool(terms.min_quantity)
        sizes = [order.remaining] if is_one else matching.parts(order.remaining, step, self._rng)
        delays = sorted(self.fill.draw(self._rng) for _ in sizes)
        self._next_part(order, order.plan, sizes, delays, 0.0)

    def _off_shelf(self, order: Order) -> None:
        shelf = self._shelves.get(order.instrument.con_id)
        if shelf is not None:
            shelf.drop(order)

    def _next_part(
        self, order: Order, plan: int, sizes: list[Decimal], delays: list[float], passed_s: float
    ) -> None:
        def part() -> None:
            if order.plan != plan or order.status.is_done:
                return
            got = self._take(order, sizes[0])
            if order.plan != plan or order.status.is_done:
                return
            if got == sizes[0] and len(sizes) > 1:
                self._next_part(order, plan, sizes[1:], delays[1:], delays[0])
                return
            # The market has no more at this price: what is left rests, or must go.
            order.is_filling = False
            if order.tif in AT_ONCE:
                self._broker.not_done_at_once(order)
            else:
                self._rest(order, self._views.now(order.instrument))

        self.after(delays[0] - passed_s, part)

    def _take(self, order: Order, quantity: Decimal) -> Decimal:
        """Fill up to a quantity from the book; return how much it was."""
        view, plan, got = self._views.now(order.instrument), order.plan, ZERO
        want = self._want(order, min(quantity, order.remaining), view.quote)
        slip = self._slip(order, want)
        for place, fill in matching.walk(view.levels(order.side), want, view.taken):
            price = fill.price
            if slip:
                price = min(max(price + slip, view.quote.floor), view.quote.ceiling)
            if order.plan != plan or not matching.reaches(order.side, order.limit_now, price):
                break
            size = min(fill.quantity, order.remaining)
            view.take(order.side, place, size)
            got += size
            self._set_limit(order, price)
            venue = order.venue if order.is_directed else fill.venue
            self._broker.filled(order, Fill(size, price, venue), REMOVED)
        return got

    def _slip(self, order: Order, want: Want) -> Decimal:
        """Draw by how much a market order is late; a combination trades at what it is quoted."""
        is_late = want.limit is None and not order.instrument.legs and matching.slips(self._rng)
        return order.instrument.tick * order.side.sign if is_late else ZERO

    def _set_limit(self, order: Order, price: Decimal) -> None:
        """Fix the limit of a market-to-limit order at its first price."""
        if order.order_type == "MTL" and order.limit_now is None:
            order.limit_now = price

    # -- resting ----------------------------------------------------------------------------------

    def _rest(self, order: Order, view: View) -> None:
        """Let an order wait in the queue at its limit; without a limit, for the next quote."""
        limit = kinds.limit_of(order, view.quote)
        plan = order.plan
        self._broker.rests(order)
        if order.plan != plan or order.status.is_done:
            return
        if limit is None or kinds.kind_of(order.terms).peg is not Peg.NONE:
            order.queue_ahead = None if limit is None else ZERO
            self._shelf(order).put(order, Watch.ALWAYS)
            return
        own = view.levels(order.side.opposite)
        order.queue_ahead = matching.queue_ahead(order.side, limit, own, self._rng)
        reach = limit + order.side.sign * order.terms.discretionary
        watch = Watch.BUY if order.side is Side.BUY else Watch.SELL
        self._shelf(order).put(order, watch, reach)

    def _meet_resting(self, order: Order, quote: Quote, volume: Decimal) -> Decimal:
        """Let a resting order trade with what comes to it; return how much of the volume it had."""
        limit, side = kinds.limit_of(order, quote), order.side
        assert limit is not None, "only orders with a limit rest"
        near = quote.ask if side is Side.BUY else quote.bid
        size, price = self._reached(order, limit, near, quote, volume)
        if not size:
            return ZERO
        self._broker.filled(order, Fill(size, price, order.venue), ADDED)
        return size

    def _reached(
        self, order: Order, limit: Decimal, near: Decimal, quote: Quote, volume: Decimal
    ) -> tuple[Decimal, Decimal]:
        terms, side = order.terms, order.side
        if matching.reaches(side, limit, near):
            # The other side has come to it: everything at its price was traded through.
            got, price = INFINITE, limit
        elif terms.discretionary and matching.reaches(
            side, limit + side.sign * terms.discretionary, near
        ):
            got, price = Decimal(quote.ask_size if side is Side.BUY else quote.bid_size), near
        else:
            ahead = order.queue_ahead or ZERO
            met = matching.rest(side, limit, ahead, quote.last, volume)
            order.queue_ahead, got, price = met.ahead, met.quantity, limit
        size = min(got, order.remaining)
        if terms.display_size and got != INFINITE:
            # Only the shown part stands in the queue; the next one joins at its end.
            size = min(size, Decimal(terms.display_size))
            if size == terms.display_size:
                levels = self._views.now(order.instrument).levels(side.opposite)
                order.queue_ahead = matching.queue_ahead(side, limit, levels, self._rng)
        step = order.instrument.size_step
        size = size // step * step
        least = terms.min_quantity if terms.min_quantity and not order.filled else ZERO
        if (terms.all_or_none and size < order.remaining) or size < min(least, order.remaining):
            return ZERO, price
        return size, price

    # -- auctions ---------------------------------------------------------------------------------

    def auction(self, order: Order, *, at_open: bool) -> bool:
        """Trade an order whole at the one price of an auction; return whether its limit allows."""
        quote = self._views.now(order.instrument).quote
        price = quote.open if at_open else quote.last
        limit = order.limit_price if order.order_type in ("LMT", "LOC") else None
        if quote.halted or not matching.reaches(order.side, limit, price):
            return False
        self._broker.filled(order, Fill(order.remaining, price, order.venue), REMOVED)
        return True
