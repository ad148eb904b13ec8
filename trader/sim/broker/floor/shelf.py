"""The live orders of one instrument, sorted by the price at which each must be looked at again.

A quote then costs what it touches and not what is there: ten thousand orders far from the market
are one comparison. Orders whose price follows the market stand apart and are looked at each time.
"""

from bisect import bisect_left, bisect_right, insort
from decimal import Decimal
from enum import StrEnum

from trader.sim.broker.terms import kinds
from trader.sim.market.quotes import Quote
from trader.sim.model.orders import Order


class Watch(StrEnum):
    """When an order is due."""

    # Its trigger is met when the last price is at or above, at or below its level.
    STOP_ABOVE = "stop above"
    STOP_BELOW = "stop below"
    # It rests in the book and may trade: sells above, buys below.
    SELL = "sell"
    BUY = "buy"
    # At every quote.
    ALWAYS = "always"


_Key = tuple[Decimal, int]


class Shelf:
    """Waiting orders of one instrument."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[Watch, Decimal]] = {}
        self._orders: dict[int, Order] = {}
        self._always: dict[int, Order] = {}
        self._sorted: dict[Watch, list[_Key]] = {w: [] for w in Watch if w is not Watch.ALWAYS}

    def __len__(self) -> int:
        """Return how many orders wait."""
        return len(self._orders)

    def put(self, order: Order, watch: Watch, level: Decimal = Decimal(0)) -> None:
        """Let an order wait, or move it to another level."""
        place = (watch, level)
        if self._places.get(order.perm_id) == place:
            return
        self.drop(order)
        self._places[order.perm_id], self._orders[order.perm_id] = place, order
        if watch is Watch.ALWAYS:
            self._always[order.perm_id] = order
        else:
            insort(self._sorted[watch], (level, order.perm_id))

    def drop(self, order: Order) -> None:
        """Forget an order; one that does not wait here is no error."""
        place = self._places.pop(order.perm_id, None)
        if place is None:
            return
        del self._orders[order.perm_id]
        watch, level = place
        if watch is Watch.ALWAYS:
            del self._always[order.perm_id]
            return
        row = self._sorted[watch]
        del row[bisect_left(row, (level, order.perm_id))]

    def is_near(self, low: Decimal, high: Decimal) -> bool:
        """Return whether an order could be due while prices stay within two bounds."""
        return bool(
            any(kinds.may_move(self._orders[perm_id], low, high) for perm_id in self._always)
            or self._up_to(Watch.STOP_ABOVE, high)
            or self._from(Watch.STOP_BELOW, low)
            or self._up_to(Watch.SELL, high)
            or self._from(Watch.BUY, low)
        )

    def due(self, quote: Quote) -> list[Order]:
        """Return the orders a quote concerns, in the order they came."""
        last = quote.last
        found = list(self._always)
        found += self._up_to(Watch.STOP_ABOVE, last)
        found += self._from(Watch.STOP_BELOW, last)
        found += self._up_to(Watch.SELL, max(last, quote.bid))
        found += self._from(Watch.BUY, min(last, quote.ask))
        found.sort()
        return [self._orders[perm_id] for perm_id in found]

    def _up_to(self, watch: Watch, price: Decimal) -> list[int]:
        row = self._sorted[watch]
        if not row or row[0][0] > price:
            return []
        end = bisect_right(row, price, key=_level)
        return [perm_id for _, perm_id in row[:end]]

    def _from(self, watch: Watch, price: Decimal) -> list[int]:
        row = self._sorted[watch]
        if not row or row[-1][0] < price:
            return []
        start = bisect_left(row, price, key=_level)
        return [perm_id for _, perm_id in row[start:]]


def _level(key: _Key) -> Decimal:
    return key[0]
