"""Days of instruments that have no price file: generated, not recorded, from a seed.

A day's close is a smooth pure function of seed, name and day number, so days without end exist
in both directions and the same seed always has the same ones.
"""

import math
from datetime import date
from decimal import Decimal

from trader.sim.market.chance import name_key, unit, wave
from trader.sim.market.history import DayBar
from trader.sim.model.instruments import Instrument

# Rounded levels around which the generated prices wander; US dollars for one unit.
_DOLLARS = {
    "USD": 1.0, "EUR": 1.10, "GBP": 1.27, "AUD": 0.66, "NZD": 0.60, "CAD": 0.73, "CHF": 1.15,
    "JPY": 0.0067, "HKD": 0.128, "SEK": 0.095, "NOK": 0.093, "DKK": 0.147, "SGD": 0.75,
    "CNH": 0.14, "MXN": 0.055, "BTC": 60_000.0, "ETH": 3_000.0, "LTC": 80.0, "BCH": 400.0,
    "SOL": 150.0, "SPX": 5_000.0, "NDX": 18_000.0, "RUT": 2_000.0,
    "SPY": 500.0, "SIMD": 85.0, "SIMP": 250.0,
}  # fmt: skip
_PERIODS = (1.0, 5.0, 21.0, 63.0, 252.0)
_DAY_MOVE = {"CASH": 0.004, "CRYPTO": 0.025}
# Nobody is shown more than this many generated days before the start.
DAYS_BEFORE = 1300


def day_bar(seed: int, item: Instrument, day: int, named: date) -> DayBar:
    """Return the generated bar of a day, counted from the start; it opens where one closed."""
    key = name_key(f"{item.symbol}.{item.currency}")
    move = _DAY_MOVE.get(item.sec_type, 0.01)
    opened = _close(seed, key, _level(item), move, day - 1)
    close = _close(seed, key, _level(item), move, day)
    high = max(opened, close) * (1 + move * (0.1 + unit(seed, key + 1, day)) / 2)
    low = min(opened, close) * (1 - move * (0.1 + unit(seed, key + 2, day)) / 2)
    prices = [grid(value, item.tick) for value in (opened, high, low, close)]
    return DayBar(
        named, prices[0], max(prices), min(prices), prices[3], _volume(seed, key, item, day)
    )


def grid(value: float, tick: Decimal) -> Decimal:
    """Return the nearest price of the grid, at least one tick."""
    return max(round(Decimal(repr(value)) / tick), 1) * tick


def _level(item: Instrument) -> float:
    known = _DOLLARS.get(item.symbol)
    if known is None:
        return 20.0 + 180.0 * unit(1, name_key(item.symbol), 0)
    return known / _DOLLARS.get(item.currency, 1.0)


def _close(seed: int, key: int, level: float, move: float, day: int) -> float:
    total = sum(
        math.sqrt(period) * wave(seed, key + 10 * n, day / period)
        for n, period in enumerate(_PERIODS, start=1)
    )
    return level * math.exp(move * total / 2)


def _volume(seed: int, key: int, item: Instrument, day: int) -> int:
    # Currencies have no trades in the API, only quotes.
    if item.sec_type in ("CASH", "IND"):
        return 0
    return int(200_000 * (0.5 + unit(seed, key + 3, day)))
