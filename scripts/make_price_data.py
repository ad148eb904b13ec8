"""Write the simulator's daily price bars: generated numbers, the same ones for the same seed.

The bars are made, not recorded: no line of them is market data, whatever the file is called. The
simulator needs prices that move together, have calm and rough times, gap overnight and fall far
enough to trip the loss limits; a generator gives all of that without anybody's licence, and a test
regenerates the files to prove that nobody edited them by hand.

    python scripts/make_price_data.py [directory]
"""

from __future__ import annotations

import math
import random
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

SEED = 20240102
FIRST_DAY = date(2019, 1, 2)
LAST_DAY = date(2022, 12, 30)
DATA_DIR = Path(__file__).resolve().parent.parent / "trader" / "sim" / "data"
HEADER = "date,open,high,low,close,volume"

# The market's daily volatility in its calm and its rough state, and the chance to change state.
CALM_VOLATILITY, ROUGH_VOLATILITY = 0.008, 0.026
CALM_TO_ROUGH, ROUGH_TO_CALM = 0.012, 0.05
CALM_DRIFT, ROUGH_DRIFT = 0.0009, -0.0016


@dataclass(frozen=True, slots=True)
class Share:
    """One share: where it starts, how it follows the market, and what it does alone."""

    symbol: str
    price: float
    beta: float
    own_volatility: float
    volume: int


@dataclass(frozen=True, slots=True)
class MarketDay:
    """What every instrument shares on one day: the date, the market's return, its volatility."""

    day: date
    move: float
    volatility: float


SHARES = (
    Share("AAPL", price=40.0, beta=1.15, own_volatility=0.011, volume=95_000_000),
    Share("GOOG", price=52.0, beta=1.05, own_volatility=0.010, volume=30_000_000),
    Share("IBM", price=115.0, beta=0.75, own_volatility=0.008, volume=4_500_000),
    Share("MSFT", price=100.0, beta=1.05, own_volatility=0.009, volume=28_000_000),
)


def market_days(rng: random.Random) -> list[MarketDay]:
    """Draw the market's path: every weekday, in a calm or a rough state."""
    days, rough, day = [], False, FIRST_DAY
    while day <= LAST_DAY:
        if day.weekday() < 5:
            rough = rng.random() > ROUGH_TO_CALM if rough else rng.random() < CALM_TO_ROUGH
            volatility = ROUGH_VOLATILITY if rough else CALM_VOLATILITY
            drift = ROUGH_DRIFT if rough else CALM_DRIFT
            days.append(MarketDay(day, drift + volatility * rng.gauss(0.0, 1.0), volatility))
        day += timedelta(days=1)
    return days


def bar(day: date, prices: tuple[float, float], reach: tuple[float, float], volume: int) -> str:
    """Format one line; high and low reach beyond open and close by the given fractions."""
    first, last = (round(price, 2) for price in prices)
    high = round(max(first, last) * (1 + reach[0]), 2)
    low = round(min(first, last) * (1 - reach[1]), 2)
    return f"{day.isoformat()},{first:.2f},{high:.2f},{low:.2f},{last:.2f},{volume}"


def share_lines(share: Share, days: list[MarketDay], rng: random.Random) -> list[str]:
    """Walk one share along the market; about a third of each day's move happens overnight."""
    close, lines = share.price, []
    for market in days:
        own = share.own_volatility * market.volatility / CALM_VOLATILITY * rng.gauss(0.0, 0.7)
        move = share.beta * market.move + own
        opened = close * math.exp(0.35 * move + 0.15 * share.own_volatility * rng.gauss(0.0, 1.0))
        close *= math.exp(move)
        scale = 0.6 * (market.volatility * share.beta + share.own_volatility)
        reach = (abs(rng.gauss(0.0, scale)), abs(rng.gauss(0.0, scale)))
        activity = math.exp(rng.gauss(0.0, 0.2) + 12.0 * abs(move))
        lines.append(bar(market.day, (opened, close), reach, round(share.volume * activity)))
    return lines


def fear_lines(days: list[MarketDay], rng: random.Random) -> list[str]:
    """Walk the volatility index: it follows the volatility and rises when the market falls."""
    level, lines = 16.0, []
    for market in days:
        target = 100.0 * math.sqrt(252.0) * market.volatility * 1.15
        step = 0.08 * math.log(target / level) - 3.0 * market.move + 0.03 * rng.gauss(0.0, 1.0)
        opened = level * math.exp(0.4 * step)
        level = min(max(level * math.exp(step), 9.0), 90.0)
        reach = (abs(rng.gauss(0.0, 0.03)), abs(rng.gauss(0.0, 0.02)))
        lines.append(bar(market.day, (opened, level), reach, 0))
    return lines


def files() -> dict[str, str]:
    """Return every file's text by its name. Each series has a random stream of its own."""
    days = market_days(random.Random(f"{SEED}:market"))
    lines = {
        share.symbol: share_lines(share, days, random.Random(f"{SEED}:{share.symbol}"))
        for share in SHARES
    }
    lines["VIX"] = fear_lines(days, random.Random(f"{SEED}:VIX"))
    return {f"{name}.csv": "\n".join([HEADER, *rows]) + "\n" for name, rows in lines.items()}


def main(arguments: list[str]) -> int:
    """Write the files and say what was written."""
    directory = Path(arguments[0]) if arguments else DATA_DIR
    for name, text in files().items():
        (directory / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"{name}: {text.count(chr(10)) - 1} bars, {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
