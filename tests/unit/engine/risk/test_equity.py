"""The account's value of a day: recorded seldom, opened by what is steady, told by the broker."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.unit.engine.breaker_world import HELD, Breaking
from tests.unit.engine.world import CON, World, a_holding, a_reading, a_snapshot
from trader.core import breaker_events as be
from trader.core.breakers.machine import Phase
from trader.core.breakers.rules import BreakerName
from trader.core.halts import HaltCause
from trader.engine.risk.equity import Look

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
    assert broken.equity.now == Look(D(5_000), D(5_000), now_s, now_s)
    await asyncio.sleep(100)
    broken.equity.look()
    assert broken.equity.now == Look(D(5_000), D(5_000), now_s + 100, now_s + 100)


async def test_a_price_that_stands_still_counts_within_its_budget_and_not_beyond() -> None:
    broken = await Breaking().settle()
    at_s = broken.world.hub.quotes[CON].received_s
    await broken.still(119)
    assert isinstance(broken.equity.now, Look)
    assert broken.equity.now.heard_s == at_s
    assert "daily_loss" not in broken.world.guard.restraint().restrictions
    await broken.still(2)
    assert str(broken.equity.now) == (
        "AAA (101): mark 121 s old, allowed 120 s; none of the broker's"
    )
    assert "daily_loss" in broken.world.guard.restraint().restrictions


async def test_two_looks_at_one_price_confirm_no_loss() -> None:
    broken = await Breaking().settle()
    await broken.at("97", "97")
    await broken.still(20)
    assert broken.phase(BreakerName.DAILY_LOSS) is Phase.CLOSED
    await broken.at("97")
    assert broken.phase(BreakerName.DAILY_LOSS) is Phase.TRIPPED


async def test_what_only_the_broker_values_is_judged_by_its_lists() -> None:
    broken = await Breaking().settle()
    world = broken.world
    world.hub.instruments.pop(CON)
    # 97 is a loss of 3 %; the better of two lists counts, and two such readings.
    for price, phase in (
        (100, Phase.CLOSED),
        (97, Phase.CLOSED),
        (97, Phase.CLOSED),
        (97, Phase.TRIPPED),
    ):
        await broken.still(180)
        holding = a_holding(HELD, price, world.clock.monotonic())
        world.say(a_reading(world.clock.monotonic(), holdings={CON: holding}))
        broken.breakers.round()
        assert isinstance(broken.equity.now, Look), price
        assert broken.phase(BreakerName.DAILY_LOSS) is phase
    await broken.still(401)
    assert "the broker's 401 s old, allowed 400 s" in str(broken.equity.now)


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


async def test_prices_that_nobody_confirms_any_more_are_no_value() -> None:
    """In a crash the spreads are wide: the loss was measured at the last narrow quotes for ever."""
    broken = await Breaking().settle()
    for _ in range(60):
        await asyncio.sleep(1)
        await broken.well()
        broken.world.quote("40", "60")
        broken.breakers.round()
    assert broken.posture() == "armed", "for a while it may be the feed"
    for _ in range(90):
        await asyncio.sleep(1)
        await broken.well()
        broken.world.quote("40", "60")
        broken.breakers.round()
    assert broken.equity.now == "no steady price of AAA for 150 s"
    assert "loss_kill" in broken.world.guard.restraint().restrictions
