"""History goes by the broker's clock, and what went is neither sent nor booked again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.engine.world import (
    World,
    a_commission,
    a_status,
    an_execution,
    an_intent,
)
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.history_events import HistoryRetired
from trader.core.ids import ExecId
from trader.engine.orders.retirement import Retirement
from trader.engine.outcomes import OutcomeKind
from trader.ports import ServerTime

DAY_S = 86_400


async def after_a_fill(days: float = 9.0) -> World:
    """Give a world in which an order filled so long ago."""
    world = World()
    order = await world.working()
    execution = replace(an_execution(order), time_utc=world.clock.utc())
    world.say(ev.ExecutionSeen(execution), a_commission(execution), a_status(order, "Filled"))
    await asyncio.sleep(days * DAY_S)
    world.guard.on_heartbeat(ServerTime(world.clock.utc(), 0.01))
    return world


def went(world: World) -> list[HistoryRetired]:
    Retirement(world.services, 8).look()
    return world.journal.events(HistoryRetired)


async def test_an_order_of_last_week_leaves_the_book() -> None:
    world = await after_a_fill()
    (event,) = went(world)
    assert world.book.orders == {}
    assert went(world) == [event], "nothing is left to go"


async def test_one_of_this_week_stays() -> None:
    assert went(await after_a_fill(7.9)) == []


@pytest.mark.parametrize("ahead_days", [-30, 30])
async def test_a_clock_of_ours_that_is_wrong_lets_nothing_go_too_early(ahead_days: int) -> None:
    """The broker's clock stamps what it may tell again."""
    world = await after_a_fill(1)
    told_utc = world.clock.utc() + timedelta(days=ahead_days)
    world.guard.on_heartbeat(ServerTime(told_utc, 0.01))
    assert went(world) == []


async def test_without_the_brokers_word_or_a_whole_book_nothing_goes() -> None:
    world = await after_a_fill()
    world.guard.heartbeat_s = None
    assert went(world) == []
    world = await after_a_fill()
    await asyncio.sleep(61)
    assert went(world) == []
    world = await after_a_fill()
    world.guard.set_level(HaltCause.NOT_RECONCILED, "waiting")
    assert went(world) == []
    world = await after_a_fill()
    world.journal.fail("disk full")
    assert went(world) == []


async def test_an_intent_that_went_is_refused_and_no_byte_leaves() -> None:
    world = await after_a_fill()
    went(world)
    world.quote()
    world.guard.on_compared()
    outcome = await world.gateway.submit(an_intent())
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "INTENT_REUSED")
    assert len(world.broker.placed) == 1
    assert an_intent().intent_id not in world.book.intents


async def test_an_execution_of_before_is_not_booked_and_halts() -> None:
    """No broker tells so late: booked long ago or never, only a person can say."""
    world = await after_a_fill()
    (event,) = went(world)
    held, count = dict(world.book.positions), world.ledger.seq
    old = an_execution(exec_id=ExecId("0001.aa.01.02"))
    world.say(ev.ExecutionSeen(replace(old, time_utc=event.before_utc - timedelta(days=1))))
    assert world.book.positions == held
    assert world.ledger.seq == count + 1, "the halt alone"
    assert "older than what the book remembers" in world.book.halts[HaltCause.INVARIANT]


@pytest.mark.parametrize("exec_id", ["0001.aa.01.02", "0001.bb.01.01"])
@pytest.mark.parametrize("has_time", [True, False])
async def test_an_execution_of_an_order_that_went_is_not_booked_whatever_its_time(
    exec_id: str, has_time: bool
) -> None:
    """A correction that bears the time of now, or one that nobody can read (INC-025, INC-048)."""
    world = await after_a_fill()
    (order,) = world.book.orders.values()
    told = replace(an_execution(order, exec_id=ExecId(exec_id)), time_utc=world.clock.utc())
    went(world)
    held, cash = dict(world.book.positions), dict(world.book.cash)
    world.say(ev.ExecutionSeen(told if has_time else replace(told, time_utc=None)))
    assert (world.book.positions, world.book.cash) == (held, cash)
    assert "of an order that it has let go" in world.book.halts[HaltCause.INVARIANT]
