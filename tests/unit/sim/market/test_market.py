"""A day's path touches its true open, high, low and close and never leaves low to high."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.support import bars, hand_clock
from trader.sim.clock import VirtualClock
from trader.sim.market.history import DayBar
from trader.sim.market.market import SESSION_S, DayPath, Market
from trader.sim.reference.catalogue import Catalogue

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
    low, high = path.range_until(fraction)
    assert path.low <= low <= path.at(fraction) <= high <= path.high


def market(
    seed: int = 1, speed: float = 1.0, start: date | None = None
) -> tuple[VirtualClock, Market]:
    clock, days = hand_clock(), bars()
    rng = random.Random(seed)
    return clock, Market(clock, Catalogue(days), days, rng, speed=speed, start_date=start)


def walk(seed: int) -> list[Decimal]:
    clock, world = market(seed)
    item = world.catalogue.all()[0]
    prices = []
    for _ in range(50):
        clock.advance(400)
        prices.append(world.quote(item).last)
    return prices


def test_a_seed_draws_the_same_prices_and_another_seed_others() -> None:
    assert walk(1) == walk(1)
    assert walk(1) != walk(2)


def test_days_follow_one_another_and_wrap_at_the_end() -> None:
    clock, world = market(speed=SESSION_S, start=date(2020, 1, 9))
    seen = []
    for _ in range(4):
        seen.append(world.today())
        clock.advance(1.0)
    assert [day.day for day in seen] == [9, 10, 6, 7]


def test_quotes_straddle_the_last_price_on_the_tick_grid() -> None:
    clock, world = market()
    for _ in range(50):
        clock.advance(100)
        for item in world.catalogue.all():
            quote = world.quote(item)
            assert quote.bid < quote.last < quote.ask
            assert quote.ask - quote.bid <= Decimal("0.04")
            assert quote.bid % TICK == quote.ask % TICK == 0
            assert quote.low <= quote.last <= quote.high


def test_a_pin_holds_the_mid_and_a_release_gives_it_back() -> None:
    _, world = market()
    item = world.catalogue.all()[0]
    before = world.quote(item).last
    world.pins["AAPL"] = Decimal("123.45")
    assert world.quote(item).last == Decimal("123.45")
    world.pins.clear()
    assert world.quote(item).last == before


def test_a_resumed_replay_goes_on_where_it_was() -> None:
    clock, world = market()
    clock.advance(5000)
    _, other = market()
    other.resume(world.elapsed_s)
    assert other.elapsed_s == world.elapsed_s
