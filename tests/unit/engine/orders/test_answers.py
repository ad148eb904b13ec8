"""What left and was not answered; how long answers took."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tests.unit.engine.world import World, a_status, an_intent
from trader.core.intents import BracketTerms
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
    assert [name for name, _ in told] == [
        "intent_to_wire_latency_ms",
        "intent_to_decision_latency_ms",
        "intent_to_ack_latency_ms",
    ]
    assert told[2][1] == pytest.approx(200, abs=1)


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
    assert len(told) == 2, "an answer after a doubt is no measure"


async def test_without_anybody_to_tell_nothing_is_told() -> None:
    world = World()
    answers = Answers(world.services)
    answers.await_of(world.book.order_id_high, 0.0, 0.0)
    answers.observe("intent_to_ack_latency_ms", 1.0)


async def test_the_first_execution_tells_how_long_a_fill_took_and_the_next_does_not() -> None:
    world = World()
    _, told = heard(world)
    await world.gateway.submit(an_intent())
    await asyncio.sleep(0.2)
    world.say(a_status(world.order()))
    await asyncio.sleep(0.3)
    world.fill(world.order(), quantity=Decimal(4))
    world.fill(world.order(), "0001.aa.02.01", quantity=Decimal(6))
    assert world.order().state is OrderState.FILLED
    fills = [ms for name, ms in told if name == "intent_to_fill_latency_ms"]
    assert fills == [pytest.approx(500, abs=1)]


async def test_an_order_that_ends_without_a_fill_is_no_measure_and_is_forgotten() -> None:
    world = World()
    answers, told = heard(world)
    await world.gateway.submit(an_intent())
    world.say(a_status(world.order()), a_status(world.order(), "Cancelled"))
    world.fill(world.order())
    assert "intent_to_fill_latency_ms" not in [name for name, _ in told]
    assert not answers._unfilled


async def test_the_legs_of_a_bracket_are_no_measure() -> None:
    world = World()
    _, told = heard(world)
    terms = BracketTerms(Decimal(110), Decimal(90))
    wish = an_intent(bracket=terms)
    outcome = await world.gateway.submit(wish)
    entry = outcome.order_id
    assert entry is not None
    entry_order, *legs = (world.book.orders[key] for key in sorted(world.book.orders))
    world.fill(entry_order)
    await asyncio.sleep(1)
    world.fill(legs[0], "0001.aa.02.01")
    assert len(legs) == 2
    assert [name for name, _ in told].count("intent_to_fill_latency_ms") == 1
