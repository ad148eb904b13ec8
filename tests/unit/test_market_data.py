"""The prices of a daemon are judged by its policy and its hours, and jumps are told."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.unit.config.support import loaded
from tests.unit.engine.world import CON, LoopClock, World
from trader.core.plausibility import Belief
from trader.core.policy import PricePolicy
from trader.market_data import MarketData, market_hub, plausibility_limits


async def test_a_belief_in_a_far_price_calls_somebody(tmp_path: Path) -> None:
    world = World()
    data = MarketData(loaded(tmp_path), world.services, (), random.Random(1))
    assert world.hub.beliefs is not None
    data._tell(CON, Belief(Decimal(100), Decimal(60)))
    assert [(row[0], row[1]) for row in world.pager.sent] == [("warning", "AAA has jumped")]


def test_every_limit_comes_from_the_policy() -> None:
    policy = replace(PricePolicy(), believed_ticks=7, believed_s=9.0)
    limits = plausibility_limits(policy)
    for name in ("jump_fraction_max", "gap_fraction_max", "stub_spread_fraction"):
        assert getattr(limits, name) == getattr(policy, name)
    assert (limits.believed_ticks, limits.believed_s) == (7, 9.0)


async def test_a_daemons_hub_waits_as_long_as_the_settings_say(tmp_path: Path) -> None:
    config = loaded(tmp_path, market_data={"silence_s": 20})
    hub = market_hub(config, LoopClock())
    hub.subscribed(CON)
    await asyncio.sleep(19)
    assert hub.ailing() == ()
    await asyncio.sleep(2)
    assert hub.ailing() == (CON,)
