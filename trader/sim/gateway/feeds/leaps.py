"""How far the rounds may leap while time is advanced and nobody can look in between.

A round is left out when nothing but rounds happens before and after it, and when no price between
can concern an order. So what the broker does is the same as if each round had been made: a stop
that is touched within the stretch triggers in its own round. The round before one that concerns an
order is made as well, since what trades in a round is counted from the round before.
"""

from collections.abc import Iterable

from trader.sim.broker.exchange import Exchange
from trader.sim.clock import Clock, Timer
from trader.sim.market.market import Market
from trader.sim.market.reach import reach
from trader.sim.model.instruments import Instrument

# A leap is not longer than this, so that how far an advance has come can always be told.
_ROUNDS_MAX = 100_000


class Leaps:
    """Which rounds of one simulator make a difference."""

    def __init__(self, clock: Clock, market: Market, exchange: Exchange, interval_s: float) -> None:
        self._clock, self._market, self._exchange = clock, market, exchange
        self._interval_s = interval_s

    def free(self, timer: Timer) -> int:
        """Return how many rounds follow, from the next one's timer on, before anything else."""
        idle_s = self._clock.idle_s(timer)
        # Whatever is due together with a round has its turn before or after it: not left out.
        return min(int((idle_s - 1e-6) / self._interval_s), _ROUNDS_MAX) if idle_s > 0 else 0

    def length(self, items: Iterable[Instrument], free: int) -> int:
        """Return after how many rounds the next has to be made; all free ones but the last."""
        length = max(free, 1)
        for item in items:
            if length == 1:
                break
            length = self._first(item, 1, length) or length
        return length

    def concerns(self, item: Instrument) -> bool:
        """Return whether the present price of an instrument can concern an order."""
        return self._may(item, 0, 0)

    def _first(self, item: Instrument, low: int, high: int) -> int:
        """Return the first round of a stretch that can concern an order, 0 without one."""
        if not self._may(item, low, high):
            return 0
        if low == high:
            return low
        middle = (low + high) // 2
        return self._first(item, low, middle) or self._first(item, middle + 1, high)

    def _may(self, item: Instrument, low: int, high: int) -> bool:
        if not self._exchange.wants_quotes(item.con_id):
            return False
        slot, ratio = self._market.slot(), self._interval_s / self._market.quantum_s
        # One slot further: so the round before one that matters is made too.
        first, last = slot + int(low * ratio), slot + int(high * ratio) + 1
        bounds = reach(self._market, item, first, last)
        return self._exchange.is_near(item, bounds[0] * item.tick, bounds[1] * item.tick)
