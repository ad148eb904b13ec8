"""Quotes, and when a quote is good enough to risk money on.

A quote is valid only if it is live, two-sided, finite, above zero, not crossed and fresh
(INC-019, INC-058, INC-141); connection codes say nothing about freshness (INC-011). Each rule has
a short name that stays; of several that hold the first of this order is told. What is in doubt
besides (:mod:`trader.core.plausibility`) is a quote in good form that is not believed yet.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from trader.core.amounts import ZERO, decimal_from
from trader.core.ids import ConId

LIVE = 1  # marketDataType (message 58): 1 live, 2 frozen, 3 delayed, 4 delayed and frozen


class QuoteRule(StrEnum):
    """Why a quote must not be traded on; the names are told outside and do not change."""

    NO_QUOTE = "no_quote"
    # Nobody has said whether it is live.
    UNTYPED = "untyped"
    FROZEN = "frozen"
    DELAYED = "delayed"
    HALTED = "halted"
    ONE_SIDED = "one_sided"
    NOT_A_NUMBER = "not_a_number"
    NOT_POSITIVE = "not_positive"
    CROSSED = "crossed"
    OLD = "old"
    # The three doubts: the numbers are in form, and not believed.
    FIRST_OF_SESSION = "first_of_session"
    STUB_SPREAD = "stub_spread"
    OUTSIDE_BAND = "outside_band"


_DOUBTS = (QuoteRule.FIRST_OF_SESSION, QuoteRule.STUB_SPREAD, QuoteRule.OUTSIDE_BAND)
_KINDS = {2: QuoteRule.FROZEN, 3: QuoteRule.DELAYED, 4: QuoteRule.DELAYED}


@dataclass(frozen=True, slots=True)
class QuoteFault:
    """The rule that holds against a quote, and what was seen."""

    rule: QuoteRule
    text: str

    @property
    def is_doubt(self) -> bool:
        """Tell whether the quote is in good form and merely not believed."""
        return self.rule in _DOUBTS


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
    # Why its prices are not believed, though they are in good form.
    doubt: QuoteFault | None = None

    @property
    def mid(self) -> Decimal | None:
        """Return the middle of bid and ask, or None when either is missing."""
        if self.bid is None or self.ask is None:
            return None
        return (self.bid + self.ask) / 2


def fault(quote: Quote | None, now_s: float, age_s_max: float) -> str | None:
    """Say why a quote must not be traded on, or None when it may."""
    found = quote_fault(quote, now_s, age_s_max)
    return None if found is None else found.text


def quote_fault(quote: Quote | None, now_s: float, age_s_max: float) -> QuoteFault | None:
    """Return the first rule that holds against trading on a quote, or None when it may be."""
    found = form_fault(quote, now_s, age_s_max)
    return found if found is not None or quote is None else quote.doubt


def form_fault(quote: Quote | None, now_s: float, age_s_max: float) -> QuoteFault | None:
    """Return what is wrong with a quote's form; a doubt is no fault of form."""
    if quote is None:
        return _NO_QUOTE
    if quote.data_type != LIVE:
        kind = _KINDS.get(quote.data_type, QuoteRule.UNTYPED)
        return QuoteFault(kind, f"data type {quote.data_type} is not live")
    if quote.is_halted:
        return _HALTED
    if quote.bid is None or quote.ask is None or quote.received_s is None:
        return _ONE_SIDED
    if decimal_from(quote.bid) is None or decimal_from(quote.ask) is None:
        text = f"bid {quote.bid} or ask {quote.ask} is not a number"
        return QuoteFault(QuoteRule.NOT_A_NUMBER, text)
    if quote.bid <= ZERO or quote.ask <= ZERO:
        text = f"bid {quote.bid} or ask {quote.ask} not above zero"
        return QuoteFault(QuoteRule.NOT_POSITIVE, text)
    if quote.bid > quote.ask:
        return QuoteFault(QuoteRule.CROSSED, f"crossed: bid {quote.bid} above ask {quote.ask}")
    age_s = now_s - quote.received_s
    # A NaN age compares false with everything: the test is written so that it refuses.
    if not 0 <= age_s <= age_s_max:
        return QuoteFault(QuoteRule.OLD, f"age {age_s:.3f} s")
    return None


_NO_QUOTE = QuoteFault(QuoteRule.NO_QUOTE, "no quote")
_HALTED = QuoteFault(QuoteRule.HALTED, "trading halted")
_ONE_SIDED = QuoteFault(QuoteRule.ONE_SIDED, "one-sided")


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
    return price if form_fault(filled_up, now_s, age_s_max) is None else None
