"""The market: a seeded intraday path through each historical day, and quotes around it.

A day's path touches that day's true open, high, low and close and never leaves [low, high].
The path is a pure function of seed, symbol, day and time, so a bar asked for later agrees
with the ticks that were sent. One session day of 23,400 s lasts 23400/speed wall seconds; then
the next day follows at once, and after the last one the first.
"""

import math
import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from trader.sim.clock import Clock
from trader.sim.market.history import DayBar
from trader.sim.model.instruments import Instrument
from trader.sim.reference.catalogue import Catalogue

SESSION_S = 23_400
_NODES = 390
_EXTREME_NODES = 4
_PATHS_MAX = 256


@dataclass(frozen=True, slots=True)
class Quote:
    """What the market shows for one instrument at one moment."""

    instrument: Instrument
    bid: Decimal
    ask: Decimal
    last: Decimal
    bid_size: int
    ask_size: int
    last_size: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    floor: Decimal
    ceiling: Decimal


class DayPath:
    """One day of one instrument in ticks, at any fraction of the session."""

    def __init__(self, bar: DayBar, tick: Decimal, rng: random.Random) -> None:
        self.low = math.ceil(bar.low / tick)
        self.high = max(self.low, math.floor(bar.high / tick))
        self.open = self._grid(bar.open, tick)
        self.close = self._grid(bar.close, tick)
        self.volume = bar.volume
        self._nodes = self._draw(rng)
        self._highs: list[int] = []
        self._lows: list[int] = []
        highest = lowest = self.open
        for node in self._nodes:
            highest, lowest = max(highest, node), min(lowest, node)
            self._highs.append(highest)
            self._lows.append(lowest)

    def _grid(self, price: Decimal, tick: Decimal) -> int:
        return min(max(round(price / tick), self.low), self.high)

    def _draw(self, rng: random.Random) -> list[int]:
        # A rising day more often makes its low first, a falling one its high.
        low_first = rng.random() < (0.75 if self.close > self.open else 0.25)
        first, second = (self.low, self.high) if low_first else (self.high, self.low)
        at_first = rng.randrange(_NODES // 10, _NODES * 45 // 100)
        at_second = rng.randrange(_NODES * 55 // 100, _NODES * 9 // 10)
        points = [(0, self.open), (at_first, first), (at_second, second), (_NODES, self.close)]
        nodes = [self.open]
        for (start, a), (stop, b) in pairwise(points):
            nodes += self._bridge(stop - start, a, b, rng)
        # An extreme holds for some nodes, so that a fast replay still shows it.
        for centre, value in ((at_first, first), (at_second, second)):
            for node in range(centre - _EXTREME_NODES, centre + _EXTREME_NODES + 1):
                nodes[node] = value
        nodes[: _EXTREME_NODES + 1] = [self.open] * (_EXTREME_NODES + 1)
        nodes[-_EXTREME_NODES - 1 :] = [self.close] * (_EXTREME_NODES + 1)
        return nodes

    def _bridge(self, steps: int, a: int, b: int, rng: random.Random) -> list[int]:
        """Return noise from a (not included) to b (included) that stays within the day."""
        scale = 0.25 * (self.high - self.low) / math.sqrt(steps)
        walk, position = [], 0.0
        for _ in range(steps):
            position += rng.gauss(0.0, scale)
            walk.append(position)
        result = []
        for step in range(1, steps + 1):
            share = step / steps
            value = a + (b - a) * share + walk[step - 1] - position * share
            result.append(min(max(round(value), self.low), self.high))
        return result

    def at(self, fraction: float) -> int:
        """Return the price in ticks at a fraction of the session, 0 to 1."""
        where = fraction * _NODES
        node = min(int(where), _NODES - 1)
        a, b = self._nodes[node], self._nodes[node + 1]
        return a if a == b else round(a + (b - a) * (where - node))

    def range_until(self, fraction: float) -> tuple[int, int]:
        """Return low and high of the session so far, in ticks."""
        node = min(int(fraction * _NODES), _NODES)
        price = self.at(fraction)
        return min(self._lows[node], price), max(self._highs[node], price)


class Market:
    """The replay of all instruments."""

    def __init__(
        self,
        clock: Clock,
        catalogue: Catalogue,
        bars: dict[str, tuple[DayBar, ...]],
        rng: random.Random,
        *,
        speed: float,
        start_date: date | None = None,
    ) -> None:
        self.catalogue, self.speed, self._clock, self._bars = catalogue, speed, clock, bars
        self.days = [bar.day for bar in next(iter(bars.values()))]
        self.start_index = self._first_day(start_date)
        self._origin_s = clock.monotonic()
        # Paths get a generator of their own each, so the order of asking does not matter.
        self._path_seed = rng.getrandbits(64)
        self._sizes = random.Random(rng.getrandbits(64))
        self._paths: dict[tuple[str, int], DayPath] = {}
        self.pins: dict[str, Decimal] = {}

    def _first_day(self, start_date: date | None) -> int:
        if start_date is None:
            # Leave a year of days before the start for those who ask for history.
            return min(252, len(self.days) // 2)
        return next((n for n, day in enumerate(self.days) if day >= start_date), len(self.days) - 1)

    @property
    def elapsed_s(self) -> float:
        """Return the session seconds since the replay began."""
        return (self._clock.monotonic() - self._origin_s) * self.speed

    def resume(self, elapsed_s: float) -> None:
        """Go on where an earlier run of the simulator stopped."""
        self._origin_s = self._clock.monotonic() - elapsed_s / self.speed

    def position(self, elapsed_s: float) -> tuple[int, float]:
        """Return the day, counted from the start date, and the fraction of its session."""
        day, rest = divmod(elapsed_s, SESSION_S)
        return int(day), rest / SESSION_S

    def today(self) -> date:
        """Return the historical date being replayed."""
        day, _ = self.position(self.elapsed_s)
        return self.days[(self.start_index + day) % len(self.days)]

    def bar(self, symbol: str, day: int) -> DayBar:
        """Return the true bar of a day counted from the start date."""
        return self._bars[symbol][(self.start_index + day) % len(self.days)]

    def path(self, item: Instrument, day: int) -> DayPath:
        """Return the path of a day; the most recent ones are kept."""
        key = (item.symbol, (self.start_index + day) % len(self.days))
        found = self._paths.get(key)
        if found is None:
            if len(self._paths) >= _PATHS_MAX:
                del self._paths[next(iter(self._paths))]
            rng = random.Random(f"{self._path_seed}/{key[0]}/{key[1]}")
            found = self._paths[key] = DayPath(self.bar(item.symbol, day), item.tick, rng)
        return found

    def quote(self, item: Instrument) -> Quote:
        """Return the present quote; sizes and spread are drawn anew at each call."""
        day, fraction = self.position(self.elapsed_s)
        path, tick = self.path(item, day), item.tick
        middle = path.at(fraction)
        low, high = path.range_until(fraction)
        floor, ceiling = path.low, path.high
        pinned = self.pins.get(item.symbol)
        if pinned is not None:
            middle = round(pinned / tick)
            low, high = min(low, middle), max(high, middle)
            floor, ceiling = min(floor, middle - 5), max(ceiling, middle + 5)
        draw = self._sizes.random
        below = max(middle - (1 if draw() < 0.6 else 2), 1)
        above = middle + (1 if draw() < 0.6 else 2)
        return Quote(
            item, bid=below * tick, ask=above * tick, last=middle * tick,
            bid_size=100 * (1 + int(draw() * 20)), ask_size=100 * (1 + int(draw() * 20)),
            last_size=100 * (1 + int(draw() * 5)) if path.volume else 0,
            open=path.open * tick, high=high * tick, low=low * tick,
            close=self.bar(item.symbol, day - 1).close, volume=int(path.volume * fraction),
            floor=floor * tick, ceiling=ceiling * tick,
        )  # fmt: skip
