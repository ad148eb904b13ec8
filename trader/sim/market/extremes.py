"""The highest and the lowest of what was shown in a stretch of slots, exactly, without a walk.

A stretch is cut into pieces in which every price rises or falls all along, each with bounds. The
piece with the best bound is looked at first, and others only while they may hold more than what
was found. So the extremes of a long stretch are those of its parts, and those of the single slots.
Of combinations' quotes no more than `EVALUATIONS_MAX` slots are looked at.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from trader.sim.market.hours import Course, Stretch
from trader.sim.market.market import Market, weigher
from trader.sim.market.paths import NODES, DayPath
from trader.sim.market.quotes import bid_floor, snapped, spread_step
from trader.sim.model.instruments import Instrument

EVALUATIONS_MAX = 20_000
# How many nodes of a path the pieces of a day are long: all, then so many, then one.
_CHUNK, _NODE, _NONE = 26, 1, 0


class Side(StrEnum):
    """What of a slot is looked at, in ticks; the sum is twice the midpoint."""

    MIDDLE = "middle"
    BID = "bid"
    ASK = "ask"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Piece:
    """Slots with bounds of the middle in ticks, and the grain into which they can be cut."""

    first: int
    last: int
    low: int
    high: int
    finer: int = _NONE


Bounds = tuple[int, int]


def value(market: Market, item: Instrument, slot: int, side: Side) -> int:
    """Return what a slot showed, in ticks."""
    if side is Side.MIDDLE:
        return market.middle(item, slot)
    sides = market.touch_at(item, slot)
    if side is Side.SUM:
        return sides.bid + sides.ask
    return sides.bid if side is Side.BID else sides.ask


def lowest(market: Market, item: Instrument, first: int, last: int, side: Side) -> int:
    """Return the least that was shown between two slots, both included, in ticks."""
    return -_Search(market, item, side, -1).most(first, last)


def highest(market: Market, item: Instrument, first: int, last: int, side: Side) -> int:
    """Return the most that was shown between two slots, both included, in ticks."""
    return _Search(market, item, side, 1).most(first, last)


class _Search:
    """The search for the most of a value times a sign."""

    def __init__(self, market: Market, item: Instrument, side: Side, sign: int) -> None:
        self._market, self._item, self._side, self._sign = market, item, side, sign
        self._queue: list[tuple[int, int, Piece]] = []
        self._count = 0
        self._evaluated = 0
        self._slack = 0

    def most(self, first: int, last: int) -> int:
        """Return the most between two slots."""
        market, item = self._market, self._item
        if item.sec_type == "BAG" and self._side is not Side.MIDDLE:
            self._slack = _spread_of_legs(market, item, first, last)
        best = max(self._at(first), self._at(last))
        for piece in pieces(market, item, first, last, grain=NODES):
            self._put(piece, best)
        while self._queue:
            bound, _, piece = heapq.heappop(self._queue)
            if -bound <= best or self._evaluated > EVALUATIONS_MAX:
                break
            if piece.finer:
                for finer in pieces(market, item, piece.first, piece.last, grain=piece.finer):
                    self._put(finer, best)
                continue
            best = max(best, self._at(piece.first), self._at(piece.last))
            self._halve(piece, best)
        return best

    def _halve(self, piece: Piece, best: int) -> None:
        if piece.last - piece.first < 2:
            return
        low, high = _ends(self._market, self._item, piece.first, piece.last)
        middle = (piece.first + piece.last) // 2
        for first, last in ((piece.first + 1, middle), (middle + 1, piece.last - 1)):
            if first <= last:
                self._put(Piece(first, last, low, high), best)

    def _at(self, slot: int) -> int:
        self._evaluated += 1
        return self._sign * value(self._market, self._item, slot, self._side)

    def _put(self, piece: Piece, best: int) -> None:
        low, high = self._bounds(piece)
        bound = high if self._sign > 0 else -low
        if bound > best:
            self._count += 1
            heapq.heappush(self._queue, (-bound, self._count, piece))

    def _bounds(self, piece: Piece) -> Bounds:
        """Return bounds of the value where the middle has these."""
        low, high, side = piece.low, piece.high, self._side
        if side is Side.MIDDLE:
            return low, high
        if self._item.sec_type == "BAG":
            times = 2 if side is Side.SUM else 1
            return times * (low - self._slack), times * (high + self._slack)
        thin = 2 if self._market.moment(self._item, piece.first).is_thin else 1
        near, far = (thin * spread_step(self._item, middle) for middle in (low, high))
        floor = bid_floor(self._item)
        bids = max(low - 2 * far, floor), max(high - near, floor)
        asks = low + near, high + 2 * far
        if side is Side.BID:
            return bids
        if side is Side.ASK:
            return asks
        # Each side lies one or two steps away: together they differ from the middle by one.
        return 2 * low - far, max(2 * high + far, floor + asks[1])


def pieces(
    market: Market, item: Instrument, first: int, last: int, *, grain: int
) -> Iterator[Piece]:
    """Return the pieces of a stretch, in order; at the grain of one every price goes one way."""
    changes = [slot for slot in market.changes(item) if first < slot <= last]
    for start, following in pairwise((first, *changes, last + 1)):
        end = following - 1
        if market.is_held(item, start):
            middle = market.middle(item, start)
            yield Piece(start, end, middle, middle)
        elif item.sec_type == "BAG":
            yield from _of_legs(market, item, start, end, grain=grain)
        elif market.underlying(item) is not None:
            yield from _of_underlying(market, item, start, end, grain=grain)
        else:
            yield from _of_path(market, item, start, end, grain=grain)


def _stretches(
    market: Market, item: Instrument, first: int, last: int
) -> Iterator[tuple[Stretch, int, int]]:
    """Return the stretches of slots with their first and last one."""
    first_s, last_s = market.epoch_of(first), market.epoch_of(last)
    for stretch in market.hours.stretches(item.calendar, first_s, last_s):
        start = max(first, market.slot_from(stretch.start_s))
        end = min(last, market.slot_from(stretch.end_s) - 1)
        if start <= end:
            yield stretch, start, end


def _of_path(
    market: Market, item: Instrument, first: int, last: int, *, grain: int
) -> Iterator[Piece]:
    for stretch, start, end in _stretches(market, item, first, last):
        if stretch.course is not Course.WALK:
            low, high = _ends(market, item, start, end)
            yield Piece(start, end, low, high)
        elif grain < NODES:
            yield from _of_nodes(market, item, stretch, (start, end), grain)
        else:
            low, high = market.day_range(item, stretch.day)
            yield Piece(start, end, snapped(item, low), snapped(item, high), _CHUNK)


def _of_nodes(
    market: Market, item: Instrument, stretch: Stretch, slots: Bounds, grain: int
) -> Iterator[Piece]:
    path = market.path(item, stretch.day)
    assert isinstance(path, DayPath), "what follows nothing has a path of its own"
    step_s = (stretch.end_s - stretch.start_s) / NODES
    node = int((market.epoch_of(slots[0]) - stretch.start_s) / step_s)
    node, start = min(max(node - 1, 0), NODES - 1), slots[0]
    finer = _NODE if grain > _NODE else _NONE
    while start <= slots[1] and node < NODES:
        following = min(node + grain, NODES)
        end_s = stretch.start_s + following * step_s
        end = slots[1] if following == NODES else min(market.slot_from(end_s) - 1, slots[1])
        if end >= start:
            low, high = path.around(node, following)
            yield Piece(start, end, snapped(item, low), snapped(item, high), finer)
            start = end + 1
        node = following


def _of_underlying(
    market: Market, item: Instrument, first: int, last: int, *, grain: int
) -> Iterator[Piece]:
    base = market.underlying(item)
    assert base is not None, "a derivative has an underlying"
    for stretch, start, end in _stretches(market, item, first, last):
        mapped = market.mapper(item, stretch.day)
        for below in pieces(market, base, start, end, grain=grain):
            low, high = sorted(snapped(item, mapped(price)) for price in (below.low, below.high))
            yield Piece(below.first, below.last, low, high, below.finer)


def _of_legs(
    market: Market, item: Instrument, first: int, last: int, *, grain: int
) -> Iterator[Piece]:
    parts: list[tuple[list[Piece], Callable[[int], int]]] = []
    for leg, weight in market.legs(item):
        found = list(pieces(market, leg, first, last, grain=grain))
        parts.append((found, weigher(leg.tick, item.tick, weight)))
    starts = sorted({piece.first for found, _ in parts for piece in found})
    places = [0] * len(parts)
    for start, following in pairwise((*starts, last + 1)):
        low = high = 0
        finer = _NONE
        for n, (found, weigh) in enumerate(parts):
            while found[places[n]].last < start:
                places[n] += 1
            piece = found[places[n]]
            ends = sorted((weigh(piece.low), weigh(piece.high)))
            low, high, finer = low + ends[0], high + ends[1], max(finer, piece.finer)
        low, high = snapped(item, low), snapped(item, high)
        yield Piece(start, following - 1, low, high, finer)


def _ends(market: Market, item: Instrument, first: int, last: int) -> Bounds:
    """Return bounds of the middle from its values at the ends of a fine piece."""
    if item.sec_type == "BAG" and not market.is_held(item, first):
        low = high = 0
        for leg, weight in market.legs(item):
            weigh = weigher(leg.tick, item.tick, weight)
            ends = sorted(weigh(price) for price in _ends(market, leg, first, last))
            low, high = low + ends[0], high + ends[1]
        return snapped(item, low), snapped(item, high)
    a, b = market.middle(item, first), market.middle(item, last)
    return min(a, b), max(a, b)


def _spread_of_legs(market: Market, item: Instrument, first: int, last: int) -> int:
    """Return how far the sides of a combination may lie from its middle, in ticks."""
    total = 1
    for leg, weight in market.legs(item):
        found = pieces(market, leg, first, last, grain=NODES)
        widest = 2 * spread_step(leg, max(piece.high for piece in found))
        total += abs(weigher(leg.tick, item.tick, weight)(widest)) + 2
    return total
