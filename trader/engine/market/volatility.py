"""Prices of every minute, for what is judged by how they move.

A price that was not told in this minute says nothing of it: a feed that has died is no calm market.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import inf, sqrt
from statistics import median

from trader.core.breakers.machine import Reading
from trader.core.ids import ConId
from trader.core.market import form_fault
from trader.core.statistics import volatility, volatility_ratio
from trader.engine.services import Services

SAMPLE_S = 60.0
# The short volatility is of so many minutes, the long one of all before them.
SHORT = 10
_KEPT = 121
MINUTES_A_YEAR = 252 * 390
# Without a price for so long what was seen before says nothing of now, and what is seen next is
# no minute's change.
_GAP_S = SHORT * SAMPLE_S
# What is seen after more than this is no minute's change.
_MINUTE_S_MAX = 1.5 * SAMPLE_S


class Volatility:
    """Samples the middle of every quoted instrument once a minute."""

    def __init__(self, services: Services, minutes_kept: int = _KEPT) -> None:
        self._hub = services.hub
        self._clock = services.clock
        self._prices: dict[ConId, deque[float]] = {}
        # When each instrument last had a price.
        self._priced_s: dict[ConId, float] = {}
        self.sampled_s = float("-inf")
        # The prices that were told in each of the last minutes, the newest last; a minute without
        # any has its place, so that two beside each other are a minute apart.
        self.minutes: deque[Mapping[ConId, float]] = deque(maxlen=minutes_kept)

    def sample(self) -> None:
        """Take the prices of this minute, if that is due."""
        now_s = self._clock.monotonic()
        if now_s - self.sampled_s < SAMPLE_S:
            return
        since_s, self.sampled_s = self.sampled_s, now_s
        if now_s - since_s > _MINUTE_S_MAX:
            self.minutes.append({})
        told: dict[ConId, float] = {}
        for con_id, quote in self._hub.quotes.items():
            mid = quote.mid
            is_told = quote.received_s is not None and quote.received_s > since_s
            if mid is None or not is_told or form_fault(quote, now_s, inf) is not None:
                continue
            kept = self._prices.setdefault(con_id, deque(maxlen=_KEPT))
            if not self._is_current(con_id, now_s):
                kept.clear()
            kept.append(float(mid))
            self._priced_s[con_id] = now_s
            told[con_id] = float(mid)
        self.minutes.append(told)

    def ratio(self) -> Reading:
        """Return the largest ratio of short to long volatility of all instruments."""
        now_s = self._clock.monotonic()
        found = [volatility_ratio(prices, SHORT) for prices in self._current(now_s)]
        known = [value for value in found if value is not None]
        if not known:
            return Reading(None, now_s, is_too_early=True, text="too few prices to judge by")
        return Reading(Decimal(repr(max(known))), now_s, text=f"of {len(known)} instruments")

    def realised(self) -> Decimal | None:
        """Return the middle of all instruments' volatilities, as a fraction a year."""
        series = self._current(self._clock.monotonic())
        found = [volatility(prices) for prices in series if len(prices) > SHORT]
        known = [value for value in found if value is not None]
        return Decimal(repr(median(known) * sqrt(MINUTES_A_YEAR))) if known else None

    def _current(self, now_s: float) -> Iterator[list[float]]:
        """Give the prices of each instrument that has had one of late."""
        for con_id, prices in self._prices.items():
            if self._is_current(con_id, now_s):
                yield list(prices)

    def _is_current(self, con_id: ConId, now_s: float) -> bool:
        return now_s - self._priced_s.get(con_id, float("-inf")) <= _GAP_S
