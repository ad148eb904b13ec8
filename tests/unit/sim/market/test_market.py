"""The market replays its days and shows the same of a moment whenever it is asked."""

from __future__ import annotations

import random
from datetime import date
from decimal import Decimal

from tests.unit.sim.support import bars, hand_clock
from trader.sim.clock import VirtualClock
from trader.sim.market.hours import SESSION_S
from trader.sim.market.market import Market, Replay
from trader.sim.reference.catalogue import Catalogue

TICK = Decimal("0.01")


def market(
    seed: int = 1, speed: float = 1.0, start: date | None = None
) -> tuple[VirtualClock, Market]:
    clock, days = hand_clock(), bars()
    rng = random.Random(seed)
    return clock, Market(clock, Catalogue(days), days, rng, Replay(speed, start))


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
