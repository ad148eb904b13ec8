"""What a strategy is told of its orders: each stage once, in order, and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.unit.engine.world import LINEAGE, World, a_status, an_intent
from trader.core.brackets import Role
from trader.core.events import Recorded
from trader.core.executions import Execution
from trader.core.ids import OrderId, StrategyName, intent_id
from trader.core.intents import BracketTerms
from trader.core.orders import OrderState
from trader.engine.strategy.strategy_news import StrategyNews, update_of
from trader.strategies.base import OrderStage

ALPHA = StrategyName("alpha")


def news_of(world: World) -> StrategyNews:
    news = StrategyNews(world.book, ALPHA)

    def hear(recorded: Recorded) -> None:
        news.on_recorded(recorded)

    world.ledger.observe(hear)
    return news


def told(news: StrategyNews) -> list[str]:
    found = []
    while (one := news.take()) is not None:
        found.append("fill" if isinstance(one, Execution) else one.stage.value)
    return found


async def test_each_stage_is_told_once_and_fills_come_where_they_happened() -> None:
    world = World()
    news = news_of(world)
    order = await world.working()
    for _ in range(3):
        world.say(a_status(order))
    world.fill(order, "1.1.01", quantity=Decimal(4))
    world.say(a_status(order, "Cancelled"))
    # The cancel lost the race (INC-024).
    world.fill(order, "1.2.01", quantity=Decimal(6))
    assert told(news) == ["sent", "working", "fill", "cancelled", "fill", "filled"]


async def test_what_waits_is_named_and_can_be_forgotten() -> None:
    world = World()
    news = news_of(world)
    order = await world.working()
    world.fill(order, "1.1.01", quantity=Decimal(4))
    assert news.is_about(order.order_id)
    assert not news.is_about(OrderId(999))
    assert news.untold() == ("1.1.01",)
    news.clear()
    assert (news.take(), news.untold(), news.is_about(order.order_id)) == (None, (), False)


async def test_another_strategys_order_is_no_news() -> None:
    world = World()
    news = news_of(world)
    other = StrategyName("beta")
    order = await world.working(
        an_intent(1, strategy=other, intent_id=intent_id(LINEAGE, other, 1))
    )
    world.fill(order)
    assert told(news) == []


async def test_an_order_that_never_left_was_refused() -> None:
    world = World()
    order = await world.working()
    assert update_of(order).stage is OrderStage.WORKING
    never = replace(order, state=OrderState.WITHHELD, note="the gate is shut")
    assert (update_of(never).stage, update_of(never).text) == ("refused", "the gate is shut")


async def test_an_order_that_was_over_before_is_not_told_again() -> None:
    world = World()
    order = await world.working()
    world.fill(order)
    news = news_of(world)
    world.say(a_status(order, "Filled"))
    assert told(news) == []


async def test_each_order_of_a_bracket_is_told_as_an_own_one_and_as_what_it_is() -> None:
    world = World()
    news = news_of(world)
    await world.gateway.submit(an_intent(bracket=BracketTerms(Decimal(110), Decimal(95))))
    found = []
    while (one := news.take()) is not None:
        assert not isinstance(one, Execution)
        found.append(one)
    assert [row.stage for row in found] == [OrderStage.SENT] * 3
    places = [row.bracket for row in found]
    assert [place.role for place in places if place] == list(Role)
    ids = tuple(row.order_id for row in found)
    assert {place.ids for place in places if place} == {ids}
    assert [row.intent_id for row in found] == [
        "abc123-alpha-1", "abc123-alpha-1p", "abc123-alpha-1s",
    ]  # fmt: skip
