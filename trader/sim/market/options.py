"""Option prices and their sensitivities: Black-Scholes with a seeded volatility smile.

European exercise, a flat rate, no dividends. Prices are per unit of the underlying, times are in
years, volatilities are per year, theta is per day and vega per one percentage point, as message
21 carries them.
"""

import math
from dataclasses import dataclass

from trader.sim.market.chance import name_key, unit

RATE = 0.04
YEAR_S = 365.0 * 86_400.0
# An option about to expire still has a little time; nothing is divided by zero.
_LEFT_MIN = 1e-6
_VOLATILITY_RANGE = (0.0001, 5.0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What an option is worth depends on: C or P, strike, years left."""

    right: str
    strike: float
    left: float


@dataclass(frozen=True, slots=True)
class Greeks:
    """Value of one option and how it moves."""

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def price(terms: Terms, spot: float, volatility: float) -> float:
    """Return the value of the option."""
    left, discounted = max(terms.left, _LEFT_MIN), _discounted(terms)
    deviation = volatility * math.sqrt(left)
    d1 = _d1(spot, terms.strike, left, volatility)
    call = spot * _normal(d1) - discounted * _normal(d1 - deviation)
    value = call if terms.right == "C" else call - spot + discounted
    return max(value, 0.0)


def greeks(terms: Terms, spot: float, volatility: float) -> Greeks:
    """Return value, delta, gamma, vega and theta of the option."""
    left = max(terms.left, _LEFT_MIN)
    root, is_call = math.sqrt(left), terms.right == "C"
    d1 = _d1(spot, terms.strike, left, volatility)
    d2 = d1 - volatility * root
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    sign = 1.0 if is_call else -1.0
    decay = -spot * density * volatility / (2 * root)
    theta = (decay - sign * RATE * _discounted(terms) * _normal(sign * d2)) / 365
    return Greeks(
        price(terms, spot, volatility), _normal(d1) - (0.0 if is_call else 1.0),
        density / (spot * volatility * root), spot * density * root / 100, theta,
    )  # fmt: skip


def implied_volatility(terms: Terms, spot: float, value: float) -> float | None:
    """Return the volatility at which the option has this value; None when none does."""
    low, high = _VOLATILITY_RANGE
    if not price(terms, spot, low) <= value <= price(terms, spot, high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        if price(terms, spot, middle) < value:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def smile(seed: int, underlying: str, terms: Terms, spot: float) -> float:
    """Return the volatility of a strike: a seeded level and skew, dearer far from the money."""
    key = name_key(underlying)
    level = 0.18 + 0.17 * unit(seed, key, 1)
    skew = 0.05 + 0.10 * unit(seed, key, 2)
    away = math.log(terms.strike / spot) / math.sqrt(max(terms.left, 1 / 52))
    bounded = min(max(away, -1.5), 1.5)
    return level - skew * bounded + 0.12 * bounded * bounded


def carried(spot: float, left: float) -> float:
    """Return the fair price of a future: the spot price with the cost of carry."""
    return spot * math.exp(RATE * max(left, 0.0))


def _discounted(terms: Terms) -> float:
    return terms.strike * math.exp(-RATE * max(terms.left, _LEFT_MIN))


def _d1(spot: float, strike: float, left: float, volatility: float) -> float:
    drift = (RATE + volatility * volatility / 2) * left
    return (math.log(spot / strike) + drift) / (volatility * math.sqrt(left))
