"""Prices of every minute: too few say nothing, and what jumps shows in the ratio."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.unit.engine.world import CON, World
from trader.engine.market.volatility import SHORT, Volatility


async def minutes(world: World, volatility: Volatility, *mids: float) -> None:
    for mid in mids:
        await asyncio.sleep(60)
        world.quote(str(mid), str(mid))
        volatility.sample()


async def test_too_few_prices_say_nothing() -> None:
    world = World()
    volatility = Volatility(world.services)
    await minutes(world, volatility, *[100.0] * 5)
    assert volatility.ratio().is_too_early
    assert volatility.realised() is None


async def test_a_calm_market_that_begins_to_jump_has_a_high_ratio() -> None:
    world = World()
    volatility = Volatility(world.services)
    await minutes(world, volatility, *[100 + place % 2 * 0.1 for place in range(40)])
    calm, before = volatility.ratio().value, volatility.realised()
    assert calm is not None
    assert before is not None
    assert Decimal("0.8") < calm < Decimal("1.2")
    await minutes(world, volatility, *[100 + place % 2 * 2 for place in range(SHORT)])
    rough, after = volatility.ratio().value, volatility.realised()
    assert rough is not None
    assert after is not None
    assert rough > 10
    assert after > before


async def test_a_minute_is_sampled_once_and_a_bad_quote_not_at_all() -> None:
    world = World()
    volatility = Volatility(world.services)
    for _ in range(50):
        volatility.sample()
    await minutes(world, volatility, *[100.0] * 3)
    assert len(volatility._prices[CON]) == 4
    await asyncio.sleep(60)
    world.quote("101", "100")
    volatility.sample()
    assert len(volatility._prices[CON]) == 4


async def silence(world: World, volatility: Volatility, count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(60)
        volatility.sample()


async def test_a_feed_that_has_died_is_no_calm_market() -> None:
    """Its last quote was taken for the price of every minute since, and the storm was over."""
    world = World()
    volatility = Volatility(world.services)
    await minutes(world, volatility, *[100 + place % 2 for place in range(40)])
    rough = volatility.realised()
    assert rough is not None
    await silence(world, volatility, 5)
    assert volatility.realised() == rough
    await silence(world, volatility, 10)
    assert volatility.realised() is None
    assert volatility.ratio().is_too_early


async def test_after_a_gap_it_begins_anew() -> None:
    world = World()
    volatility = Volatility(world.services)
    await minutes(world, volatility, *[100.0] * 40)
    await silence(world, volatility, 30)
    await minutes(world, volatility, *[150.0 + place % 2 for place in range(SHORT)])
    assert volatility.realised() is None, "a night is no minute, and ten prices are too few"
    await minutes(world, volatility, 150.0)
    assert volatility.realised() is not None
    assert list(volatility._prices[CON])[:2] == [150.0, 151.0]
