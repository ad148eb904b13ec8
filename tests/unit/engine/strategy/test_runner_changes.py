"""A strategy changes its own orders, and hears at each stage what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.engine.runners import a_runner
from tests.unit.engine.world import (
    CON,
    STRATEGY,
    World,
    a_status,
    an_echo,
    an_execution,
    an_intent,
)
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.ids import OrderId, StrategyName
from trader.core.orders import Order
from trader.core.risk.change import Revision
from trader.engine.strategy.runner import StrategyRunner
from trader.ports import SendUncertain
from trader.strategies.base import (
    Context,
    OrderStage,
    OrderUpdate,
    OwnOrder,
    Wish,
)
from trader.strategies.own import OwnStrategy, Parameters

D = Decimal
Stage = OrderStage
LOOK_S = 3.0
Act = Callable[[Context], None]


class Tinker(OwnStrategy[Parameters]):
    """Does each second what a test tells it to, and remembers what it was told of changes."""

    def __init__(self, name: str = STRATEGY) -> None:
        super().__init__(name, ("AAA",), Parameters())
        self.acts: list[Act] = []
        self.after: list[Act] = []
        self.told: list[OrderUpdate] = []
        self.results: list[OrderUpdate] = []
        self.seen: tuple[OwnOrder, ...] = ()

    def on_start(self, context: Context) -> None:
        context.set_timer("look", 0)

    def on_timer(self, name: str, context: Context) -> None:
        context.set_timer(name, 1)
        self.seen = context.orders(CON)
        while self.acts:
            self.acts.pop(0)(context)

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        if "change" not in update.stage:
            self.results.append(update)
            return
        self.told.append(update)
        while self.after:
            self.after.pop(0)(context)

    @property
    def stages(self) -> list[OrderStage]:
        return [one.stage for one in self.told]


def told_of(order: Order, stage: OrderStage, code: str = "", text: str = "") -> OrderUpdate:
    return OrderUpdate(order.terms.intent_id, order.order_id, stage, code, text)


def started(world: World, strategy: Tinker) -> StrategyRunner:
    runner = a_runner(world, strategy)
    runner.start()
    return runner


async def tinkering(name: str = STRATEGY) -> tuple[World, Order, Tinker]:
    world, strategy = World(), Tinker(name)
    order = await world.working()
    started(world, strategy)
    return world, order, strategy


async def looked(strategy: Tinker, *acts: Act) -> None:
    """Let it act, and look around for a while."""
    strategy.acts.extend(acts)
    await asyncio.sleep(LOOK_S)


def changing(order_id: OrderId, **terms: Any) -> Act:
    return lambda context: context.modify(order_id, **terms, reason="market moved")


async def test_a_change_is_told_when_it_leaves_and_when_the_broker_shows_it() -> None:
    world, order, strategy = await tinkering()
    await looked(strategy, changing(order.order_id, quantity=D(12)))
    assert strategy.told == [told_of(order, Stage.CHANGE_SENT, text="sent")]
    (seen,) = strategy.seen
    assert (seen.order_id, seen.quantity, seen.is_changing) == (order.order_id, D(10), True)
    ((change, _),) = world.broker.changed
    assert change.terms.quantity == 12
    (planned,) = world.journal.events(ev.ModifyPlanned)
    assert planned.reason == "market moved"
    world.say(an_echo(world.order(), quantity=D(12)))
    await looked(strategy)
    assert strategy.stages == [Stage.CHANGE_SENT, Stage.CHANGED]
    (seen,) = strategy.seen
    assert (seen.quantity, seen.is_changing) == (D(12), False)
    await world.supervisor.stop()


async def test_a_change_that_the_broker_refuses_is_told_and_the_order_works_on() -> None:
    """INC-015."""
    world, order, strategy = await tinkering()
    await looked(strategy, changing(order.order_id, quantity=D(12)))
    world.say(ev.OrderErrorSeen(order.order_id, 110, "no such tick", ev.Evidence.REJECTS_NEW))
    await looked(strategy)
    assert strategy.stages == [Stage.CHANGE_SENT, Stage.CHANGE_DROPPED]
    assert strategy.told[-1].text == "110 no such tick"
    assert [one.quantity for one in strategy.seen] == [D(10)]
    await world.supervisor.stop()


async def test_doubt_is_told_and_so_is_its_end() -> None:
    world, order, strategy = await tinkering()
    world.broker.place_error = SendUncertain("socket broke")
    await looked(strategy, changing(order.order_id, quantity=D(12)))
    assert strategy.told == [
        told_of(order, Stage.CHANGE_SENT, text="sent"),
        told_of(order, Stage.CHANGE_UNCERTAIN, text="socket broke"),
    ]
    world.say(an_echo(world.order(), quantity=D(12)))
    await looked(strategy)
    assert strategy.stages[1:] == [Stage.CHANGE_UNCERTAIN, Stage.CHANGED]
    await world.supervisor.stop()


async def test_what_a_broker_shows_and_takes_back_is_told() -> None:
    world, order, strategy = await tinkering()
    await looked(strategy, changing(order.order_id, quantity=D(12)))
    world.say(an_echo(world.order(), quantity=D(12)), an_echo(world.order(), quantity=D(10)))
    await looked(strategy)
    assert strategy.stages == [
        Stage.CHANGE_SENT,
        Stage.CHANGED,
        Stage.CHANGE_UNCERTAIN,
    ]
    await world.supervisor.stop()


@pytest.mark.parametrize(
    ("terms", "code", "text"),
    [
        ({}, "CHANGE_INVALID", "nothing changes"),
        ({"quantity": D(10)}, "CHANGE_INVALID", "nothing changes"),
        (
            {"quantity": D("NaN")},
            "CHANGE_INVALID",
            "quantity Decimal('NaN'), allowed is a Decimal above 0",
        ),
        (
            {"limit_price": 99.5},
            "CHANGE_INVALID",
            "limit_price 99.5, allowed is a Decimal above 0",
        ),
        ({"stop_price": D(90)}, "CHANGE_INVALID", "stop_price 90: a LMT order has none"),
    ],
)
async def test_a_change_that_cannot_be_is_told_with_field_and_value(
    terms: dict[str, Any], code: str, text: str
) -> None:
    world, order, strategy = await tinkering()
    await looked(strategy, changing(order.order_id, **terms))
    assert strategy.told == [told_of(order, Stage.CHANGE_REFUSED, code, text)]
    assert world.broker.changed == []
    await world.supervisor.stop()


async def test_orders_that_are_unknown_others_or_over_are_not_changed() -> None:
    world, order, strategy = await tinkering()
    other = await world.working(an_intent(2, strategy=StrategyName("other")))
    over = await world.working(an_intent(3))
    world.say(a_status(over, "Cancelled"))
    wanted = (OrderId(99), other.order_id, over.order_id)
    await looked(strategy, *(changing(one, quantity=D(12)) for one in wanted))
    assert [(one.order_id, one.code) for one in strategy.told] == [
        (OrderId(99), "ORDER_UNKNOWN"),
        (other.order_id, "ORDER_NOT_OWN"),
        (over.order_id, "ORDER_NOT_WORKING"),
    ]
    assert set(strategy.stages) == {Stage.CHANGE_REFUSED}
    assert world.broker.changed == []
    assert [one.order_id for one in strategy.seen] == [order.order_id]
    # Each refusal is on record, with its reason.
    assert [one.reason for one in world.journal.events(ev.ModifyRefused)] == ["market moved"] * 3
    await world.supervisor.stop()


async def test_one_open_change_at_a_time_and_the_first_is_still_followed() -> None:
    world, order, strategy = await tinkering()
    await looked(
        strategy,
        changing(order.order_id, quantity=D(12)),
        changing(order.order_id, quantity=D(13)),
    )
    assert [(one.stage, one.code) for one in strategy.told] == [
        (Stage.CHANGE_SENT, ""),
        (Stage.CHANGE_REFUSED, "CHANGE_OPEN"),
    ]
    world.say(an_echo(world.order(), quantity=D(12)))
    await looked(strategy)
    assert strategy.stages[2:] == [Stage.CHANGED]
    await looked(strategy, changing(order.order_id, quantity=D(13)))
    assert strategy.stages[3:] == [Stage.CHANGE_SENT]
    assert [change.terms.quantity for change, _ in world.broker.changed] == [12, 13]
    await world.supervisor.stop()


async def test_a_change_while_halted_is_refused_with_the_code_of_orders() -> None:
    world, order, strategy = await tinkering()
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    await looked(strategy, changing(order.order_id, quantity=D(12)))
    assert [(one.stage, one.code) for one in strategy.told] == [(Stage.CHANGE_REFUSED, "HALTED")]
    await world.supervisor.stop()


async def test_a_change_of_before_a_restart_is_told_after_it() -> None:
    """The runner is new; the change is the book's."""
    world = World()
    order = await world.working()
    await world.gateway.modify(order.order_id, Revision(quantity=D(12), reason="more"))
    strategy = Tinker()
    started(world, strategy)
    await looked(strategy)
    assert strategy.told == []
    world.say(an_echo(world.order(), quantity=D(12)))
    await looked(strategy)
    assert strategy.stages == [Stage.CHANGED]
    await world.supervisor.stop()


