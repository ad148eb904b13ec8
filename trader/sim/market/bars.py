"""Bars of the replay for any span of wall time: what the ticks would have shown.

Stamps are wall time; the price path is a pure function of time, so history agrees with what
was sent live. Day bars are the true bars of the price files; the day being replayed carries
today's date and the days before it the preceding weekdays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from trader.sim.clock import Clock
from trader.sim.market.market import SESSION_S, Market
from trader.sim.model.instruments import Instrument

BARS_MAX = 2000
_SAMPLES = 8
_SIZES_S = {
    "1 secs": 1, "1 sec": 1, "5 secs": 5, "10 secs": 10, "15 secs": 15, "30 secs": 30,
    "1 min": 60, "2 mins": 120, "3 mins": 180, "5 mins": 300, "10 mins": 600, "15 mins": 900,
    "20 mins": 1200, "30 mins": 1800, "1 hour": 3600, "2 hours": 7200, "3 hours": 10800,
    "4 hours": 14400, "8 hours": 28800, "1 day": 86400,
}  # fmt: skip
_UNITS_S = {"S": 1, "D": 86_400, "W": 7 * 86_400, "M": 30 * 86_400, "Y": 365 * 86_400}
_UNITS_DAYS = {"D": 1, "W": 5, "M": 21, "Y": 252}


class BarsError(Exception):
    """The request cannot be served; the text goes into error 162 or 321."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; it starts at `start_s` (epoch), a day bar also has a date."""

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


def sample_bar(
    market: Market, clock: Clock, item: Instrument, start_s: float, length_s: float
) -> Bar | None:
    """Return the bar of a span of wall time; None before the price files begin."""
    at_start = market.elapsed_s - (clock.time() - start_s) * market.speed
    at_end = min(at_start + length_s * market.speed, market.elapsed_s)
    first_day, _ = market.position(at_start)
    if market.start_index + first_day < 0 or at_end < at_start:
        return None
    last_day, _ = market.position(at_end)
    prices: list[Decimal] = []
    for step in range(_SAMPLES + 1):
        day, fraction = market.position(at_start + (at_end - at_start) * step / _SAMPLES)
        prices.append(market.path(item, day).at(fraction) * item.tick)
    high, low = max(prices), min(prices)
    for day in range(first_day + 1, last_day):
        whole = market.bar(item.symbol, day)
        high, low = max(high, whole.high), min(low, whole.low)
    share = (at_end - at_start) / SESSION_S
    volume = int(market.path(item, last_day).volume * share)
    return Bar(start_s, prices[0], high, low, prices[-1], volume)


def history(
    market: Market, clock: Clock, item: Instrument, *, bar_size: str, duration: str, end_s: float
) -> list[Bar]:
    """Return bars that end at a moment, oldest first. Raises BarsError."""
    size_s = _SIZES_S.get(bar_size)
    count, _, unit = duration.strip().partition(" ")
    if size_s is None:
        raise BarsError(f"Invalid bar size {bar_size!r}, allowed: {', '.join(_SIZES_S)}")
    if not count.isdigit() or not 0 < int(count) <= 10**6 or unit not in _UNITS_S:
        raise BarsError(f"Invalid duration {duration!r}, allowed: a number and one of S D W M Y")
    if bar_size == "1 day":
        days = int(count) * _UNITS_DAYS[unit] if unit in _UNITS_DAYS else 1
        return _day_bars(market, clock, item, days, end_s)
    span_s = int(count) * _UNITS_S[unit]
    if span_s // size_s > BARS_MAX:
        raise BarsError(f"Time length exceeds max: {span_s // size_s} bars, allowed {BARS_MAX}")
    first = int(end_s - span_s) // size_s * size_s
    starts = range(first, int(end_s), size_s)
    found = (sample_bar(market, clock, item, start, size_s) for start in starts)
    return [bar for bar in found if bar is not None]


def _weekdays_back(day: date) -> Iterator[date]:
    while True:
        yield day
        day -= timedelta(days=1)
        while day.weekday() >= 5:
            day -= timedelta(days=1)


def _day_bars(market: Market, clock: Clock, item: Instrument, days: int, end_s: float) -> list[Bar]:
    current, fraction = market.position(market.elapsed_s)
    last = datetime.fromtimestamp(end_s, UTC).date()
    today = datetime.fromtimestamp(clock.time(), UTC).date()
    bars: list[Bar] = []
    for back, day in enumerate(_weekdays_back(today)):
        number = current - back
        if market.start_index + number < 0 or len(bars) >= min(days, BARS_MAX):
            break
        if day > last:
            continue
        true = market.bar(item.symbol, number)
        bar = Bar(
            datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp(),
            true.open, true.high, true.low, true.close, true.volume, day,
        )  # fmt: skip
        bars.append(_so_far(market, item, bar, fraction) if back == 0 else bar)
    return bars[::-1]


def _so_far(market: Market, item: Instrument, bar: Bar, fraction: float) -> Bar:
    day, _ = market.position(market.elapsed_s)
    path = market.path(item, day)
    low, high = path.range_until(fraction)
    return Bar(
        bar.start_s, bar.open, high * item.tick, low * item.tick, path.at(fraction) * item.tick,
        int(bar.volume * fraction), bar.day,
    )  # fmt: skip
