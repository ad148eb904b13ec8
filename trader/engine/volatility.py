"""Prices of every minute, for what is judged by how they move."""

from collections import deque
from decimal import Decimal
from math import inf, sqrt
from statistics import median

from trader.core.breakers.machine import Reading
from trader.core.ids import ConId
from trader.core.market import fault
from trader.core.statistics import volatility, volatility_ratio
from trader.engine.services import Services

SAMPLE_S = 60.0
# The short volatility is of so many minutes, the long one of all before them.
SHORT = 10
_KEPT = 121
_MINUTES_A_YEAR = 252 * 390


class Volatility:
    """Samples the middle of every quoted instrument once a minute."""

    def __init__(self, services: Services) -> None:
        self._hub = services.hub
        self._clock = services.clock
        self._prices: dict[ConId, deque[float]] = {}
        self._sampled_s = float("-inf")

    def sample(self) -> None:
        """Take the prices of this minute, if that is due."""
        now_s = self._clock.monotonic()
        if now_s - self._sampled_s < SAMPLE_S:
            return
        self._sampled_s = now_s
        for con_id, quote in self._hub.quotes.items():
            mid = quote.mid
            if mid is not None and fault(quote, now_s, inf) is None:
                kept = self._prices.setdefault(con_id, deque(maxlen=_KEPT))
                kept.append(float(mid))

    def ratio(self) -> Reading:
        """Return the largest ratio of short to long volatility of all instruments."""
        found = [volatility_ratio(list(prices), SHORT) for prices in self._prices.values()]
        known = [value for value in found if value is not None]
        now_s = self._clock.monotonic()
        if not known:
            return Reading(None, now_s, is_too_early=True, text="too few prices to judge by")
        return Reading(Decimal(repr(max(known))), now_s, text=f"of {len(known)} instruments")

    def realised(self) -> Decimal | None:
        """Return the middle of all instruments' volatilities, as a fraction a year."""
        found = [
            volatility(list(prices)) for prices in self._prices.values() if len(prices) > SHORT
        ]
        known = [value for value in found if value is not None]
        return Decimal(repr(median(known) * sqrt(_MINUTES_A_YEAR))) if known else None
