"""An exit whose position somebody else has closed is taken off before it opens another one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.engine.orders.test_brackets import a_bracket
from tests.unit.engine.world import BUY, SELL, World, a_status, an_execution, an_exit, an_intent
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.ids import ExecId
from trader.core.intents import OrderType
from trader.core.orders import Order
from trader.engine.orders.exit_watch import ExitWatch
from trader.ports import LinkDown

D = Decimal


def a_watch(world: World) -> ExitWatch:
    watch = ExitWatch(world.services)
    watch.cancel = world.gateway.cancel
    return watch


def by_hand(world: World, quantity: int, number: int = 1) -> None:
    side = SELL if quantity < 0 else BUY
    exec_id = ExecId(f"000{number}.ff.01.01")
    row = an_execution(side=side, quantity=D(abs(quantity)), exec_id=exec_id)
    world.say(ev.ExecutionSeen(row))


async def looks(watch: ExitWatch, seconds: float) -> None:
    for _ in range(int(seconds * 4)):
        watch.look()
        await asyncio.sleep(0.25)


async def a_stop(world: World, number: int, quantity: int) -> Order:
    stop = replace(an_exit(number, quantity), order_type=OrderType.STOP, stop_price=D(99))
    return await world.working(stop)


async def a_working_bracket(world: World, number: int = 1) -> tuple[Order, ...]:
    known = set(world.book.orders)
    await world.gateway.submit(a_bracket(number))
    ids = sorted(set(world.book.orders) - known)
    for key in ids:
        world.say(a_status(world.book.orders[key], "PreSubmitted"))
    return tuple(world.book.orders[key] for key in ids)


@pytest.mark.parametrize("sold", [10, 15])
async def test_an_exit_whose_position_a_person_has_closed_is_cancelled(sold: int) -> None:
    """INC-102: it stayed at the broker, and would have opened a short position."""
    world = World(held=10)
    order, watch = await world.working(an_exit()), a_watch(world)
    await looks(watch, 2)
    assert world.broker.cancelled == []
    by_hand(world, -sold)
    await looks(watch, 0.5)
    assert world.broker.cancelled == [], "executions of one moment may come one after the other"
    await looks(watch, 1)
    assert world.broker.cancelled == [order.order_id]
    told = f"SELL 10 AAA: {10 - sold} is held by now"
    assert world.pager.sent == [("warning", f"exit {order.order_id} taken off", told)]


async def test_what_still_fits_stays_and_stops_stay_first() -> None:
    world = World(held=30)
    limit, stop, watch = await world.working(an_exit(1)), await a_stop(world, 2, 20), a_watch(world)
    by_hand(world, -5)
    await looks(watch, 2)
    assert world.broker.cancelled == [limit.order_id]
    world.say(a_status(limit, "Cancelled"))
    await looks(watch, 2)
    by_hand(world, -10, 2)
    await looks(watch, 2)
    assert world.broker.cancelled == [limit.order_id, stop.order_id]


async def test_its_own_fills_and_what_only_seems_too_much_for_a_moment_change_nothing() -> None:
    world = World(held=10)
    order, watch = await world.working(an_exit()), a_watch(world)
    world.fill(order, quantity=D(4))
    await looks(watch, 2)
    by_hand(world, -6)
    await looks(watch, 0.5)
    by_hand(world, 6, 2)
    await looks(watch, 3)
    world.fill(order, "0002.aa.01.01", quantity=D(6))
    await looks(watch, 2)
    assert world.broker.cancelled == []


async def test_an_entry_is_none_of_its_business() -> None:
    world = World()
    await world.working(an_intent())
    await looks(a_watch(world), 2)
    assert world.broker.cancelled == []


@pytest.mark.parametrize("cause", [HaltCause.NOT_RECONCILED, HaltCause.LINK])
async def test_a_book_that_may_lack_something_is_no_reason(cause: HaltCause) -> None:
    world = World(held=10)
    order, watch = await world.working(an_exit()), a_watch(world)
    by_hand(world, -10)
    world.guard.set_level(cause, "test")
    await looks(watch, 3)
    assert world.broker.cancelled == []
    world.guard.clear_level(cause)
    world.desk.halt(reason="a halt keeps no cancel back", by="test")
    await looks(watch, 2)
    assert world.broker.cancelled == [order.order_id]


async def test_a_cancel_that_did_not_leave_is_asked_for_again_and_paged_once() -> None:
    world = World(held=10)
    order, watch = await world.working(an_exit()), a_watch(world)
    by_hand(world, -10)
    world.broker.cancel_error = LinkDown("lost")
    await looks(watch, 20)
    assert world.broker.cancelled == []
    world.broker.cancel_error = None
    await looks(watch, 40)
    assert world.broker.cancelled == [order.order_id], "one that is being cancelled is left alone"
    assert len(world.pager.sent) == 1


async def test_without_a_gateway_it_says_so_and_goes_on() -> None:
    world = World(held=10)
    await world.working(an_exit())
    watch = ExitWatch(world.services)
    by_hand(world, -10)
    await looks(watch, 3)
    assert world.broker.cancelled == []


async def test_both_legs_of_a_bracket_go_whose_position_a_person_has_closed() -> None:
    """The stop counts for both, and the profit would open a position while that is settling."""
    world = World()
    entry, profit, stop = await a_working_bracket(world)
    world.fill(entry, quantity=D(10))
    watch = a_watch(world)
    await looks(watch, 2)
    assert world.broker.cancelled == []
    by_hand(world, -10)
    await looks(watch, 2)
    assert sorted(world.broker.cancelled) == [profit.order_id, stop.order_id]
    assert [row[2] for row in world.pager.sent] == ["SELL 10 AAA: 0 is held by now"] * 2


async def test_a_profit_whose_stop_is_over_and_settling_goes_with_the_position() -> None:
    world = World()
    entry, profit, stop = await a_working_bracket(world)
    world.fill(entry, quantity=D(10))
    watch = a_watch(world)
    world.say(a_status(stop, "Cancelled"))
    await looks(watch, 2)
    assert world.broker.cancelled == []
    by_hand(world, -3)
    await looks(watch, 2)
    assert world.broker.cancelled == [profit.order_id]


async def test_the_legs_of_what_is_still_held_stay() -> None:
    world = World()
    first = await a_working_bracket(world, 1)
    world.fill(first[0], quantity=D(10), exec_id=ExecId("0001.aa.01.01"))
    second = await a_working_bracket(world, 2)
    world.fill(second[0], quantity=D(10), exec_id=ExecId("0001.ab.01.01"))
    watch = a_watch(world)
    await looks(watch, 2)
    assert world.broker.cancelled == []
    by_hand(world, -10)
    await looks(watch, 2)
    assert sorted(world.broker.cancelled) == [row.order_id for row in second[1:]]
