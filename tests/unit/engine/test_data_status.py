"""The status of the market data names what is used, denied, waited for, and how farms are."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.unit.engine.world import CON, OTHER_CON, World, an_instrument
from trader.engine.data_status import DataView
from trader.ports import DataProblem, LinkWord, QuoteTick


async def test_it_says_what_comes_and_what_does_not() -> None:
    world = World()
    world.hub.forget_quotes()
    world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    view = DataView(world.services, lines_max=100, age_s_max=60.0)
    for con_id in (CON, OTHER_CON):
        world.hub.subscribed(con_id)
    await asyncio.sleep(31)
    world.hub.on_problem(DataProblem(OTHER_CON, 101, "max number of tickers"))
    world.guard.on_link(LinkWord("farm", is_up=False, code=2103, text="usfarm", state="broken"))
    told = view.status()
    assert (told.used, told.lines_max, told.denied) == (1, 100, ("BBB",))
    assert (told.expected, told.waiting, told.usable_share) == (1, ("AAA",), 0.0)
    assert told.rules == (("no_quote", 2),)
    assert [(row.name, row.state, row.code) for row in told.farms] == [("usfarm", "broken", 2103)]
    assert (told.delay_p95_s, told.is_taken) == (None, False)


async def test_a_price_is_counted_once_when_a_strategy_first_sees_it() -> None:
    """DAT-02."""
    world = World()
    view = DataView(world.services, lines_max=100, age_s_max=60.0)
    for _ in range(2):
        world.hub.on_tick(QuoteTick(CON, "bid", Decimal(99), world.clock.monotonic()))
        await asyncio.sleep(0.015)
        for _ in range(3):
            world.hub.delivered(world.hub.quotes[CON])
    told = view.status()
    assert told.buckets[-1] == (float("inf"), 2)
    assert told.delay_p99_s == 0.02


async def test_another_session_is_named_as_what_it_is() -> None:
    world = World()
    world.hub.on_problem(DataProblem(CON, 10197, "competing session"))
    assert DataView(world.services, lines_max=1, age_s_max=60.0).status().is_taken