async def test_a_fill_that_ends_the_order_tells_the_change_it_proves() -> None:
    world, order, strategy = await tinkering()
    await looked(strategy, changing(order.order_id, quantity=D(12)))
    world.say(ev.ExecutionSeen(an_execution(world.order(), quantity=D(12))))
    await looked(strategy)
    assert strategy.stages == [Stage.CHANGE_SENT, Stage.CHANGED]
    assert strategy.seen == ()
    await world.supervisor.stop()


async def test_a_result_names_the_order_that_a_change_can_name() -> None:
    world, strategy = World(), Tinker()
    started(world, strategy)
    wish = Wish(CON, an_intent().side, D(10), reason="test")
    await looked(strategy, lambda context: _ignore(context.submit(wish)))
    (result,) = strategy.results
    assert result.order_id == world.order().order_id
    await world.supervisor.stop()


async def test_a_change_wished_for_by_a_result_is_asked_for_in_the_same_look() -> None:
    world, order, strategy = await tinkering()
    strategy.after = [changing(order.order_id, limit_price=D("99.50"))]
    await looked(strategy, changing(order.order_id, quantity=D(10)))
    assert strategy.stages == [Stage.CHANGE_REFUSED, Stage.CHANGE_SENT]
    await world.supervisor.stop()


def _ignore(_: object) -> None:
    return None
