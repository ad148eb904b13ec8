"""Volatilities of an instrument by day: realised from its closes, implied from the smile."""

import math
from decimal import Decimal
from itertools import pairwise

from trader.sim.market import options
from trader.sim.market.chance import name_key, wave
from trader.sim.market.market import Market
from trader.sim.model.instruments import Instrument

_WINDOW_DAYS = 20
_TRADING_DAYS = 252
_PLACES = Decimal("0.000001")
_MONTH = 30 / 365


def realised(market: Market, item: Instrument, day: int) -> float:
    """Return the yearly volatility of the closes of the 20 days before a day."""
    first = max(day - _WINDOW_DAYS, -market.days_before(item))
    closes = [float(market.day_bar(item, n).close) for n in range(first, day)]
    moves = [math.log(b / a) for a, b in pairwise(closes)]
    if len(moves) < 2:
        return 0.0
    mean = sum(moves) / len(moves)
    variance = sum((move - mean) ** 2 for move in moves) / (len(moves) - 1)
    return math.sqrt(variance * _TRADING_DAYS)


def implied(market: Market, item: Instrument, day: int) -> float:
    """Return the volatility of a month's option at the money, drifting from day to day."""
    terms = options.Terms("C", 100.0, _MONTH)
    level = options.smile(market.seed, item.symbol, terms, 100.0)
    return level * (1 + 0.15 * wave(market.seed, name_key(item.symbol) + 7, day / 5))


def shown(market: Market, item: Instrument, day: int, show: str) -> Decimal:
    """Return a volatility as bars carry it; the show names which of the two."""
    take = realised if show == "HISTORICAL_VOLATILITY" else implied
    return Decimal(repr(take(market, item, day))).quantize(_PLACES)
