"""What left and was not answered; how long answers took."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.engine.world import World, a_status, an_intent
from trader.core.orders import OrderState
from trader.engine.orders.answers import Answers


def heard(world: World) -> tuple[Answers, list[tuple[str, float]]]:
    told: list[tuple[str, float]] = []
    world.gateway.answers.observe = lambda name, ms: told.append((name, ms))
    return world.gateway.answers, told


async def test_the_first_sign_of_life_tells_how_long_it_took() -> None:
    world = World()
    _, told = heard(world)
    await world.gateway.submit(an_intent())
    await asyncio.sleep(0.2)
    world.say(a_status(world.order()))
    world.say(a_status(world.order(), "PreSubmitted"))
    assert [name for name, _ in told] == ["intent_to_wire_latency_ms", "intent_to_ack_latency_ms"]
    assert told[1][1] == pytest.approx(200, abs=1)


async def test_what_is_not_answered_in_time_is_unknown() -> None:
    world = World()
    answers, told = heard(world)
    await world.gateway.submit(an_intent())
    await asyncio.sleep(1)
    assert answers.mark_unanswered(1.5, "late") == []
    await asyncio.sleep(1)
    assert answers.mark_unanswered(1.5, "late") == [world.order().order_id]
    assert world.order().state is OrderState.UNKNOWN
    assert answers.mark_unanswered(1.5, "late") == []
    world.say(a_status(world.order()))
    assert len(told) == 1, "an answer after a doubt is no measure"


async def test_without_anybody_to_tell_nothing_is_told() -> None:
    world = World()
    answers = Answers(world.services)
    answers.await_of(world.book.order_id_high, 0.0, 0.0)
    answers.observe("intent_to_ack_latency_ms", 1.0)
