"""Quotes, and when a quote is good enough to risk money on.

A quote is valid only if it is live, two-sided, finite, above zero, not crossed and fresh
(INC-019, INC-058, INC-141); connection codes say nothing about freshness (INC-011).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from
from trader.core.ids import ConId

LIVE = 1  # marketDataType (message 58): 1 live, 2 frozen, 3 delayed, 4 delayed and frozen


@dataclass(frozen=True, slots=True)
class Quote:
    """The latest of one instrument; None where the broker has not said or said "no data"."""

    con_id: ConId
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    last: Decimal | None = None
    data_type: int = 0
    is_halted: bool = False
    # Monotonic seconds at which bid or ask last arrived; None before the first.
    received_s: float | None = None
    # The same of the last price: an index has no other.
    last_s: float | None = None

    @property
    def mid(self) -> Decimal | None:
        """Return the middle of bid and ask, or None when either is missing."""
        if self.bid is None or self.ask is None:
            return None
        return (self.bid + self.ask) / 2


def fault(quote: Quote | None, now_s: float, age_s_max: float) -> str | None:
    """Say why a quote must not be traded on, or None when it may."""
    if quote is None:
        return "no quote"
    if quote.data_type != LIVE:
        return f"data type {quote.data_type} is not live"
    if quote.is_halted:
        return "trading halted"
    if quote.bid is None or quote.ask is None or quote.received_s is None:
        return "one-sided"
    if decimal_from(quote.bid) is None or decimal_from(quote.ask) is None:
        return f"bid {quote.bid} or ask {quote.ask} is not a number"
    if quote.bid <= ZERO or quote.ask <= ZERO:
        return f"bid {quote.bid} or ask {quote.ask} not above zero"
    if quote.bid > quote.ask:
        return f"crossed: bid {quote.bid} above ask {quote.ask}"
    age_s = now_s - quote.received_s
    # A NaN age compares false with everything: the test is written so that it refuses.
    if not 0 <= age_s <= age_s_max:
        return f"age {age_s:.3f} s"
    return None


def only_side(
    quote: Quote | None, now_s: float, age_s_max: float, *, is_buy: bool
) -> Decimal | None:
    """Return the price that an exit meets where the other side of the market is missing.

    A sale needs a bid and a purchase an ask, as live, fresh and above zero as in a whole quote.
    None where that side is missing too, or where both are there: then :func:`fault` has the word.
    """
    if quote is None:
        return None
    price, other = (quote.ask, quote.bid) if is_buy else (quote.bid, quote.ask)
    if price is None or other is not None:
        return None
    filled_up = replace(quote, bid=price, ask=price)
    return price if fault(filled_up, now_s, age_s_max) is None else None
