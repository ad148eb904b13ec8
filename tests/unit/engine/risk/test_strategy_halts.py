"""The breaker of each strategy: judged by its own days, halted alone, released by a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

from tests.unit.engine.breaker_world import Breaking, rules_with
from tests.unit.engine.world import (
    CON,
    SELL,
    STRATEGY,
    World,
    a_commission,
    an_execution,
    an_intent,
)
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.breakers.artefact import as_plain, is_reproduced, of_plain
from trader.core.breakers.machine import Finding
from trader.core.breakers.rules import BreakerName
from trader.core.checkpoint import restored, state_of
from trader.core.halts import Posture
from trader.core.ids import ExecId, IntentId, StrategyName
from trader.core.intents import Intent
from trader.core.track_record import TrackRecord
from trader.engine.risk.strategy_halts import row_name

D = Decimal
BETA = StrategyName("beta")
LOSING = ("-0.01", "-0.002")


def of_beta(number: int) -> Intent:
    intent = an_intent(number, limit_price=D("99"))
    return replace(intent, strategy=BETA, intent_id=IntentId(f"abc123-beta-{number}"))


async def with_days(count: int, *returns: str, **changes: dict[str, bool]) -> Breaking:
    """Return an engine whose strategy has had so many days with these returns, over and over."""
    world = World(held=1_000, cash=5_000, policy=rules_with(**changes))
    broken = Breaking(world, **changes)
    values = tuple(D(returns[place % len(returns)]) for place in range(count))
    record = TrackRecord(STRATEGY, "2026-03-01", D(0), D(0), D(105_000), values)
    world.book.safety = replace(world.book.safety, records=(record,))
    broken.breakers.strategies.cancel = world.gateway.cancel
    return await broken.settle()


async def made_poor(broken: Breaking) -> None:
    """Give the strategy its last bad day; the broker answers no cancel."""
    world = broken.world
    record = world.book.safety.records[0]
    poor = replace(record, returns=(*record.returns, D("-0.01")))
    world.book.safety = replace(world.book.safety, records=(poor,))
    world.broker.on_cancel = lambda order_id: None
    await broken.at("100", "100")


def row_of(broken: Breaking) -> tuple[str, str, str]:
    row = next(row for row in broken.breakers.rows() if row.name == row_name(STRATEGY))
    return row.phase, row.finding, row.text


async def test_too_few_days_are_no_verdict_and_said_so() -> None:
    """BRK-12: documented minimum sample, reported, and no trip."""
    broken = await with_days(29, *LOSING)
    phase, finding, text = row_of(broken)
    assert (phase, finding) == ("closed", Finding.TOO_EARLY)
    assert text == "29 days of 30: too few to judge by"
    assert (await broken.world.gateway.submit(an_intent(1, limit_price=D("99")))).kind == "sent"


async def test_days_that_earn_leave_a_strategy_alone() -> None:
    broken = await with_days(60, "0.01", "-0.004")
    assert row_of(broken)[:2] == ("closed", Finding.GOOD)
    assert broken.world.journal.events(be.StrategyHalted) == []


async def test_a_poor_record_halts_its_strategy_and_no_other() -> None:
    """BRK-12: its new risk; exits and cancels pass, and so does everybody else."""
    broken = await with_days(30, *LOSING)
    world = broken.world
    assert world.guard.posture() is Posture.ARMED
    refused = await world.gateway.submit(an_intent(1, limit_price=D("99")))
    assert (refused.kind, refused.code) == ("refused", "STRATEGY_HALTED")
    assert refused.text.startswith(f"strategy {STRATEGY}: psr: 0.")
    exit_ = an_intent(2, side=an_intent().side.opposite, is_reduce_only=True, limit_price=D("99"))
    assert (await world.gateway.submit(exit_)).kind == "sent"
    assert (await world.gateway.submit(of_beta(3))).kind == "sent"
    (halted,) = world.journal.events(be.StrategyHalted)
    assert (halted.strategy, halted.name) == (STRATEGY, BreakerName.PSR)
    assert halted.limit == "at or below 0.20"
    assert f"strategy {STRATEGY} halted" in world.pager.titles()


async def test_what_a_halted_strategy_has_working_is_taken_off_but_for_its_exits() -> None:
    broken = await with_days(29, *LOSING)
    world = broken.world
    adding = await world.working(an_intent(1, limit_price=D("99")))
    other = await world.working(of_beta(2))
    exit_ = an_intent(3, side=an_intent().side.opposite, is_reduce_only=True, limit_price=D("102"))
    leaving = await world.working(exit_)
    await made_poor(broken)
    assert world.broker.cancelled == [adding.order_id]
    assert {other.order_id, leaving.order_id} <= set(world.book.live_orders)


async def test_plain_sales_that_together_are_more_than_is_held_are_taken_off() -> None:
    broken = await with_days(29, *LOSING)
    world = broken.world
    for number in (1, 2):
        sale = an_intent(number, side=SELL, quantity=D(400), limit_price=D("101"))
        await world.working(sale)
    by_hand = an_execution(side=SELL, quantity=D(600), exec_id=ExecId("7.7.01"))
    world.say(ev.ExecutionSeen(by_hand))
    await made_poor(broken)
    assert sorted(world.broker.cancelled) == sorted(world.book.live_orders)


async def test_a_cancel_that_nobody_answers_is_sent_again_and_not_each_second() -> None:
    broken = await with_days(29, *LOSING)
    world = broken.world
    order = await world.working(an_intent(1, limit_price=D("99")))
    await made_poor(broken)
    world.ledger.record(ev.OrderUnanswered(order.order_id, "silence"))
    for _ in range(10):
        await broken.settle()
    assert world.broker.cancelled == [order.order_id]
    await asyncio.sleep(31)
    await broken.settle()
    assert world.broker.cancelled == [order.order_id] * 2


async def test_the_halt_outlives_the_process_and_a_reset_begins_anew() -> None:
    """BRK-12: persisted, reset by a person; the days that were judged do not judge again."""
    broken = await with_days(40, *LOSING)
    world = broken.world
    book = restored(state_of(world.book))
    assert book.safety == world.book.safety
    assert book.safety.halt_of(STRATEGY) is not None
    answer = await broken.breakers.reset(breaker=row_name(STRATEGY), reason="looked", by="ops")
    assert answer.is_done, answer
    assert (await world.gateway.submit(an_intent(1, limit_price=D("99")))).kind == "sent"
    await broken.at("100", "100")
    assert row_of(broken)[:2] == ("closed", Finding.TOO_EARLY)
    (released,) = world.journal.events(be.StrategyReleased)
    assert (released.by, released.reason) == ("ops", "looked")
    again = await broken.breakers.reset(breaker=row_name(STRATEGY), reason="again", by="ops")
    assert again.text == "psr:alpha is not tripped"
    unknown = await broken.breakers.reset(breaker="psr:nobody", reason="x", by="ops")
    assert not unknown.is_done


async def test_a_restarted_process_holds_the_halt_before_it_judges_anything() -> None:
    broken = await with_days(40, *LOSING)
    safety = broken.world.book.safety
    fresh = Breaking(World(held=1_000, cash=5_000, policy=rules_with()))
    no_days = replace(safety.records[0], returns=())
    fresh.world.book.safety = replace(safety, records=(no_days,), baseline=None)
    await fresh.settle()
    refused = await fresh.world.gateway.submit(an_intent(1, limit_price=D("99")))
    assert refused.code == "STRATEGY_HALTED"


async def test_a_breaker_that_is_switched_off_releases_what_it_held() -> None:
    broken = await with_days(40, *LOSING)
    safety = broken.world.book.safety
    off = Breaking(None, psr={"is_enabled": False})
    off.world.book.safety = replace(safety, baseline=None)
    await off.settle()
    assert off.world.book.safety.strategy_halts == ()
    (released,) = off.world.journal.events(be.StrategyReleased)
    assert (released.by, released.reason) == ("policy", "switched off")


async def test_its_verdict_is_on_record_and_comes_out_the_same() -> None:
    """BRK-09."""
    broken = await with_days(40, *LOSING)
    kept = [row for made in broken.audited for row in made.evaluations if row.scope == STRATEGY]
    assert kept
    assert kept[0].verdict.step is not None
    assert all(is_reproduced(row) and of_plain(as_plain(row)) == row for row in kept)


async def test_a_strategy_is_marked_at_its_prices_commissions_included() -> None:
    broken = Breaking(World(cash=100_000, policy=rules_with()))
    world = broken.world
    await broken.settle()
    order = await world.working(an_intent(1, limit_price=D("100.5")))
    execution = an_execution(order, price=D("100"))
    world.inbox.note_execution(ev.ExecutionSeen(execution))
    world.ledger.note(a_commission(execution, "2.00"))
    await broken.at("103", "103")
    (first,) = world.journal.events(be.StrategyMarked)
    assert (first.strategy, first.result) == (STRATEGY, D("28.00"))
    assert D(100_000) <= first.capital <= D(100_050)
    await broken.at("104")
    assert len(world.journal.events(be.StrategyMarked)) == 1
    await asyncio.sleep(60)
    await broken.at("104")
    assert world.journal.events(be.StrategyMarked)[-1].result == D("38.00")


async def test_a_holding_without_a_price_makes_the_reading_old_and_then_none() -> None:
    """BRK-10: what cannot be judged adds no risk, and is not latched."""
    broken = await with_days(60, "0.01", "-0.004")
    world = broken.world
    order = await world.working(an_intent(1, limit_price=D("100.5")))
    world.inbox.note_execution(ev.ExecutionSeen(an_execution(order, exec_id=ExecId("0001.a.1.1"))))
    del world.hub.quotes[CON]
    await asyncio.sleep(90_001)
    await broken.well()
    broken.breakers.round()
    assert row_of(broken)[:2] == ("closed", Finding.FAILED)
    held = world.guard.restraint().strategies
    assert "cannot be judged" in held[str(STRATEGY)]
    assert world.book.safety.strategy_halts == ()
    await broken.breakers.override(breaker="psr", minutes=5, reason="feed", by="ops")
    assert world.guard.restraint().strategies == {}
