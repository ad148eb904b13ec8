"""How far a price can come within a stretch of slots, found without walking through them.

The bounds hold for every slot of the stretch, as long as no pin and no halt changes within it;
they may be a little wider than what is really touched. Whoever leaps over a stretch in which
nothing within the bounds matters misses nothing.
"""

from trader.sim.market.market import Market
from trader.sim.market.quotes import snapped, spread_step
from trader.sim.model.instruments import Instrument

Bounds = tuple[int, int]


def reach(market: Market, item: Instrument, first: int, last: int) -> Bounds:
    """Return ticks that the middle and the last price never leave between two slots, inclusive."""
    is_held = market.halts.at(item.con_id, first)[1] or (
        market.pins.at(market.pin_key(item), first) is not None
    )
    if is_held:
        middle = market.middle(item, first)
        return middle, middle
    if item.sec_type == "BAG":
        return _of_legs(market, item, first, last)
    low, high = _of_path(market, item, first, last)
    low, high = snapped(item, low), snapped(item, high)
    return low - spread_step(item, low), high + spread_step(item, high)


def _of_path(market: Market, item: Instrument, first: int, last: int) -> Bounds:
    mapped = market.mapped(item, first, last)
    if mapped is not None:
        below, maps = mapped
        ends = [value(price) for price in reach(market, below, first, last) for value in maps]
        # An option's value need not be quite monotone where its smile bends.
        slack = max(ends) // 20 + 2 if item.sec_type != "FUT" else 1
        return min(ends) - slack, max(ends) + slack
    start, end = market.moment(item, first), market.moment(item, last)
    is_plain = start.day == end.day and start.pre_share >= 1 and end.pre_share >= 1
    if is_plain:
        return market.path(item, start.day).range_between(start.fraction, end.fraction)
    # Before the open the price comes from the close of the day before.
    close = round(market.day_bar(item, start.day - 1).close / item.tick)
    paths = [market.path(item, day) for day in range(start.day, end.day + 1)]
    return min(close, *(path.low for path in paths)), max(close, *(path.high for path in paths))


def _of_legs(market: Market, item: Instrument, first: int, last: int) -> Bounds:
    low = high = 0
    for leg, weight in market.legs(item):
        factor = float(leg.tick / item.tick * weight)
        ends = sorted(bound * factor for bound in reach(market, leg, first, last))
        low, high = low + round(ends[0]) - 1, high + round(ends[1]) + 1
    return low, high
