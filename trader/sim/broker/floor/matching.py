"""Matching as pure decisions: what an order trades, at which prices, against what is there.

A marketable order takes the book's levels from the best on, at their prices and never beyond its
limit. A resting order waits behind what stood at its price before it and trades, at its own limit,
when the market trades there or goes through it.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from itertools import pairwise

from trader.sim.market.book import Level
from trader.sim.model.orders import ZERO, Side

PARTS_MAX = 3
_SLIP_CHANCE = 0.2


@dataclass(frozen=True, slots=True)
class Fill:
    """A quantity at a price on a venue."""

    quantity: Decimal
    price: Decimal
    venue: str


@dataclass(frozen=True, slots=True)
class Want:
    """What an order would take now."""

    side: Side
    quantity: Decimal
    # None means at any price.
    limit: Decimal | None
    is_whole: bool = False
    least: Decimal = ZERO


Taken = Mapping[tuple[Side, int], Decimal]


def reaches(side: Side, limit: Decimal | None, price: Decimal) -> bool:
    """Return whether an order of this limit accepts a price."""
    if limit is None:
        return True
    return price <= limit if side is Side.BUY else price >= limit


def walk(levels: Sequence[Level], want: Want, taken: Taken) -> list[tuple[int, Fill]]:
    """Return what the order takes, each with the number of its level.

    `taken` is what other orders have had of each level since the book was drawn.
    """
    found: list[tuple[int, Fill]] = []
    left = want.quantity
    for place, level in enumerate(levels):
        if left <= 0 or not reaches(want.side, want.limit, level.price):
            break
        there = Decimal(level.size) - taken.get((want.side, place), ZERO)
        part = min(there, left)
        if part > 0:
            found.append((place, Fill(part, level.price, level.venue)))
            left -= part
    got = want.quantity - left
    if (want.is_whole and left > 0) or got < min(want.least, want.quantity):
        return []
    return found


def slips(rng: random.Random) -> bool:
    """Draw whether somebody else was first at the best price."""
    return rng.random() < _SLIP_CHANCE


def parts(quantity: Decimal, step: Decimal, rng: random.Random) -> list[Decimal]:
    """Cut a quantity into up to three parts that are multiples of the step."""
    whole = int(quantity / step)
    count = rng.randint(1, min(PARTS_MAX, max(whole, 1)))
    if count == 1:
        return [quantity]
    cuts = [0, *sorted({rng.randrange(1, whole) for _ in range(count - 1)})]
    sizes = [(after - before) * step for before, after in pairwise(cuts)]
    return [*sizes, quantity - sum(sizes, ZERO)]


def queue_ahead(side: Side, price: Decimal, levels: Sequence[Level], rng: random.Random) -> Decimal:
    """Draw what stands before an order that joins its own side of the book at a price.

    A price better than every level has nothing before it; behind the shown levels there is a
    queue like the last one's.
    """
    if not levels or not reaches(side.opposite, price, levels[0].price):
        return ZERO
    here = sum(level.size for level in levels if level.price == price)
    if not here and not reaches(side.opposite, price, levels[-1].price):
        return ZERO
    size = here or levels[-1].size
    return Decimal(round(size * rng.uniform(0.3, 1.0)))


@dataclass(frozen=True, slots=True)
class Rest:
    """What becomes of a resting order after a trade in the market."""

    ahead: Decimal
    quantity: Decimal


def rest(side: Side, price: Decimal, ahead: Decimal, last: Decimal, volume: Decimal) -> Rest:
    """Return what is still ahead and what volume reaches a resting order.

    A trade at its price works through the queue; one beyond it has gone through everything.
    """
    if not reaches(side, price, last):
        return Rest(ahead, ZERO)
    if last != price:
        return Rest(ZERO, Decimal("Infinity"))
    return Rest(max(ahead - volume, ZERO), max(volume - ahead, ZERO))


def scaled(quantity: Decimal, share: Decimal, step: Decimal) -> Decimal:
    """Return the share of a quantity, rounded up to the step: what a reduced order keeps."""
    return (quantity * share / step).to_integral_value(ROUND_CEILING) * step
