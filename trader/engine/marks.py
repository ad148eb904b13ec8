"""Prices to judge a loss by: never those of a single tick.

Of each instrument the last two good quotes that differ in time are kept. A loss is measured at the
better of the two, a gain at the worse: what one tick says alone moves neither, and what two say
one after the other moves both (INC-019, INC-144).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import inf

from trader.core.ids import ConId
from trader.core.market import Quote, fault
from trader.engine.hub import MarketHub


@dataclass(frozen=True, slots=True)
class Mark:
    """The lower and the higher of the last two good prices; ``at_s`` is that of the later one."""

    low: Decimal
    high: Decimal
    at_s: float


class Marks:
    """Keeps two prices of each instrument that is looked at."""

    def __init__(self, hub: MarketHub, spread_fraction_max: Decimal) -> None:
        self._hub = hub
        self._spread_max = spread_fraction_max
        self._seen: dict[ConId, tuple[tuple[Decimal, float], ...]] = {}

    def sample(self, con_ids: Iterable[ConId], now_s: float) -> None:
        """Take in the quotes of this moment; those that no market explains are left out."""
        for con_id in con_ids:
            quote = self._hub.quotes.get(con_id)
            mid = self._good(quote, now_s)
            if mid is None or quote is None or quote.received_s is None:
                continue
            seen = self._seen.get(con_id, ())
            if not seen or seen[-1][1] != quote.received_s:
                self._seen[con_id] = (*seen[-1:], (mid, quote.received_s))

    def of(self, con_id: ConId) -> Mark | None:
        """Return the mark of an instrument, or None before its first good quote."""
        seen = self._seen.get(con_id)
        if not seen:
            return None
        prices = [price for price, _ in seen]
        return Mark(min(prices), max(prices), seen[-1][1])

    def _good(self, quote: Quote | None, now_s: float) -> Decimal | None:
        if quote is None or fault(quote, now_s, inf) is not None:
            return None
        mid = quote.mid
        assert mid is not None, "a good quote without a middle"
        assert quote.bid is not None, "a good quote without a bid"
        assert quote.ask is not None, "a good quote without an ask"
        return mid if quote.ask - quote.bid <= self._spread_max * mid else None
