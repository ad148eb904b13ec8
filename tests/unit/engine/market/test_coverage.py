"""What must have quotes now, what has none, and what has one that is no good."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.unit.engine.world import CON, OTHER_CON, LoopClock, an_instrument
from trader.core.ids import ConId
from trader.engine.hub import MarketHub
from trader.engine.market.coverage import Coverage, coverage
from trader.ports import DataProblem, QuoteTick

INDEX = ConId(777)


def a_hub() -> MarketHub:
    hub = MarketHub(LoopClock())
    hub.add(an_instrument())
    hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    hub.add(an_instrument(con_id=INDEX, symbol="VIX", sec_type="IND", is_tradeable=False))
    for con_id in (CON, OTHER_CON, INDEX):
        hub.subscribed(con_id)
    return hub


def tick(hub: MarketHub, con_id: ConId, **values: float) -> None:
    now_s = asyncio.get_running_loop().time()
    for field, value in values.items():
        hub.on_tick(QuoteTick(con_id, field, Decimal(str(value)), now_s))


def found(hub: MarketHub) -> Coverage:
    return coverage(hub, asyncio.get_running_loop().time(), 30.0)


async def test_nothing_is_expected_before_it_had_time_to_come() -> None:
    hub = a_hub()
    assert found(hub) == Coverage((), (), ())
    assert found(hub).usable_share == 1.0
    await asyncio.sleep(31)
    assert found(hub).waiting == (CON, OTHER_CON, INDEX)
    assert found(hub).usable_share == 0.0


async def test_a_session_that_has_just_opened_has_time_and_a_closed_one_expects_nothing() -> None:
    hub = a_hub()
    await asyncio.sleep(31)
    open_s: dict[ConId, float | None] = {CON: 29.0, OTHER_CON: None, INDEX: 31.0}
    hub.open_for_s = lambda con_id: open_s[con_id]
    assert found(hub).expected == (INDEX,)


async def test_an_index_needs_a_last_price_and_a_stock_two_sides() -> None:
    hub = a_hub()
    await asyncio.sleep(31)
    tick(hub, CON, data_type=1, bid=99, ask=101)
    tick(hub, OTHER_CON, data_type=1, last=100)
    tick(hub, INDEX, data_type=1, last=20)
    assert (found(hub).waiting, found(hub).unusable) == ((), (OTHER_CON,))
    tick(hub, OTHER_CON, bid=102, ask=101)
    assert found(hub).unusable == (OTHER_CON,)
    tick(hub, OTHER_CON, ask=103)
    assert found(hub).usable_share == 1.0
    await asyncio.sleep(31)
    assert found(hub).waiting == (CON, OTHER_CON, INDEX)


async def test_delayed_data_are_not_usable_also_of_an_index() -> None:
    hub = a_hub()
    await asyncio.sleep(31)
    tick(hub, INDEX, data_type=3, last=20)
    assert found(hub).unusable == (INDEX,)


async def test_what_is_denied_says_nothing_about_the_feed() -> None:
    hub = a_hub()
    await asyncio.sleep(31)
    hub.on_problem(DataProblem(CON, 101, "max number of tickers"))
    hub.on_problem(DataProblem(OTHER_CON, 10197, "competing session"))
    assert found(hub).expected == (OTHER_CON, INDEX)
