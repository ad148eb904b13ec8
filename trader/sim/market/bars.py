"""Bars of any instrument over any span of wall time: what the ticks would have shown.

A bar is made of the slots that begin in it, and of nothing else: what was sent of them live. So
bars of any size over the same span add up to one another, whole days included: a day is the
instrument's trading day, and where markets never close its date from midnight to midnight.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby

from trader.sim.market import extremes, sessions, volatility
from trader.sim.market.extremes import Side
from trader.sim.market.market import Market
from trader.sim.market.spans import (
    DAY_S,
    WEEK_S,
    BarsError,
    Duration,
    invalid,
    read_duration,
    read_size,
)
from trader.sim.model.instruments import Instrument
from trader.sim.reference.calendar import TradingDay

BARS_MAX = 2000
SHOWS = (
    "TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK", "ADJUSTED_LAST", "AGGTRADES",
    "HISTORICAL_VOLATILITY", "OPTION_IMPLIED_VOLATILITY", "SCHEDULE",
)  # fmt: skip
_TRADED = ("TRADES", "AGGTRADES", "ADJUSTED_LAST")
_SIDES = {"BID": Side.BID, "ASK": Side.ASK, "MIDPOINT": Side.SUM}
# Open, high, low, close.
_Prices = tuple[int, int, int, int]
_VOLATILITIES = ("HISTORICAL_VOLATILITY", "OPTION_IMPLIED_VOLATILITY")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; it starts at `start_s` (epoch), a day, week or month bar also has a date.

    Volume is -1 where nothing traded is shown (quotes, volatilities).
    """

    start_s: float
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    day: date | None = None

    @property
    def average(self) -> Decimal:
        """Return the typical price, standing in for the volume-weighted one."""
        return ((self.open + self.high + self.low + self.close) / 4).quantize(Decimal("0.001"))

    @property
    def count(self) -> int:
        """Return the number of trades."""
        return max(1, self.volume // 100)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What bars are asked for, read and checked."""

    size_s: int
    duration: Duration
    end_s: float
    show: str = "TRADES"
    is_regular: bool = False


def read_wanted(
    item: Instrument, texts: tuple[str, str, str], end_s: float, *, is_regular: bool
) -> Wanted:
    """Check size, duration and what to show, as written, for an instrument. Raises BarsError."""
    size_s, duration, show = read_size(texts[0]), read_duration(texts[1]), texts[2].upper()
    if show not in SHOWS:
        raise invalid("What to show field is missing or incorrect.")
    check_show(item, show)
    if show == "SCHEDULE" and size_s != DAY_S:
        raise invalid("Only '1 day' bar size is supported for Schedule data.")
    count = duration.seconds // size_s
    if size_s < DAY_S and count > BARS_MAX:
        raise BarsError(
            "Historical Market Data Service error message:Time length exceed max. "
            f"({count} bars, allowed {BARS_MAX})"
        )
    return Wanted(size_s, duration, end_s, show, is_regular)


def check_show(item: Instrument, show: str) -> None:
    """Refuse what an instrument of this type does not have. Raises BarsError."""
    kind = item.sec_type
    if kind == "CRYPTO" and show == "TRADES":
        raise BarsError(
            "Expected what to show is AGGTRADES, please use that instead of TRADES.", 10299
        )
    has_no_trades = kind == "CASH" and show in (*_TRADED, *_VOLATILITIES)
    has_no_quotes = kind == "IND" and show in ("BID", "ASK", "BID_ASK", "MIDPOINT")
    has_no_options = kind in ("OPT", "FOP", "FUT", "CRYPTO", "BAG") and show in _VOLATILITIES
    if has_no_trades or has_no_quotes or has_no_options:
        raise BarsError(
            "Historical Market Data Service error message:No historical market data for "
            f"{item.symbol}/{kind}@{item.exchange} {show}"
        )


def history(market: Market, item: Instrument, wanted: Wanted) -> list[Bar]:
    """Return the bars that end at a moment, oldest first."""
    if sessions.is_of_days(wanted.size_s):
        return _long_bars(market, item, wanted)
    found = (
        show_bar(market, item, start, end - start, wanted.show)
        for start, end in _cuts(item, wanted)
    )
    return [bar for bar in found if bar is not None][-BARS_MAX:]


def days_of(item: Instrument, wanted: Wanted) -> list[TradingDay]:
    """Return the trading days that a request spans, oldest first."""
    found = sessions.days_back(
        item.calendar, wanted.end_s, wanted.duration, regular=wanted.is_regular
    )
    return list(found)[::-1]


def _cuts(item: Instrument, wanted: Wanted) -> Iterator[tuple[float, float]]:
    """Cut the sessions of the span into bars; the first of a session may be a short one."""
    end_s, duration = wanted.end_s, wanted.duration
    if duration.unit == "S":
        # Seconds are seconds on the wall: they may lie in the session before.
        duration = Duration(2, "D")
        first_s = end_s - wanted.duration.seconds
    else:
        first_s = 0.0
    spanned = Wanted(wanted.size_s, duration, end_s, wanted.show, wanted.is_regular)
    span = (first_s, end_s)
    return sessions.cuts(days_of(item, spanned), wanted.size_s, span, regular=wanted.is_regular)


def show_bar(
    market: Market, item: Instrument, start_s: float, length_s: float, show: str = "TRADES"
) -> Bar | None:
    """Return the bar of a span of wall time: of the slots that begin in it, up to now.

    None before the days begin, after now, and for less than a slot.
    """
    first = market.slot_from(start_s)
    last = min(market.slot_from(start_s + length_s) - 1, market.slot())
    if last < first or start_s < market.first_s(item):
        return None
    if show in _VOLATILITIES:
        return _volatility_bar(market, item, start_s, market.moment(item, last).day, show)
    span, scale = (first, last), item.tick
    if show == "BID_ASK":
        prices = _both_sides(market, item, span)
    else:
        side = _SIDES.get(show, Side.MIDDLE)
        prices = _one_side(market, item, span, side)
        scale = scale / 2 if side is Side.SUM else scale
    volume = market.volume_between(item, first - 1, last) if show in _TRADED else -1
    opened, high, low, close = (price * scale for price in prices)
    return Bar(start_s, opened, high, low, close, volume)


def _one_side(market: Market, item: Instrument, span: tuple[int, int], side: Side) -> _Prices:
    opened, close = (extremes.value(market, item, slot, side) for slot in span)
    high = extremes.highest(market, item, *span, side)
    return opened, high, extremes.lowest(market, item, *span, side), close


def _both_sides(market: Market, item: Instrument, span: tuple[int, int]) -> _Prices:
    """Return mean bid, highest ask, lowest bid, mean ask; the means are those of the ends."""
    bids, asks = (
        [extremes.value(market, item, slot, side) for slot in span] for side in (Side.BID, Side.ASK)
    )
    high = extremes.highest(market, item, *span, Side.ASK)
    low = extremes.lowest(market, item, *span, Side.BID)
    return sum(bids) // 2, high, low, sum(asks) // 2


def _volatility_bar(
    market: Market, item: Instrument, start_s: float, number: int, show: str
) -> Bar:
    values = [volatility.shown(market, item, n, show) for n in (number - 1, number)]
    return Bar(start_s, values[0], max(values), min(values), values[1], -1)


def _long_bars(market: Market, item: Instrument, wanted: Wanted) -> list[Bar]:
    """Return bars of whole days, weeks or months; that of the day under way as far as it came."""
    bars: list[Bar] = []
    for day in days_of(item, wanted):
        start_s, end_s = sessions.ends(day, regular=wanted.is_regular)
        bar = show_bar(market, item, start_s, min(end_s, wanted.end_s) - start_s, wanted.show)
        if bar is not None:
            bars.append(replace(bar, day=day.day))
    if wanted.size_s == DAY_S:
        return bars[-BARS_MAX:]
    is_week = wanted.size_s == WEEK_S
    return [
        _joined(group) for _, group in groupby(bars, lambda bar: _period(bar.day, is_week=is_week))
    ]


def _period(day: date | None, *, is_week: bool) -> tuple[int, int]:
    assert day is not None, "bars of whole days have a date"
    return day.isocalendar()[:2] if is_week else (day.year, day.month)


def _joined(group: Iterable[Bar]) -> Bar:
    """Return one bar for several days, dated by the last of them."""
    bars = list(group)
    volume = sum(bar.volume for bar in bars) if bars[0].volume >= 0 else -1
    return Bar(
        bars[0].start_s, bars[0].open, max(bar.high for bar in bars), min(bar.low for bar in bars),
        bars[-1].close, volume, bars[-1].day,
    )  # fmt: skip
