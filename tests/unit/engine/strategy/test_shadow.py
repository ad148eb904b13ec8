"""Strategies trade in a compartment as they do live, and nothing of it is real."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.policies import bent
from tests.unit.engine.shadows import LATENCY_S, ShadowSite, shadow_terms
from tests.unit.engine.world import (
    BUY,
    CON,
    LINEAGE,
    POLICY,
    SELL,
    STRATEGY,
    World,
    an_intent,
)
from trader.core.halts import HaltCause, Lane, Mode, Restraint
from trader.core.ids import REPLAY, SHADOW, intent_id
from trader.core.intents import Intent, OrderType, TimeInForce
from trader.core.orders import OrderState
from trader.core.policy import WhatIf
from trader.core.risk.change import Revision
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.engine.strategy.local_broker import LocalBroker
from trader.strategies.bracket_momentum import (
    BracketMomentumParameters,
    BracketMomentumStrategy,
)

D = Decimal


def own(number: int = 1, **changes: object) -> Intent:
    values = {"order_type": OrderType.MARKET, "limit_price": None, **changes}
    return an_intent(number, intent_id=intent_id(REPLAY, STRATEGY, number), **values)


async def submitted(site: ShadowSite, intent: Intent) -> Outcome:
    outcome = await site.shadow.gateway.submit(intent)
    await asyncio.sleep(LATENCY_S + 0.01)
    return outcome


async def test_an_order_is_reviewed_takes_its_time_and_fills_at_the_other_side() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    outcome = await site.shadow.gateway.submit(own())
    assert outcome.kind is OutcomeKind.SENT
    await asyncio.sleep(LATENCY_S / 2)
    assert site.book.position_of(CON) == 0
    site.quote("99.5", "100.5")
    await asyncio.sleep(LATENCY_S)
    assert site.book.position_of(CON) == 10
    # The price of when it arrived, the worst commission, and nobody gave it money.
    assert site.book.cash["USD"] == D(100_000) - D("1005") - POLICY.cash.worst_commission(D(10))
    (order,) = site.book.orders.values()
    assert order.state is OrderState.FILLED
    assert site.book.account == "REPLAY"
    await site.stop()


async def test_the_review_is_the_real_one_over_its_own_account() -> None:
    site = ShadowSite(policy=bent(POLICY, position__quantity_max=D(15)))
    site.quote("99", "101")
    assert (await submitted(site, own(1))).kind is OutcomeKind.SENT
    refused = await submitted(site, own(2))
    assert (refused.kind, refused.code) == (OutcomeKind.REFUSED, "POSITION_MAX")
    exit_ = own(3, side=SELL, is_reduce_only=True)
    assert (await submitted(site, exit_)).kind is OutcomeKind.SENT
    assert site.book.position_of(CON) == 0
    await site.stop()


async def test_a_broker_that_must_be_asked_is_not_asked_here() -> None:
    policy = bent(POLICY, exposure__what_if=WhatIf.REQUIRED)
    site = ShadowSite(policy=policy)
    site.quote("99", "101")
    assert (await submitted(site, own())).kind is OutcomeKind.SENT
    await site.stop()


async def test_what_a_cancelled_order_leaves_is_free_as_late_as_live() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    outcome = await submitted(site, own(order_type=OrderType.LIMIT, limit_price=D(96)))
    assert outcome.order_id is not None
    assert site.shadow.gateway.cancel(outcome.order_id, "test") is None
    await asyncio.sleep(1)
    assert site.book.orders[outcome.order_id].state is OrderState.CANCELLED
    assert list(site.book.settling) == [outcome.order_id]
    await asyncio.sleep(POLICY.order.settle_s + 2)
    assert list(site.book.settling) == []
    await site.stop()


async def test_a_change_is_answered_and_meets_the_market_anew() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    outcome = await submitted(site, own(order_type=OrderType.LIMIT, limit_price=D(97)))
    assert outcome.order_id is not None
    changed = await site.shadow.gateway.modify(outcome.order_id, Revision(limit_price=D(101)))
    assert changed.kind is OutcomeKind.SENT
    await asyncio.sleep(LATENCY_S + 0.01)
    (fill,) = site.book.fills.values()
    assert fill.execution.price == D(101)
    await site.stop()


async def test_it_halts_with_what_is_around_it_and_sends_nothing_while_that_has_no_link() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    causes = {HaltCause.UPSTREAM: "1100 lost"}
    site.shadow.follow(lambda: Restraint(causes), lambda: not causes)
    refused = await submitted(site, own(1))
    assert (refused.code, refused.text) == ("HALTED", "upstream: 1100 lost")
    causes.clear()
    assert (await submitted(site, own(2))).kind is OutcomeKind.SENT
    await site.stop()


async def test_nothing_of_it_reaches_a_real_book_or_broker() -> None:
    world, site = World(), ShadowSite(lineage=SHADOW)
    site.quote("99", "101")
    before = world.book.seq
    await site.shadow.gateway.submit(replace(own(), intent_id=intent_id(SHADOW, STRATEGY, 1)))
    await asyncio.sleep(1)
    assert site.book.position_of(CON) == 10
    assert isinstance(site.shadow.services.broker, LocalBroker)
    assert (world.book.seq, world.broker.placed) == (before, [])
    assert world.book.position_of(CON) == 0
    assert site.shadow.ledger.book is not world.book
    await site.stop()


async def test_it_cannot_be_made_with_the_lineage_of_a_real_journal() -> None:
    with pytest.raises(AssertionError, match="is a real one"):
        shadow_terms(LINEAGE)


async def test_its_mode_sends_nothing_and_its_pages_say_what_they_are_of() -> None:
    site = ShadowSite()
    assert site.shadow.guard.mode is Mode.SHADOW
    assert not site.shadow.guard.mode.may_send
    site.shadow.services.pager.page("critical", "halted", "x")
    assert site.pages.sent == [("warning", "replay: halted", "x")]
    assert site.shadow.guard.refusal(Lane.NEW) is None
    await site.stop()


async def test_a_compartment_that_breaks_halts_itself_alone() -> None:
    site = ShadowSite()
    site.quote("99", "101")
    site.shadow.broker._coming.append((0.0, lambda: [].pop()))
    site.shadow.broker._woken.set()
    await asyncio.sleep(1)
    assert "IndexError" in site.shadow.problem
    assert HaltCause.STALLED in site.shadow.guard.causes()
    assert not site.supervisor.root_ended.done()
    await site.stop()


async def test_immediate_orders_end_with_what_has_filled() -> None:
    site = ShadowSite()
    site.quote("99", "101", "4")
    await submitted(site, own(time_in_force=TimeInForce.IOC, side=BUY))
    (order,) = site.book.orders.values()
    assert (order.state, order.filled) == (OrderState.CANCELLED, D(4))
    await site.stop()


def kept_of(strategy: BracketMomentumStrategy) -> dict[str, Any]:
    (state,) = json.loads(strategy.checkpoint())["symbols"].values()
    assert isinstance(state, dict)
    return state


@pytest.mark.parametrize(("bid", "leg"), [("99", "s"), ("110", "p")])
async def test_bracket_momentum_lives_in_it_until_a_leg_takes_it_off(bid: str, leg: str) -> None:
    """Entered on bars that are made of the ticks, as in the living daemon."""
    parameters = BracketMomentumParameters(
        bar_s=5, momentum_bars=3, atr_bars=2, profit_atrs=0, profit_fraction=0.05, stop_atrs=0,
        stop_fraction=0.01, exit_score=-1, pause_s=600, is_flat_at_close=False,
    )  # fmt: skip
    strategy = BracketMomentumStrategy("brackets", ("AAA",), parameters)
    site = ShadowSite()
    site.run(strategy)
    for step in range(80):
        price = 100 + D(step) / 20 + D(step * 7 % 5) / 100
        site.quote(str(price), str(price + D("0.02")))
        await asyncio.sleep(0.5)
    state = kept_of(strategy)
    assert (state["phase"], state["correction"]) == ("protected", "")
    assert state["bracket"]["linked"] == {
        "entry_id": 1, "take_profit_id": 2, "stop_loss_id": 3, "oca_group": "replay-brackets-1",
    }  # fmt: skip
    assert site.book.position_of(CON) == 10
    site.quote(bid, str(D(bid) + 1))
    await asyncio.sleep(0.5)
    assert (kept_of(strategy)["phase"], site.book.position_of(CON)) == ("flat", D(0))
    closed = [row for row in site.book.orders.values() if row.terms.is_leg and row.filled]
    assert [row.terms.intent_id for row in closed] == [f"replay-brackets-1{leg}"]
    assert site.shadow.problem == ""
    await site.stop()
