"""What a review lacks is named before anybody has to ask why an order was refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.unit.core.risk.cases import READING
from tests.unit.engine.world import POLICY, World, an_instrument
from trader.core import breaker_events as be
from trader.core.calendar import contract_hours
from trader.core.policy import Policy, SessionPolicy, TradingHours
from trader.engine.risk.inputs import missing_inputs

STRICT = replace(
    POLICY,
    exposure=replace(POLICY.exposure, is_baseline_required=True, is_reading_required=True),
    session=SessionPolicy(hours=TradingHours.REGULAR),
)


def lacks(world: World, policy: Policy = STRICT) -> tuple[str, ...]:
    return missing_inputs(world.services, policy)


async def test_everything_that_nobody_told_is_named() -> None:
    world = World(is_baselined=False, is_armed=False)
    world.hub.add(an_instrument())
    assert lacks(world) == (
        "valuation: existing holdings have not been accepted",
        "account values: the broker has not told them",
        "baseline: no value of 2026-03-02 yet",
        "hours: not known for AAA",
    )


async def test_with_everything_told_nothing_is_missing_until_it_grows_old() -> None:
    world = World(held=10)
    world.quote()
    told = "20260302:0000-20260302:2400;20260303:CLOSED"
    world.hub.add(an_instrument(hours=contract_hours(told, told, ZoneInfo("UTC"))))
    world.say(replace(READING, as_of_s=world.clock.monotonic()))
    world.ledger.record(be.EquityMarked("2026-03-02", Decimal(101_000)))
    assert lacks(world) == ()
    await asyncio.sleep(401)
    assert lacks(world) == (
        "valuation: AAA (101): mark 401 s old, allowed 120 s; none of the broker's",
        "account values: 401 s old, allowed is 400 s",
    )


async def test_a_value_that_is_no_number_and_a_doubtful_baseline_are_named() -> None:
    world = World(held=10)
    world.hub.forget_quotes()
    world.valuer.refresh()
    world.say(replace(READING, available_funds=None, as_of_s=world.clock.monotonic()))
    world.ledger.record(be.EquityMarked("2026-03-02", Decimal(101_000)))
    world.ledger.record(be.FlowSeen("EUR", Decimal(1), None))
    assert lacks(world, replace(STRICT, session=POLICY.session)) == (
        "valuation: AAA (101): no mark; none of the broker's",
        "account values: no available funds",
        "baseline: a flow without a known value",
    )


async def test_what_the_policy_does_not_ask_for_is_not_missed() -> None:
    world = World(is_baselined=False, is_armed=False)
    policy = replace(
        STRICT,
        exposure=replace(STRICT.exposure, is_enforced=False),
        session=SessionPolicy(hours=TradingHours.ALWAYS),
    )
    assert lacks(world, policy) == ()
