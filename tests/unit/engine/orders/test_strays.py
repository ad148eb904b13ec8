"""Nothing crosses the line between what is real and what is not, with every gate open (EVT-20)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.engine.world import LINEAGE, STRATEGY, Pages, World, an_intent
from trader.core.halts import Lane, Posture
from trader.core.ids import REPLAY, SHADOW, UNREAL, Lineage, OrderId, intent_id
from trader.engine.orders.gateway import GatewaySettings, OrderGateway
from trader.engine.orders.strays import reused, stray_refusal
from trader.engine.outcomes import OutcomeKind


@pytest.mark.parametrize("tag", UNREAL)
@pytest.mark.parametrize("lane", [None, Lane.OPERATOR, Lane.REDUCE])
async def test_a_tagged_intent_at_an_armed_gateway_is_refused_and_nothing_is_recorded(
    tag: Lineage, lane: Lane | None
) -> None:
    world = World()
    assert world.guard.posture() is Posture.ARMED
    stray = an_intent(intent_id=intent_id(tag, STRATEGY, 1))
    before = world.book.seq
    outcome = await world.gateway.submit(stray, lane)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "UNREAL")
    assert world.broker.placed == []
    assert world.book.seq == before
    assert world.pager.titles() == ["an intent was on the wrong side"]
    # The same with its own lineage leaves: nothing else kept it here.
    assert (await world.gateway.submit(an_intent())).kind is OutcomeKind.SENT


@pytest.mark.parametrize("lineage", [LINEAGE, SHADOW])
async def test_a_gateway_of_a_replay_takes_nothing_but_its_own(lineage: Lineage) -> None:
    world = World()
    settings = GatewaySettings(5.0, world.policy, tag=REPLAY)
    gateway = OrderGateway(world.services, settings=settings)
    outcome = await gateway.submit(an_intent(intent_id=intent_id(lineage, STRATEGY, 1)))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "UNREAL")
    assert world.broker.placed == []


async def test_the_tag_of_a_gateway_cannot_be_switched() -> None:
    settings = GatewaySettings(5.0, World().policy, tag=REPLAY)
    with pytest.raises(AttributeError):
        settings.tag = None  # type: ignore[misc]


async def test_a_refusal_says_both_sides() -> None:
    world = World()
    found = stray_refusal(an_intent(), SHADOW, world.pager)
    assert found is not None
    assert "it is real, and allowed here is what is shadow" in found.text
    tagged = replace(an_intent(), intent_id=intent_id(SHADOW, STRATEGY, 1))
    assert stray_refusal(tagged, SHADOW, world.pager) is None
    assert stray_refusal(an_intent(), None, world.pager) is None


def test_an_id_with_another_content_is_refused_and_pages() -> None:
    pages = Pages()
    outcome = reused(an_intent(), OrderId(7), pages)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "INTENT_REUSED")
    assert outcome.order_id == 7
    assert pages.titles() == ["intent id reused"]
