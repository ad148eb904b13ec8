"""Indicators: numbers made of the last prices; pure, and None where there is no honest number.

Arrays have one dimension, oldest first, and at most ``VALUES_MAX`` values. Too few values, one that
is NaN or endless, and a deviation of nothing give None: nobody decides on what is not known. Sums
are numpy's own and no library of linear algebra is asked, so that every machine has the same bits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Values: TypeAlias = Sequence[float] | Array

# What one question to the broker brings; nobody hands in a history without an end.
VALUES_MAX = 720
# A deviation under this part of the values is rounding.
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Line:
    """``y = intercept + slope * x``, with how well it fits.

    ``deviation`` is that of what the line does not explain, in units of ``y``, with n - 2 degrees
    of freedom; ``correlation`` is from -1 to 1.
    """

    intercept: float
    slope: float
    deviation: float
    correlation: float


def sma(values: Values, window: int) -> float | None:
    """Return the mean of the last ``window`` values, in their unit."""
    found = _last(values, window)
    return None if found is None else _finite(found.mean())


def ema(values: Values, window: int) -> float | None:
    """Return the exponential mean of all values, in their unit; the newest weighs 2/(window + 1).

    It begins with the mean of the first ``window`` values, as in the tables of StockCharts'
    ChartSchool, "Moving Averages".
    """
    found = _all(values)
    if found is None or not 1 <= window <= found.size:
        return None
    alpha = 2.0 / (window + 1)
    rest = found[window:]
    ages = np.arange(rest.size, dtype=np.float64)[::-1]
    seed = found[:window].mean() * (1.0 - alpha) ** rest.size
    return _finite(seed + (alpha * (1.0 - alpha) ** ages * rest).sum())


def deviation(values: Values, window: int) -> float | None:
    """Return the standard deviation of the last ``window`` values, with n - 1; None if it is 0."""
    found = _last(values, window)
    return None if found is None or window < 2 else _spread(found, window - 1)


def zscore(values: Values, window: int) -> float | None:
    """Return how many deviations the newest value is above the mean of the last ``window``.

    The newest is one of them, as in Bollinger's bands (J. Bollinger, "Bollinger on Bollinger
    Bands", 2001), so it is never further away than (window - 1) / sqrt(window).
    """
    middle, width = sma(values, window), deviation(values, window)
    if middle is None or width is None:
        return None
    return _finite((float(values[-1]) - middle) / width)


def returns(values: Values) -> Array | None:
    """Return the relative changes from each value to the next: one fewer than values above 0."""
    found = _all(values)
    if found is None or found.size < 2 or found.min() <= 0:
        return None
    return _whole(found[1:] / found[:-1] - 1.0)


def atr(highs: Values, lows: Values, closes: Values, window: int) -> float | None:
    """Return the average true range, in units of the price; None if nothing has moved.

    J. W. Wilder, "New Concepts in Technical Trading Systems", 1978: the mean of the first
    ``window`` true ranges, then (window - 1) parts of the last average and one of the new range.
    The first bar has no close before it, and so no range.
    """
    high, low, close = _all(highs), _all(lows), _all(closes)
    if high is None or low is None or close is None or not high.size == low.size == close.size:
        return None
    if not 1 <= window < close.size or (high < low).any():
        return None
    before = close[:-1]
    ranges = np.maximum(high[1:], before) - np.minimum(low[1:], before)
    average = float(ranges[:window].mean())
    for one in ranges[window:].tolist():
        average += (one - average) / window
    return _finite(average) if average > _NOTHING * float(close[-1]) else None


def fitted(y: Values, x: Values) -> Line | None:
    """Return the line of least squares through the points; of two prices, its slope is the hedge.

    C. F. Gauss; the numbers are those of NIST's Statistical Reference Datasets. Three points at
    least. With returns instead of prices the slope is beta.
    """
    ys, xs = _all(y), _all(x)
    if ys is None or xs is None or ys.size != xs.size or ys.size < 3:
        return None
    count = int(ys.size)
    wide, high = _spread(xs, count - 1), _spread(ys, count - 1)
    if wide is None or high is None:
        return None
    across, up = xs - xs.mean(), ys - ys.mean()
    slope = float((across * up).sum() / (across * across).sum())
    left = up - slope * across
    width = math.sqrt(float((left * left).sum()) / (count - 2))
    if not width > _NOTHING * max(1.0, float(np.abs(ys).max())):
        # A line through every point leaves no deviation to measure anything in.
        return None
    intercept = float(ys.mean()) - slope * float(xs.mean())
    line = Line(intercept, slope, width, slope * wide / high)
    return line if all(map(math.isfinite, (intercept, slope, width))) else None


def half_life(values: Values) -> float | None:
    """Return after how many steps half of a deviation is gone; None unless it goes back at all.

    Of the Ornstein-Uhlenbeck process as E. P. Chan has it ("Algorithmic Trading", 2013, chapter
    2): the changes are fitted to the values before them, and the half-life is ln 2 / -slope.
    """
    found = _all(values)
    if found is None or found.size < 4:
        return None
    line = fitted(found[1:] - found[:-1], found[:-1])
    if line is None or line.slope >= 0:
        return None
    return _finite(math.log(2.0) / -line.slope)


def _all(values: Values) -> Array | None:
    if not 0 < len(values) <= VALUES_MAX:
        return None
    return _whole(np.asarray(values, dtype=np.float64))


def _last(values: Values, window: int) -> Array | None:
    if not 1 <= window <= min(len(values), VALUES_MAX):
        return None
    return _whole(np.asarray(values[-window:], dtype=np.float64))


def _whole(found: Array) -> Array | None:
    return found if found.ndim == 1 and bool(np.isfinite(found).all()) else None


def _spread(found: Array, freedom: int) -> float | None:
    """Return the standard deviation, or None where it is nothing but rounding."""
    away = found - found.mean()
    width = math.sqrt(float((away * away).sum()) / freedom)
    is_there = width > _NOTHING * float(np.abs(found).max())
    return _finite(width) if is_there else None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
