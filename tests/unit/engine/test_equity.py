"""The account's value of a day: recorded seldom, opened by what is steady, told by the broker."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.unit.engine.breaker_world import Breaking
from tests.unit.engine.world import CON, World, a_snapshot
from trader.core import breaker_events as be
from trader.core.halts import HaltCause
from trader.engine.equity import Look

D = Decimal


def marks_of(broken: Breaking) -> list[be.EquityMarked]:
    found: list[be.EquityMarked] = broken.world.journal.events(be.EquityMarked)
    return found


async def test_the_value_is_recorded_once_a_minute_at_most() -> None:
    broken = await Breaking().settle()
    assert [row.day for row in marks_of(broken)] == ["2026-03-02"]
    await broken.at(*["100"] * 59)
    assert len(marks_of(broken)) == 1
    await broken.at("100")
    assert len(marks_of(broken)) == 2


async def test_a_new_day_is_opened_at_once_and_by_no_single_tick() -> None:
    broken = await Breaking().settle()
    await asyncio.sleep(9 * 3600 - 3)
    await broken.at("100")
    assert marks_of(broken)[-1].day == "2026-03-02"
    await broken.at("50")
    # One tick says 50 and the one before said 100: neither opens the day, whichever is right.
    assert broken.equity.day() == "2026-03-03"
    assert marks_of(broken)[-1].day == "2026-03-02"
    await broken.at("50")
    assert marks_of(broken)[-1].day == "2026-03-03"
    assert marks_of(broken)[-1].value == D(50_000)


async def test_a_book_that_may_lack_something_opens_nothing() -> None:
    broken = Breaking()
    broken.world.guard.set_level(HaltCause.NOT_RECONCILED, "asked for")
    await broken.settle()
    assert marks_of(broken) == []
    assert "no opening value" in broken.world.guard.restraint().restrictions["daily_loss"]
    broken.world.guard.clear_level(HaltCause.NOT_RECONCILED)
    await broken.at("100")
    assert len(marks_of(broken)) == 1


async def test_without_a_holding_the_cash_is_the_value_of_now() -> None:
    broken = await Breaking(World(cash=5_000)).settle()
    now_s = broken.world.clock.monotonic()
    assert broken.equity.now == Look(D(5_000), D(5_000), now_s)
    await asyncio.sleep(100)
    broken.equity.look()
    assert broken.equity.now == Look(D(5_000), D(5_000), now_s + 100)


async def test_a_value_is_as_old_as_the_price_that_stands_still_too_long() -> None:
    broken = await Breaking().settle()
    at_s = broken.world.hub.quotes[CON].received_s
    await broken.still(31)
    assert isinstance(broken.equity.now, Look)
    assert broken.equity.now.at_s == at_s
    assert "daily_loss" in broken.world.guard.restraint().restrictions


async def test_the_brokers_word_counts_while_it_is_fresh() -> None:
    broken = await Breaking().settle()
    assert broken.equity.told() is None
    broken.told("97000")
    assert broken.equity.told() == D(97_000)
    for nothing in (None, D(0), D("NaN")):
        broken.equity.on_snapshot(a_snapshot(net_liquidation=nothing))
    broken.equity.on_snapshot(None)
    assert broken.equity.told() == D(97_000), "noise in it changes nothing (INC-144)"
    await asyncio.sleep(401)
    assert broken.equity.told() is None
