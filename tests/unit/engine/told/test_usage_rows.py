"""What a strategy uses is shown as the gate counts it, with what its limits leave."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.unit.core.policies import bent
from tests.unit.engine.world import (
    POLICY,
    SELL,
    STRATEGY,
    World,
    a_reading,
    an_execution,
    an_intent,
)
from trader.core import events as ev
from trader.core.account import AccountReading
from trader.core.ids import StrategyName
from trader.core.in_flight import InFlight
from trader.engine.exposure_status import UsageStatus
from trader.engine.outcomes import OutcomeKind
from trader.engine.told.usage_rows import usage_row

D = Decimal


def row_of(
    world: World, told: AccountReading | None = None, name: StrategyName = STRATEGY
) -> UsageStatus:
    return usage_row(
        world.book,
        name,
        world.policy.coordination,
        valuation=world.services.valuer.current(),
        told=told,
    )


def limited(**changes: Any) -> World:
    return World(policy=bent(POLICY, **changes))


async def test_the_row_says_what_the_gate_counted() -> None:
    world = limited(coordination__share_max=D("0.5"), coordination__notional_max=D(2_000))
    assert row_of(world) == UsageStatus(D(0), D(0), D(2_000), D(2_000), "0.5 of the account, 2000")
    assert (await world.gateway.submit(an_intent(1))).kind is OutcomeKind.SENT
    row = row_of(world)
    assert (row.held, row.working, row.headroom) == (D(0), D(1_000), D(1_000))
    outcome = await world.gateway.submit(an_intent(2, quantity=D(11)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "STRATEGY_NOTIONAL")
    assert outcome.text == (
        "STRATEGY_NOTIONAL: 2100.11, held 0.00, working with this 2100.11, allowed is at most 2000"
    )
    # Beside its limit of 100 the market's 100.01 counts: that is what it would be worth at once.
    # The journal holds rule and figures, for `trader why` and for whoever evaluates it again.
    recorded = world.journal.events(ev.IntentReviewed)[-1]
    (told,) = [one for one in recorded.checks if one.code == "STRATEGY_NOTIONAL"]
    assert (told.limit, told.passed) == ("at most 2000", False)
    (order,) = world.gateway.working_orders()
    world.ledger.record(ev.ExecutionSeen(an_execution(order, quantity=D(4))))
    row = row_of(world)
    assert (row.held, row.working, row.headroom) == (D("400.04"), D(600), D("999.96"))


async def test_the_lower_limit_and_the_lower_value_count() -> None:
    world = limited(coordination__share_max=D("0.5"))
    assert row_of(world).most == 50_000
    poorer = replace(a_reading(0.0), net_liquidation=D(80_000))
    assert row_of(world, poorer).most == 40_000
    ruined = replace(a_reading(0.0), net_liquidation=D(-1))
    assert row_of(world, ruined).most == 0
    assert row_of(limited(coordination__notional_max=D(7))).limits == "7"
    assert row_of(limited(coordination__share_max=D("0.5"))).limits == "0.5 of the account"


async def test_without_a_limit_there_is_no_headroom() -> None:
    assert row_of(World()) == UsageStatus(D(0), D(0), None, None, "")


async def test_what_is_not_known_is_not_nothing() -> None:
    world = limited(coordination__notional_max=D(7))
    rules = world.policy.coordination
    none = usage_row(world.book, STRATEGY, rules, valuation=None, told=None)
    assert none == UsageStatus(limits="7", problem="no value of the account")
    worth = world.services.valuer.current()
    assert worth is not None
    holed = replace(worth, missing=("AAA (1): no mark", "EUR: no rate"))
    row = usage_row(world.book, STRATEGY, rules, valuation=holed, told=None)
    assert (row.held, row.problem) == (None, "AAA (1): no mark; EUR: no rate")
    world.book.workings.by_strategy[STRATEGY] = {
        next(iter(world.services.hub.instruments)): InFlight("EUR", D(1), D(0), D(1))
    }
    row = usage_row(world.book, STRATEGY, rules, valuation=worth, told=None)
    assert (row.headroom, row.problem) == (None, "no mark or rate for EUR")


async def test_two_wishes_at_once_cannot_both_have_what_is_left() -> None:
    """The first is counted from its promise, before any byte has left."""
    world = limited(coordination__notional_max=D(1_500))
    both = await asyncio.gather(*(world.gateway.submit(an_intent(number)) for number in (1, 2)))
    assert sorted((row.kind, row.code) for row in both) == [
        (OutcomeKind.REFUSED, "STRATEGY_NOTIONAL"),
        (OutcomeKind.SENT, ""),
    ]


async def test_two_strategies_at_once_cannot_enter_on_two_sides() -> None:
    world = limited(position__is_short_allowed=True, position__is_wash_prevented=False)
    sale = an_intent(2, side=SELL, strategy=StrategyName("beta"))
    both = await asyncio.gather(*map(world.gateway.submit, (an_intent(1), sale)))
    assert [(row.kind, row.code) for row in both] == [
        (OutcomeKind.SENT, ""),
        (OutcomeKind.REFUSED, "OPPOSED"),
    ]
