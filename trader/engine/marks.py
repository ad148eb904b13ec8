"""Prices to judge a loss by: never those of a single tick.

Of each holding the last two good prices that differ in time are kept: of our own quotes, and where
those do not value it, of the broker's lists or of the last session. A loss is measured at the
better of the two, a gain at the worse: what one tick says alone moves neither, and what two say
one after the other moves both (INC-019, INC-144). A price that is in doubt counts all the same:
new risk waits until it is believed, and a loss must not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import inf

from trader.core.ids import ConId
from trader.core.market import form_fault
from trader.core.marks import Mark, Source
from trader.engine.hub import MarketHub


@dataclass(frozen=True, slots=True)
class Ends:
    """The lower and the higher of the last two good unit values; ``at_s`` is the later one's."""

    low: Decimal
    high: Decimal
    at_s: float


class Marks:
    """Keeps two prices of each holding that is looked at."""

    def __init__(self, hub: MarketHub, spread_fraction_max: Decimal) -> None:
        self._hub = hub
        self._spread_max = spread_fraction_max
        self._seen: dict[ConId, tuple[tuple[Decimal, float], ...]] = {}

    def sample(self, marks: Mapping[ConId, Mark], now_s: float) -> None:
        """Take in the marks of this moment; quotes that no market explains are left out."""
        for con_id, mark in marks.items():
            if mark.source is Source.QUOTE and not self._is_good(con_id, now_s):
                continue
            seen = self._seen.get(con_id, ())
            if not seen or seen[-1][1] != mark.at_s:
                self._seen[con_id] = (*seen[-1:], (mark.unit_value, mark.at_s))

    def of(self, con_id: ConId) -> Ends | None:
        """Return the ends of a holding's price, or None before its first good one."""
        seen = self._seen.get(con_id)
        if not seen:
            return None
        prices = [price for price, _ in seen]
        return Ends(min(prices), max(prices), seen[-1][1])

    def _is_good(self, con_id: ConId, now_s: float) -> bool:
        quote = self._hub.quotes.get(con_id)
        if quote is None or form_fault(quote, now_s, inf) is not None:
            return False
        mid = quote.mid
        assert mid is not None, "a good quote without a middle"
        assert quote.bid is not None, "a good quote without a bid"
        assert quote.ask is not None, "a good quote without an ask"
        return quote.ask - quote.bid <= self._spread_max * mid
