"""Prices of every minute: too few say nothing, and what jumps shows in the ratio."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.unit.engine.world import CON, World
from trader.engine.volatility import SHORT, Volatility


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
