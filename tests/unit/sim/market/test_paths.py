"""A day's path touches its true open, high, low and close and never leaves low to high."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trader.sim.market.history import DayBar
from trader.sim.market.paths import DayPath, MappedPath, SumPath

TICK = Decimal("0.01")


@st.composite
def day_bars(draw: st.DrawFn) -> DayBar:
    low = draw(st.integers(1, 100_000))
    high = low + draw(st.integers(0, 5_000))
    opened, close = draw(st.integers(low, high)), draw(st.integers(low, high))
    prices = [Decimal(ticks) * TICK for ticks in (opened, high, low, close)]
    return DayBar(date(2020, 1, 2), prices[0], prices[1], prices[2], prices[3], 1000)


@given(day_bars(), st.integers(0, 2**32))
def test_the_path_touches_its_bar_and_stays_within(bar: DayBar, seed: int) -> None:
    path = DayPath(bar, TICK, random.Random(seed))
    ticks = [path.at(step / 2000) for step in range(2001)]
    assert (ticks[0] * TICK, ticks[-1] * TICK) == (bar.open, bar.close)
    assert (min(ticks) * TICK, max(ticks) * TICK) == (bar.low, bar.high)


@given(day_bars(), st.floats(0, 1))
def test_the_range_so_far_holds_what_was_seen(bar: DayBar, fraction: float) -> None:
    path = DayPath(bar, TICK, random.Random(1))
    low, high = path.range_between(0.0, fraction)
    assert path.low <= low <= path.at(fraction) <= high <= path.high


@given(day_bars(), st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_ranges_of_neighbouring_spans_add_up(bar: DayBar, cuts: list[float]) -> None:
    path = DayPath(bar, TICK, random.Random(2))
    first, middle, last = sorted(cuts)
    whole = path.range_between(first, last)
    parts = [path.range_between(first, middle), path.range_between(middle, last)]
    assert whole == (min(low for low, _ in parts), max(high for _, high in parts))


@given(day_bars(), st.floats(0, 1), st.sampled_from([2, -3]))
def test_a_mapped_path_follows_its_base(bar: DayBar, fraction: float, factor: int) -> None:
    base = DayPath(bar, TICK, random.Random(3))
    path = MappedPath(base, lambda ticks: ticks * factor, 7)
    assert path.at(fraction) == base.at(fraction) * factor
    low, high = path.range_between(0.0, fraction)
    assert path.low <= low <= path.at(fraction) <= high <= path.high
    assert path.volume == 7


def test_a_sum_of_paths_weighs_each_part() -> None:
    bar = DayBar(date(2020, 1, 2), Decimal(10), Decimal(12), Decimal(9), Decimal(11), 5)
    one, two = DayPath(bar, TICK, random.Random(4)), DayPath(bar, TICK, random.Random(5))
    path = SumPath([(one, lambda ticks: ticks), (two, lambda ticks: -2 * ticks)])
    assert path.at(0.3) == one.at(0.3) - 2 * two.at(0.3)
    assert path.open == -one.open
    low, high = path.range_between(0.1, 0.9)
    assert low <= path.at(0.5) <= high
