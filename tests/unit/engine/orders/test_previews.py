"""The broker is asked before risk grows, in time or not at all, and asking never makes an order.

Goal: a what-if that is silent, late, refused or overtaken changes nothing but the verdict that
the policy wants (INC-080). Method: the gateway in virtual time with a broker that answers as told.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.engine.world import (
    POLICY,
    SELL,
    World,
    a_reading,
    an_execution,
    an_exit,
    an_intent,
    turns,
)
from trader.core import events as ev
from trader.core.account import MarginPreview
from trader.core.halts import HaltCause, Lane
from trader.core.policy import WhatIf
from trader.core.risk.change import Revision
from trader.engine.outcomes import OutcomeKind
from trader.ports import LinkDown

GOOD = MarginPreview(Decimal(10), Decimal(100_000))
BAD = MarginPreview(Decimal(100_001), Decimal(100_000))


def a_world(what_if: WhatIf = WhatIf.REQUIRED, held: int = 10, **changes: object) -> World:
    exposure = replace(POLICY.exposure, what_if=what_if, **changes)  # type: ignore[arg-type]
    world = World(held=held, policy=replace(POLICY, exposure=exposure))
    world.broker.on_preview = answers(GOOD)
    return world


def answers(found: MarginPreview | Exception, after_s: float = 0.5):  # type: ignore[no-untyped-def]
    async def answer() -> MarginPreview | Exception:
        await asyncio.sleep(after_s)
        return found

    return answer


def what_if_of(world: World) -> ev.Check:
    checks = world.journal.events(ev.IntentReviewed)[-1].checks
    (found,) = [row for row in checks if row.code == "WHAT_IF"]
    assert isinstance(found, ev.Check)
    return found


async def test_a_good_answer_is_recorded_with_the_review_and_the_order_leaves() -> None:
    world = a_world()
    outcome = await world.gateway.submit(an_intent())
    assert outcome.kind is OutcomeKind.SENT
    assert what_if_of(world) == ev.Check("WHAT_IF", "10.00", "at most 100000.00", True)
    assert len(world.broker.placed) == len(world.broker.previewed) == 1


@pytest.mark.parametrize("what_if", [WhatIf.ASKED, WhatIf.REQUIRED])
async def test_an_order_that_uses_too_much_margin_is_refused(what_if: WhatIf) -> None:
    world = a_world(what_if)
    world.broker.on_preview = answers(BAD)
    assert (await world.gateway.submit(an_intent())).code == "WHAT_IF"
    assert world.broker.placed == []


@pytest.mark.parametrize("found", [LinkDown("lost"), None])
@pytest.mark.parametrize(("what_if", "is_sent"), [(WhatIf.ASKED, True), (WhatIf.REQUIRED, False)])
async def test_without_an_answer_the_policy_decides(
    what_if: WhatIf, is_sent: bool, found: Exception | None
) -> None:
    world = a_world(what_if)
    world.broker.on_preview = answers(found or GOOD, after_s=0.1 if found else 1e6)
    started_s = world.clock.monotonic()
    outcome = await world.gateway.submit(an_intent())
    assert world.clock.monotonic() - started_s == pytest.approx(0.1 if found else 2.0)
    assert (outcome.kind is OutcomeKind.SENT) == is_sent
    assert (outcome.code == "WHAT_IF") != is_sent
    assert what_if_of(world).passed == is_sent
    await turns()
    assert len(asyncio.all_tasks()) == 1, "a question was left behind"


async def test_the_intents_own_deadline_bounds_the_question() -> None:
    world = a_world(what_if_deadline_s=60.0)
    world.broker.on_preview = answers(GOOD, after_s=1e6)
    started_s = world.clock.monotonic()
    assert (await world.gateway.submit(an_intent())).code == "WHAT_IF"
    assert world.clock.monotonic() - started_s == pytest.approx(5.0)


async def test_nobody_asks_where_the_policy_does_not_or_where_nothing_grows() -> None:
    world = a_world(WhatIf.NEVER)
    assert (await world.gateway.submit(an_intent())).kind is OutcomeKind.SENT
    world = a_world()
    assert (await world.gateway.submit(an_exit(1))).kind is OutcomeKind.SENT
    world = a_world()
    sale = replace(an_exit(1), is_reduce_only=False)
    assert (await world.gateway.submit(sale)).kind is OutcomeKind.SENT
    world = a_world(is_enforced=False)
    assert (await world.gateway.submit(an_intent())).kind is OutcomeKind.SENT
    assert world.broker.previewed == []


async def test_what_the_first_review_refuses_is_not_asked_about() -> None:
    world = a_world()
    outcome = await world.gateway.submit(an_intent(quantity=Decimal(10**7)))
    assert outcome.kind is OutcomeKind.REFUSED
    assert world.broker.previewed == []


async def test_what_becomes_true_while_waiting_counts() -> None:
    world = a_world()
    submission = asyncio.ensure_future(world.gateway.submit(an_intent()))
    await asyncio.sleep(0.1)
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    assert (await submission).code == "HALTED"
    assert world.broker.placed == []


async def test_two_of_the_same_intent_make_one_order() -> None:
    world = a_world()
    first, second = await asyncio.gather(
        world.gateway.submit(an_intent()), world.gateway.submit(an_intent(), Lane.NEW)
    )
    assert first.order_id == second.order_id
    assert len(world.broker.placed) == 1


async def test_a_sale_of_what_working_exits_sell_already_is_asked_about() -> None:
    """Held against the position alone it passed for an exit, and nobody was asked (INC-080)."""
    position = replace(POLICY.position, is_short_allowed=True)
    exposure = replace(POLICY.exposure, what_if=WhatIf.REQUIRED)
    world = World(held=10, policy=replace(POLICY, exposure=exposure, position=position))
    world.say(a_reading(world.clock.monotonic()))
    world.broker.on_preview = answers(BAD)
    await world.working(an_exit(1))
    sale = an_intent(2, side=SELL, limit_price=Decimal(101))
    assert (await world.gateway.submit(sale)).code == "WHAT_IF"
    assert [row.intent_id for row in world.broker.previewed] == [sale.intent_id]


async def test_what_came_to_add_risk_while_it_waited_for_a_slot_has_no_answer() -> None:
    position = replace(POLICY.position, is_short_allowed=True)
    exposure = replace(POLICY.exposure, what_if=WhatIf.REQUIRED)
    policy = replace(POLICY, exposure=exposure, position=position)
    world = World(held=10, policy=policy, rate_per_s=10.0, burst=10.0)
    world.say(a_reading(world.clock.monotonic()))
    while world.pacer.try_take(Lane.NEW):
        pass
    sale = an_intent(1, side=SELL, limit_price=Decimal(101))
    submission = asyncio.ensure_future(world.gateway.submit(sale))
    await turns()
    world.say(ev.ExecutionSeen(an_execution(side=SELL)))
    assert (await submission).code == "WHAT_IF"
    assert world.broker.previewed == []


# ---- changes


@pytest.mark.parametrize(("found", "is_sent"), [(GOOD, True), (BAD, False), (None, False)])
async def test_a_change_that_adds_risk_is_asked_about_as_an_order_is(
    found: MarginPreview | None, is_sent: bool
) -> None:
    """A small order passed, and the change that made it large was never asked about (INC-080)."""
    world = a_world(held=0)
    order = await world.working(an_intent(quantity=Decimal(1)))
    world.broker.on_preview = answers(found or GOOD, after_s=0.5 if found else 1e6)
    outcome = await world.gateway.modify(order.order_id, Revision(quantity=Decimal(500)))
    assert (outcome.kind is OutcomeKind.SENT) == is_sent
    assert (outcome.code == "WHAT_IF") != is_sent
    asked = world.broker.previewed[-1]
    assert (asked.quantity, asked.intent_id) == (Decimal(500), order.terms.intent_id)
    assert len(world.broker.changed) == is_sent


async def test_a_change_that_takes_risk_away_is_not_asked_about() -> None:
    world = a_world(held=0)
    order = await world.working(an_intent())
    world.broker.previewed.clear()
    outcome = await world.gateway.modify(order.order_id, Revision(quantity=Decimal(5)))
    assert outcome.kind is OutcomeKind.SENT
    assert world.broker.previewed == []


async def test_what_becomes_true_while_a_change_is_asked_about_counts() -> None:
    world = a_world(held=0)
    order = await world.working(an_intent(quantity=Decimal(1)))
    change = world.gateway.modify(order.order_id, Revision(quantity=Decimal(5)))
    waiting = asyncio.ensure_future(change)
    await asyncio.sleep(0.1)
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    assert (await waiting).code == "HALTED"
    assert world.broker.changed == []
