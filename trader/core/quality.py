"""What is wrong with a quote in a way that no market explains.

A wide, old or one-sided quote is the market's business; these are the feed's: two sides that
cross, numbers that are none, prices that are not above zero, and times that lie ahead (INC-019).
"""

from trader.core.amounts import ZERO, decimal_from
from trader.core.market import Quote

# A tick is stamped when it is read, so it can never lie ahead by more than a rounding.
_AHEAD_S_MAX = 0.001


def feed_fault(quote: Quote, now_s: float) -> str | None:
    """Say what is wrong with a quote's numbers, or None; what is missing is not wrong."""
    for name, price in (("bid", quote.bid), ("ask", quote.ask)):
        if price is None:
            continue
        if decimal_from(price) is None:
            return f"{name} {price} is not a number"
        if price <= ZERO:
            return f"{name} {price} is not above zero"
    if quote.bid is not None and quote.ask is not None and quote.bid > quote.ask:
        return f"crossed: bid {quote.bid} above ask {quote.ask}"
    if quote.received_s is not None and not quote.received_s <= now_s + _AHEAD_S_MAX:
        return f"from the future: {quote.received_s - now_s:.1f} s ahead"
    return None
