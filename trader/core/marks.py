"""Which price a holding is valued at, and whose word it is.

How fresh a quote must be to trade on is one thing, how old a price may be that values what is held
another: a thin instrument ticks seldom and is worth something all the same. Our own quote counts
within its budget; outside the instrument's hours the last one of its session does; else the
broker's own mark (updatePortfolio, message 7), within a budget of its own; else nobody knows.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trader.core.account import Holding
from trader.core.amounts import ZERO, decimal_from
from trader.core.instruments import Instrument
from trader.core.market import Quote


class Source(StrEnum):
    """Whose word a mark is."""

    QUOTE = "quote"
    SESSION = "last of the session"
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class Mark:
    """What one unit of a holding is worth in ``currency``, multiplier included.

    ``at_s`` is when it was heard, in monotonic seconds.
    """

    unit_value: Decimal
    currency: str
    sec_type: str
    source: Source
    at_s: float


@dataclass(frozen=True, slots=True)
class MarkBudgets:
    """How old a mark may be that values a holding, in seconds: our own, and the broker's."""

    quote_s: float
    broker_s: float


def chosen(
    quote: Quote | None,
    told: Holding | None,
    instrument: Instrument | None,
    *,
    now_s: float,
    budgets: MarkBudgets,
    is_closed: bool,
) -> Mark | str:
    """Return the mark that counts now, or why there is none.

    ``is_closed`` only when the instrument's exchange is known to be closed at this moment.
    """
    own = None if instrument is None else own_mark(quote, instrument)
    if isinstance(own, Mark):
        # A NaN age compares false with everything: the test is written so that it refuses.
        if 0 <= now_s - own.at_s <= budgets.quote_s:
            return own
        if is_closed and own.at_s <= now_s:
            return Mark(own.unit_value, own.currency, own.sec_type, Source.SESSION, own.at_s)
    theirs = _told_mark(told)
    if isinstance(theirs, Mark) and 0 <= now_s - theirs.at_s <= budgets.broker_s:
        return theirs
    return "; ".join(_words(instrument, own, theirs, now_s, budgets))


def own_mark(quote: Quote | None, instrument: Instrument) -> Mark | None:
    """Return the price of a quote as a mark, whatever its age; None where it has none."""
    price, at_s = price_of(quote)
    number = None if price is None else decimal_from(price)
    if number is None or number < ZERO or at_s is None:
        return None
    unit_value = number * instrument.multiplier
    return Mark(unit_value, instrument.currency, instrument.sec_type, Source.QUOTE, at_s)


def price_of(quote: Quote | None) -> tuple[Decimal | None, float | None]:
    """Return the middle of a quote, else its last price, and when that was heard."""
    if quote is None:
        return None, None
    if quote.mid is not None:
        return quote.mid, quote.received_s
    return quote.last, quote.last_s


def _told_mark(told: Holding | None) -> Mark | None:
    unit_value = None if told is None else told.unit_value
    if told is None or unit_value is None:
        return None
    return Mark(unit_value, told.currency, told.sec_type, Source.BROKER, told.at_s)


def _words(
    instrument: Instrument | None,
    own: Mark | None,
    theirs: Mark | None,
    now_s: float,
    budgets: MarkBudgets,
) -> tuple[str, str]:
    ours = "not a configured instrument" if instrument is None else "no mark"
    if own is not None:
        ours = f"mark {now_s - own.at_s:.0f} s old, allowed {budgets.quote_s:g} s"
    broker = "none of the broker's"
    if theirs is not None:
        broker = f"the broker's {now_s - theirs.at_s:.0f} s old, allowed {budgets.broker_s:g} s"
    return ours, broker
