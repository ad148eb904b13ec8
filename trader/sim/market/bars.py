"""Bars of any instrument over any span of wall time: what the ticks would have shown.

Stamps are wall time; prices are a pure function of time, so history agrees with what was sent
live. Day bars of stocks and indices are the true bars of the price files; the day being
replayed carries today's date and the days before it the preceding days of trading.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby

from trader.sim.clock import Clock
from trader.sim.market import volatility
from trader.sim.market.market import Market
from trader.sim.market.quotes import spread_step
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

BARS_MAX = 2000
_SAMPLES_MAX = 64
SHOWS = (
    "TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK", "ADJUSTED_LAST", "AGGTRADES",
    "HISTORICAL_VOLATILITY", "OPTION_IMPLIED_VOLATILITY", "SCHEDULE",
)  # fmt: skip
_TRADED = ("TRADES", "AGGTRADES", "ADJUSTED_LAST")
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


def history(market: Market, clock: Clock, item: Instrument, wanted: Wanted) -> list[Bar]:
    """Return the bars that end at a moment, oldest first."""
    if wanted.size_s >= DAY_S:
        return _long_bars(market, clock, item, wanted)
    found = (
        show_bar(market, item, start, end - start, wanted.show)
        for start, end in _cuts(market, item, wanted)
    )
    return [bar for bar in found if bar is not None][-BARS_MAX:]


def _cuts(market: Market, item: Instrument, wanted: Wanted) -> Iterator[tuple[float, float]]:
    """Cut the sessions of the span into bars; the first of a session may be a short one."""
    end_s, size, hours = wanted.end_s, wanted.size_s, market.hours
    if wanted.duration.unit == "S":
        first_s = end_s - wanted.duration.seconds
    else:
        days = wanted.duration.seconds // DAY_S
        first_s = hours.start_of(item.calendar, end_s, days, regular=wanted.is_regular)
    spans = hours.spans(item.calendar, first_s // size * size, end_s, regular=wanted.is_regular)
    for opened, closed in spans:
        start = float(opened)
        while start < closed:
            following = start // size * size + size
            yield start, min(following, closed) if closed < end_s else following
            start = following


def show_bar(
    market: Market, item: Instrument, start_s: float, length_s: float, show: str = "TRADES"
) -> Bar | None:
    """Return the bar of a span of wall time; None before the days begin or after now."""
    first, last = market.slot_at(start_s), min(market.slot_at(start_s + length_s), market.slot())
    if last < first or market.moment(item, first).day < -market.days_before(item):
        return None
    if show in _VOLATILITIES:
        return _volatility_bar(market, item, start_s, market.moment(item, last).day, show)
    a, b = market.middle(item, first), market.middle(item, last)
    low, high = _range(market, item, first, last)
    low, high = min(low, a, b), max(high, a, b)
    volume = _volume(market, item, first, last) if show in _TRADED else -1
    bar = (a, high, low, b)
    if show in ("BID", "ASK", "BID_ASK"):
        bar = _sides(market, item, (first, last), bar, show)
    scale = item.tick
    return Bar(start_s, bar[0] * scale, bar[1] * scale, bar[2] * scale, bar[3] * scale, volume)


def _sides(
    market: Market, item: Instrument, slots: tuple[int, int], bar: tuple[int, int, int, int],
    show: str,
) -> tuple[int, int, int, int]:  # fmt: skip
    """Return open, high, low, close of a side in ticks; BID_ASK: mean bid, ask max, bid min, ask.

    The sides lie one or two steps from the middle, so the extremes are known without a walk.
    """
    ends = [market.quote_at(item, slot) for slot in slots]
    step = spread_step(item, bar[3])
    bids, asks = ([int(side / item.tick) for side in sides] for sides in (
        (ends[0].bid, ends[1].bid), (ends[0].ask, ends[1].ask),
    ))  # fmt: skip
    if show == "BID":
        return bids[0], max(bar[1] - step, *bids), min(bar[2] - 2 * step, *bids), bids[1]
    if show == "ASK":
        return asks[0], max(bar[1] + 2 * step, *asks), min(bar[2] + step, *asks), asks[1]
    lowest, highest = min(bar[2] - 2 * step, *bids), max(bar[1] + 2 * step, *asks)
    return sum(bids) // 2, highest, lowest, sum(asks) // 2


def _range(market: Market, item: Instrument, first: int, last: int) -> tuple[int, int]:
    """Return the lowest and the highest middle between two slots."""
    start, end = market.moment(item, first), market.moment(item, last)
    if market.was_touched(item) or start.pre_share < 1 or end.pre_share < 1:
        step = max((last - first) // _SAMPLES_MAX, 1)
        seen = [market.middle(item, slot) for slot in range(first, last + 1, step)]
        return min(seen), max(seen)
    path = market.path(item, start.day)
    if start.day == end.day:
        return path.range_between(start.fraction, end.fraction)
    low, high = path.range_between(start.fraction, 1.0)
    for day in range(start.day + 1, end.day):
        whole = market.path(item, day)
        low, high = min(low, whole.low), max(high, whole.high)
    below, above = market.path(item, end.day).range_between(0.0, end.fraction)
    return min(low, below), max(high, above)


def _volume(market: Market, item: Instrument, first: int, last: int) -> int:
    start, end = market.moment(item, first).day, market.moment(item, last).day
    volume = market.cumulative(item, last) - market.cumulative(item, first)
    volume += sum(market.path(item, day).volume for day in range(start, end))
    return max(volume, 0)


def _volatility_bar(
    market: Market,
    item: Instrument,
    start_s: float,
    number: int,
    show: str,
    day: date | None = None,
) -> Bar:
    values = [volatility.shown(market, item, n, show) for n in (number - 1, number)]
    return Bar(start_s, values[0], max(values), min(values), values[1], -1, day)


def day_numbers(
    market: Market, clock: Clock, item: Instrument, end_s: float
) -> Iterator[tuple[date, int]]:
    """Return dates with the days replayed on them, newest first, as far as there are any."""
    now = market.moment(item, market.slot()).day
    last, earliest = datetime.fromtimestamp(end_s, UTC).date(), -market.days_before(item)
    for day, number in market.hours.days_back(item.calendar, clock.time(), now):
        if number < earliest:
            return
        if day <= last:
            yield day, number


def _long_bars(market: Market, clock: Clock, item: Instrument, wanted: Wanted) -> list[Bar]:
    days = wanted.duration.days
    bars: list[Bar] = []
    for day, number in day_numbers(market, clock, item, wanted.end_s):
        if len(bars) >= days:
            break
        bars.append(_day_bar(market, item, wanted.show, day, number))
    bars.reverse()
    if wanted.size_s == DAY_S:
        return bars[-BARS_MAX:]
    is_week = wanted.size_s == WEEK_S
    return [
        _joined(group) for _, group in groupby(bars, lambda bar: _period(bar.day, is_week=is_week))
    ]


def _day_bar(market: Market, item: Instrument, show: str, day: date, number: int) -> Bar:
    start_s = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    if show in _VOLATILITIES:
        return _volatility_bar(market, item, start_s, number, show, day)
    now = market.moment(item, market.slot()).day
    if number == now:
        quote = market.quote(item)
        values = (quote.open, quote.high, quote.low, quote.last, quote.volume)
    else:
        true = market.day_bar(item, number)
        values = (true.open, true.high, true.low, true.close, true.volume)
    volume = values[4] if show in _TRADED else -1
    step = spread_step(item, int(values[3] / item.tick)) * item.tick
    away = {"BID": (-step, -step), "ASK": (step, step), "BID_ASK": (step, -step)}
    above, below = away.get(show, (Decimal(0), Decimal(0)))
    return Bar(
        start_s, values[0] + below, values[1] + above, values[2] + below, values[3] + above,
        volume, day,
    )  # fmt: skip


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
