"""What keeps an order from the market, and when that changes: parent, start, conditions, hours.

All questions are about now; `moments` says when to ask again. The broker's clock and quotes are the
only things looked at, so a restored order is held for the same reasons as before.
"""

from collections.abc import Callable
from datetime import UTC, tzinfo
from decimal import Decimal

from trader.sim.broker.terms import conditions, kinds
from trader.sim.broker.terms.kinds import Auction
from trader.sim.broker.terms.moments import read_moment
from trader.sim.broker.terms.sessions import NEVER, Sessions
from trader.sim.clock import Clock
from trader.sim.market.quotes import Quote
from trader.sim.model.orders import Order
from trader.sim.reference.calendar import AUCTION_S

_LONG = ("GTC", "GTD")


class Holds:
    """The ends, starts and conditions of the live orders."""

    def __init__(
        self, clock: Clock, sessions: Sessions, quote: Callable[[int], Quote | None]
    ) -> None:
        self._clock, self._sessions, self._quote = clock, sessions, quote
        # Of times that name none: where the gateway believes to be.
        self.zone: tzinfo = UTC
        self._ends_s: dict[int, float] = {}
        self._starts_s: dict[int, float] = {}
        # Orders that wait for the quotes of an instrument, by contract id.
        self._watching: dict[int, dict[int, Order]] = {}
        # Cancels that wait for the market to open.
        self._asked: dict[int, float] = {}

    def begin(self, order: Order) -> None:
        """Work out an order's start and end, when it is new or has been changed."""
        self.forget(order)
        now, terms = self._clock.time(), order.terms
        end_s = self._end_s(order, now)
        if end_s != NEVER:
            self._ends_s[order.perm_id] = end_s
        start_s = self._moment(terms.good_after, now) if terms.good_after else None
        if start_s is not None and start_s > now:
            self._starts_s[order.perm_id] = start_s
        if terms.conditions and not order.is_released:
            for con_id in conditions.watched(terms.conditions):
                self._watching.setdefault(con_id, {})[order.perm_id] = order

    def _end_s(self, order: Order, now: float) -> float:
        terms, item = order.terms, order.instrument
        auction = kinds.auction_of(terms)
        if auction is not Auction.NONE:
            return self._sessions.auction_s(item, auction) + AUCTION_S
        if terms.tif == "GTD":
            end_s = self._moment(terms.good_till, now)
            return NEVER if end_s is None else end_s
        if terms.tif in _LONG:
            return NEVER
        return self._sessions.day_end_s(item, outside_rth=terms.outside_rth)

    def _moment(self, text: str, now: float) -> float | None:
        return read_moment(text, now_s=now, zone=self.zone)

    def forget(self, order: Order) -> None:
        """Drop what is known of an order."""
        perm_id = order.perm_id
        self._ends_s.pop(perm_id, None)
        self._starts_s.pop(perm_id, None)
        self._asked.pop(perm_id, None)
        if order.terms.conditions:
            for con_id in conditions.watched(order.terms.conditions):
                row = self._watching.get(con_id, {})
                row.pop(perm_id, None)
                if not row:
                    self._watching.pop(con_id, None)

    # -- questions --------------------------------------------------------------------------------

    def is_ready(self, order: Order) -> bool:
        """Return whether neither parent, start nor conditions hold the order, whatever the hour."""
        if order.awaits_parent:
            return False
        if self._starts_s and self._starts_s.get(order.perm_id, 0.0) > self._clock.time():
            return False
        terms = order.terms
        if terms.conditions and not terms.conditions_cancel and not order.is_released:
            order.is_released = self._hold(order)
            return order.is_released
        return True

    def is_free(self, order: Order) -> bool:
        """Return whether the order may be in the market now."""
        if kinds.auction_of(order.terms) is not Auction.NONE:
            return False
        outside = order.terms.outside_rth
        is_open = self._sessions.is_open(order.instrument, outside_rth=outside)
        return is_open and self.is_ready(order)

    def is_market_shut(self, order: Order) -> bool:
        """Return whether an order waits for its market to open; auctions keep their own hours."""
        if kinds.auction_of(order.terms) is not Auction.NONE:
            return False
        return not self._sessions.is_open(order.instrument, outside_rth=order.terms.outside_rth)

    def is_in_auction(self, order: Order) -> bool:
        """Return whether the auction an order is for takes place now."""
        return self._sessions.is_auction(order.instrument, kinds.auction_of(order.terms))

    def is_at_open(self, order: Order) -> bool:
        """Return whether the order trades at the day's opening price.

        Where markets never close, the day of the replay opens at another hour than the calendar's.
        """
        is_opening = kinds.auction_of(order.terms) is Auction.OPENING
        return is_opening and self._sessions.next_change_s(order.instrument) != NEVER

    def has_expired(self, order: Order) -> bool:
        """Return whether the order has come to its end, by its time or by its conditions."""
        terms = order.terms
        if terms.conditions and terms.conditions_cancel and self._hold(order):
            return True
        # The auction itself is the last moment of an auction order: it is not too late for it.
        return self._clock.time() >= self._ends_s.get(order.perm_id, NEVER)

    def _hold(self, order: Order) -> bool:
        now = self._clock.time()
        return conditions.hold(order.terms.conditions, now, self._quote, self.zone)

    def moments(self, order: Order) -> list[float]:
        """Return when to look at an order again."""
        perm_id = order.perm_id
        found = [self._ends_s.get(perm_id, NEVER), self._starts_s.get(perm_id, NEVER)]
        auction = kinds.auction_of(order.terms)
        if auction is not Auction.NONE:
            found.append(self._sessions.auction_s(order.instrument, auction))
        else:
            found.append(self._sessions.next_change_s(order.instrument))
        if order.terms.conditions:
            found += conditions.times(order.terms.conditions, self._clock.time(), self.zone)
        return [moment for moment in found if moment != NEVER]

    # -- quotes -----------------------------------------------------------------------------------

    def watches(self, con_id: int) -> bool:
        """Return whether an order waits for quotes of an instrument."""
        return con_id in self._watching

    def is_near(self, con_id: int, low: Decimal, high: Decimal) -> bool:
        """Return whether a condition could change while an instrument stays within two prices."""
        return any(
            not order.is_released
            and conditions.may_change(order.terms.conditions, con_id, low, high)
            for order in self._watching.get(con_id, {}).values()
        )

    def watched(self) -> list[int]:
        """Return the contract ids that conditions need quotes of."""
        return list(self._watching)

    def released_by(self, con_id: int) -> list[Order]:
        """Return the orders whose conditions a quote of the instrument has made true."""
        row = self._watching.get(con_id)
        if not row:
            return []
        found = [order for order in row.values() if not order.is_released and self._hold(order)]
        for order in found:
            order.is_released = not order.terms.conditions_cancel
        return found

    # -- cancels at a closed market ---------------------------------------------------------------

    def ask_end(self, order: Order) -> float:
        """Let a cancel wait until the market opens; return when that is."""
        self._asked[order.perm_id] = self.opens_s(order)
        return self._asked[order.perm_id]

    def opens_s(self, order: Order) -> float:
        """Return when an order's market opens next, now if it is open."""
        outside = order.terms.outside_rth
        return self._sessions.opens_s(order.instrument, outside_rth=outside)

    def is_end_due(self, order: Order) -> bool:
        """Return whether a cancel that waited can be acknowledged."""
        return self._clock.time() >= self._asked.get(order.perm_id, NEVER)
