"""One day of one instrument as a price path in ticks, at any fraction of its session.

A `DayPath` touches its day's true open, high, low and close and never leaves [low, high]. The
path of a derivative is its underlying's, mapped; that of a combination is the sum of its legs'.
"""

import math
import random
from array import array
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Protocol

from trader.sim.market.history import DayBar

# At normal speed a node falls on every full minute of the session.
NODES = 390
_EXTREME_NODES = 4


class Path(Protocol):
    """What the market needs to know of one day; prices are whole ticks."""

    low: int
    high: int
    open: int
    close: int
    volume: int

    def at(self, fraction: float) -> int:
        """Return the price at a fraction of the session, 0 to 1."""

    def range_between(self, first: float, last: float) -> tuple[int, int]:
        """Return the lowest and the highest price between two fractions."""


def extent(bar: DayBar, tick: Decimal) -> tuple[int, int]:
    """Return the lowest and the highest tick within a day's bar."""
    low = math.ceil(bar.low / tick)
    return low, max(low, math.floor(bar.high / tick))


class DayPath:
    """A seeded path through one day's bar."""

    def __init__(self, bar: DayBar, tick: Decimal, rng: random.Random) -> None:
        self.low, self.high = extent(bar, tick)
        self.open = self._grid(bar.open, tick)
        self.close = self._grid(bar.close, tick)
        self.volume = bar.volume
        # Arrays, because many paths are kept and each has more than a thousand numbers.
        self._nodes = array("q", self._draw(rng))
        self._highs, self._lows = array("q"), array("q")
        highest = lowest = self.open
        for node in self._nodes:
            highest, lowest = max(highest, node), min(lowest, node)
            self._highs.append(highest)
            self._lows.append(lowest)

    def around(self, node: int, following: int) -> tuple[int, int]:
        """Return the lowest and the highest price between two nodes."""
        inside = self._nodes[node : following + 1]
        return min(inside), max(inside)

    def _grid(self, price: Decimal, tick: Decimal) -> int:
        return min(max(round(price / tick), self.low), self.high)

    def _draw(self, rng: random.Random) -> list[int]:
        # A rising day more often makes its low first, a falling one its high.
        low_first = rng.random() < (0.75 if self.close > self.open else 0.25)
        first, second = (self.low, self.high) if low_first else (self.high, self.low)
        at_first = rng.randrange(NODES // 10, NODES * 45 // 100)
        at_second = rng.randrange(NODES * 55 // 100, NODES * 9 // 10)
        points = [(0, self.open), (at_first, first), (at_second, second), (NODES, self.close)]
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
        where = fraction * NODES
        node = min(int(where), NODES - 1)
        a, b = self._nodes[node], self._nodes[node + 1]
        return a if a == b else round(a + (b - a) * (where - node))

    def range_between(self, first: float, last: float) -> tuple[int, int]:
        """Return the lowest and the highest price between two fractions, in ticks.

        Between two nodes the path is straight, so ends and nodes hold the extremes. Ranges of
        neighbouring spans therefore add up to the range of the whole.
        """
        b, node = self.at(last), min(int(last * NODES), NODES)
        if first <= 0:
            return min(b, self._lows[node]), max(b, self._highs[node])
        a = self.at(first)
        low, high = min(a, b), max(a, b)
        inside = self._nodes[math.ceil(first * NODES) : node + 1]
        return min(low, *inside, low), max(high, *inside, high)


class MappedPath:
    """A path made from another by a monotone function (rising or falling)."""

    def __init__(self, base: Path, mapped: Callable[[int], int], volume: int) -> None:
        self._base, self._mapped = base, mapped
        self.low, self.high = sorted((mapped(base.low), mapped(base.high)))
        self.open, self.close, self.volume = mapped(base.open), mapped(base.close), volume

    def at(self, fraction: float) -> int:
        """Return the price in ticks at a fraction of the session, 0 to 1."""
        return self._mapped(self._base.at(fraction))

    def range_between(self, first: float, last: float) -> tuple[int, int]:
        """Return the lowest and the highest price between two fractions, in ticks."""
        low, high = (self._mapped(price) for price in self._base.range_between(first, last))
        return min(low, high), max(low, high)


class SumPath:
    """The weighted sum of several paths; its extremes are those at a grid of moments."""

    _STEPS = 16

    def __init__(self, parts: Sequence[tuple[Path, Callable[[int], int]]]) -> None:
        self._parts = parts
        self.open, self.close, self.volume = self.at(0.0), self.at(1.0), 0
        self.low, self.high = self.range_between(0.0, 1.0)

    def at(self, fraction: float) -> int:
        """Return the price in ticks at a fraction of the session; it may be negative."""
        return sum(weigh(path.at(fraction)) for path, weigh in self._parts)

    def range_between(self, first: float, last: float) -> tuple[int, int]:
        """Return the lowest and the highest price between two fractions, in ticks."""
        inside = range(math.ceil(first * self._STEPS), int(last * self._STEPS) + 1)
        seen = [self.at(first), self.at(last), *(self.at(n / self._STEPS) for n in inside)]
        return min(seen), max(seen)
