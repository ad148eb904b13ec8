"""Statistics of returns that breakers need; floats, because nothing here is money.

Sources: D. Bailey and M. Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012), for the
probabilistic Sharpe ratio.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

# Below this many returns the skew and the tails are noise and the ratio means nothing.
PSR_SAMPLE_MIN = 30
# Of a year, by which a daily ratio becomes a yearly one.
TRADING_DAYS = 252


def probabilistic_sharpe(returns: Sequence[float], benchmark: float = 0.0) -> float | None:
    """Return the probability that the true Sharpe ratio, per period, exceeds ``benchmark``.

    None when there are fewer than :data:`PSR_SAMPLE_MIN` returns, when one is not finite, or when
    they do not vary.
    """
    count = len(returns)
    if count < PSR_SAMPLE_MIN or not all(math.isfinite(value) for value in returns):
        return None
    mean = math.fsum(returns) / count
    deviations = [value - mean for value in returns]
    sharpe = _ratio(mean, deviations)
    if sharpe is None:
        return None
    moment = math.fsum(value**2 for value in deviations) / count
    skew = math.fsum(value**3 for value in deviations) / count / moment**1.5
    kurtosis = math.fsum(value**4 for value in deviations) / count / moment**2
    return sharpe_probability(sharpe, count, skew, kurtosis, benchmark)


def annual_sharpe(returns: Sequence[float], window: int) -> float | None:
    """Return the Sharpe ratio of the last ``window`` daily returns, by the year, no riskless rate.

    None when there are fewer, when one is not finite, or when they do not vary.
    """
    assert window > 1, f"window {window}"
    last = returns[-window:]
    if len(last) < window or not all(math.isfinite(value) for value in last):
        return None
    mean = math.fsum(last) / window
    ratio = _ratio(mean, [value - mean for value in last])
    return None if ratio is None else ratio * math.sqrt(TRADING_DAYS)


def _ratio(mean: float, deviations: Sequence[float]) -> float | None:
    """Return the mean over the spread of a sample; None where it does not vary."""
    spread = math.sqrt(math.fsum(value**2 for value in deviations) / (len(deviations) - 1))
    # Returns that are equal up to rounding have no ratio.
    return None if spread <= 1e-12 * max(1.0, abs(mean)) else mean / spread


def sharpe_probability(
    sharpe: float, count: int, skew: float, kurtosis: float, benchmark: float = 0.0
) -> float | None:
    """Return the probability from the moments of ``count`` returns; a normal kurtosis is 3.

    None where the formula's normal approximation does not hold.
    """
    width = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if width <= 0:
        return None
    score = (sharpe - benchmark) * math.sqrt(count - 1) / math.sqrt(width)
    return 0.5 * math.erfc(-score / math.sqrt(2))


def volatility(prices: Sequence[float]) -> float | None:
    """Return the standard deviation of the logarithmic changes; None below three prices."""
    if len(prices) < 3 or not all(math.isfinite(price) and price > 0 for price in prices):
        return None
    changes = [math.log(after / before) for before, after in pairwise(prices)]
    mean = math.fsum(changes) / len(changes)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in changes) / (len(changes) - 1))


def volatility_ratio(prices: Sequence[float], short: int) -> float | None:
    """Return the volatility of the last ``short`` changes over that of all before them.

    None where either is unknown or nothing moved before.
    """
    if short < 2 or len(prices) < 2 * short + 1:
        return None
    recent = volatility(prices[-short - 1 :])
    before = volatility(prices[:-short])
    if recent is None or before is None or before <= 0:
        return None
    return recent / before
