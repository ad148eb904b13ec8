"""No entry works without its stop, no leg without anything to close, and the rest is told."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tests.unit.engine.orders.test_brackets import a_bracket, members, working
from tests.unit.engine.world import World, a_status, an_execution
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.ids import ExecId, OrderId, RunId
from trader.core.orders import Order, OrderState
from trader.engine.orders.bracket_watch import BracketWatch

D = Decimal


def a_watch(world: World) -> BracketWatch:
    watch = BracketWatch(world.services)
    watch.cancel = world.gateway.cancel
    world.ledger.observe(watch.on_recorded)
    return watch


async def watched() -> tuple[World, BracketWatch, tuple[Order, ...]]:
    """Return a world in which a bracket of ten works, its watch, and its three orders."""
    world = World()
    watch = a_watch(world)
    return world, watch, await working(world)


async def looks(watch: BracketWatch, seconds: float) -> None:
    for _ in range(int(seconds * 4)):
        watch.look()
        await asyncio.sleep(0.25)


def refused(stop: Order) -> ev.OrderErrorSeen:
    return ev.OrderErrorSeen(stop.order_id, 201, "refused", ev.Evidence.REJECTS_NEW)


def fill(world: World, order: Order, quantity: int, number: int) -> None:
    exec_id = ExecId(f"000{number}.bb.01.01")
    world.say(ev.ExecutionSeen(an_execution(order, quantity=D(quantity), exec_id=exec_id)))


async def test_a_whole_bracket_is_left_alone() -> None:
    world, watch, (entry, _, stop) = await watched()
    await looks(watch, 3)
    fill(world, entry, 4, 1)
    await looks(watch, 3)
    fill(world, entry, 6, 2)
    await looks(watch, 3)
    fill(world, stop, 10, 3)
    world.say(a_status(members(world)[1], "Cancelled"))
    await looks(watch, 3)
    assert world.broker.cancelled == []
    assert world.pager.sent == []


@pytest.mark.parametrize("is_working", [False, True])
async def test_an_entry_whose_stop_is_refused_is_cancelled_at_once(is_working: bool) -> None:
    world = World()
    watch = a_watch(world)
    await world.gateway.submit(a_bracket())
    entry, _, stop = members(world)
    if is_working:
        world.say(a_status(entry, "Submitted"))
    world.say(refused(stop))
    assert members(world)[2].state is OrderState.REJECTED
    watch.look()
    assert world.broker.cancelled == [entry.order_id]
    title = f"bracket {entry.order_id} without its stop, its entry is cancelled"
    assert world.pager.sent == [("warning", title, f"stop {stop.order_id} is REJECTED")]
    await looks(watch, 10)
    assert world.broker.cancelled == [entry.order_id], "asked again, and seldom"
    assert len(world.pager.sent) == 1
    await looks(watch, 25)
    assert len(world.broker.cancelled) == 2


async def test_an_entry_whose_stop_no_list_shows_is_cancelled_seen_or_not() -> None:
    """INC-146: the gateway keeps it back, and a person could let it go."""
    world = World()
    watch = a_watch(world)
    await world.gateway.submit(a_bracket())
    entry, _, stop = members(world)
    for order in members(world):
        world.ledger.record(ev.OrderUnanswered(order.order_id, "restart"))
    watch.look()
    assert world.broker.cancelled == []
    world.ledger.record(ev.OrderAbsentSeen(stop.order_id, RunId("r-1")))
    watch.look()
    assert world.broker.cancelled == [entry.order_id]
    assert members(world)[0].state is OrderState.UNKNOWN


async def test_what_could_not_be_cancelled_is_tried_again() -> None:
    world = World()
    watch = BracketWatch(world.services)
    await world.gateway.submit(a_bracket())
    _, _, stop = members(world)
    world.say(refused(stop))
    watch.look()
    assert world.broker.cancelled == [], "there is no gateway yet"
    watch.cancel = world.gateway.cancel
    await looks(watch, 31)
    assert len(world.broker.cancelled) == 1


async def test_legs_with_nothing_to_close_are_cancelled_after_a_moment() -> None:
    world, watch, (entry, profit, stop) = await watched()
    world.say(a_status(entry, "Cancelled"))
    await looks(watch, 2)
    assert world.broker.cancelled == [], "the entry may still have filled"
    world.ledger.record(ev.OrderSettled(entry.order_id, D(0), "test"))
    await looks(watch, 0.75)
    assert world.broker.cancelled == [], "the broker ends them by itself"
    await looks(watch, 1)
    assert world.broker.cancelled == [stop.order_id, profit.order_id]
    assert world.pager.sent == []


async def test_a_position_without_its_stop_is_told_once() -> None:
    world, watch, (entry, profit, stop) = await watched()
    fill(world, entry, 10, 1)
    world.say(a_status(stop, "Cancelled"))
    await looks(watch, 0.75)
    assert world.pager.sent == []
    await looks(watch, 5)
    title = f"bracket {entry.order_id} holds a position without its stop"
    text = f"10 AAA held, stop {stop.order_id} is CANCELLED"
    assert world.pager.sent == [("critical", title, text)]
    assert world.broker.cancelled == []
    world.say(a_status(profit, "Cancelled"))
    for order in (stop, profit):
        world.ledger.record(ev.OrderSettled(order.order_id, D(0), "test"))
    await looks(watch, 5)
    assert len(world.pager.sent) == 1


async def test_a_flaw_that_ends_everything_is_told_all_the_same() -> None:
    """Nothing of it works any more when the moment has passed."""
    world, watch, (entry, profit, stop) = await watched()
    fill(world, entry, 10, 1)
    watch.look()
    for order in (stop, profit):
        world.say(a_status(order, "Cancelled"))
        world.ledger.record(ev.OrderSettled(order.order_id, D(0), "test"))
    await looks(watch, 3)
    assert [row[1] for row in world.pager.sent] == [
        f"bracket {entry.order_id} holds a position without its stop"
    ]
    await looks(watch, 3)
    assert watch._places == {}


async def test_legs_that_have_both_filled_halt_and_are_told() -> None:
    world, watch, (entry, profit, stop) = await watched()
    fill(world, profit, 10, 1)
    await looks(watch, 0.5)
    fill(world, entry, 10, 2)
    await looks(watch, 3)
    assert world.guard.causes() == {}, "the words of one moment came one after the other"
    fill(world, stop, 4, 3)
    await looks(watch, 2)
    told = f"bracket {entry.order_id}: legs closed 4 more than the entry brought"
    assert world.guard.causes()[HaltCause.INVARIANT] == told
    titles = world.pager.titles()
    assert f"bracket {entry.order_id} has closed more than it brought" in titles
    assert world.broker.cancelled == [stop.order_id], "it may still open more"


async def test_of_a_book_that_may_lack_executions_only_the_safe_side_is_believed() -> None:
    world, watch, (entry, _, stop) = await watched()
    fill(world, entry, 4, 1)
    world.say(a_status(stop, "Cancelled"))
    world.guard.set_level(HaltCause.LINK, "gone")
    await looks(watch, 3)
    assert [row[0] for row in world.pager.sent] == ["warning"]
    assert world.broker.cancelled == [entry.order_id]


async def test_legs_that_both_fill_while_the_link_is_down_are_told_once_it_stands() -> None:
    """Nothing of it works any more, and nobody looks at it again."""
    world, watch, (entry, profit, stop) = await watched()
    fill(world, entry, 10, 1)
    watch.look()
    world.guard.set_level(HaltCause.NOT_RECONCILED, "the link was lost")
    fill(world, profit, 10, 2)
    fill(world, stop, 10, 3)
    await looks(watch, 5)
    assert HaltCause.INVARIANT not in world.guard.causes()
    world.guard.clear_level(HaltCause.NOT_RECONCILED)
    await looks(watch, 2)
    assert HaltCause.INVARIANT in world.guard.causes()
    assert watch._places == {}


async def test_a_bracket_that_is_over_before_anybody_looked_is_looked_at() -> None:
    world, watch, (entry, profit, stop) = await watched()
    for number, order in enumerate((entry, profit, stop), 1):
        fill(world, order, 10, number)
    await looks(watch, 2)
    assert HaltCause.INVARIANT in world.guard.causes()


async def test_what_was_told_is_not_told_again_after_a_loss_of_the_link() -> None:
    world, watch, (entry, _, stop) = await watched()
    fill(world, entry, 10, 1)
    world.say(a_status(stop, "Cancelled"))
    await looks(watch, 2)
    assert len(world.pager.sent) == 1
    world.guard.set_level(HaltCause.LINK, "gone")
    await looks(watch, 1)
    world.guard.clear_level(HaltCause.LINK)
    await looks(watch, 3)
    titles = [row[1] for row in world.pager.sent]
    assert len([row for row in titles if "without its stop" in row]) == 1, titles


async def test_a_stop_that_filled_for_a_part_leaves_the_rest_without_one() -> None:
    """The broker makes it as small as what the entry has brought, and the entry fills on."""
    world, watch, (entry, _, stop) = await watched()
    fill(world, entry, 4, 1)
    fill(world, stop, 4, 2)
    world.say(a_status(stop, "Filled", filled=D(4)))
    fill(world, entry, 6, 3)
    assert members(world)[2].state is OrderState.FILLED
    await looks(watch, 3)
    title = f"bracket {entry.order_id} holds a position without its stop"
    assert ("critical", title, f"6 AAA held, stop {stop.order_id} is FILLED") in world.pager.sent


async def test_orders_by_themselves_are_none_of_its_business() -> None:
    world = World()
    watch = a_watch(world)
    order = await world.working()
    await looks(watch, 2)
    world.say(a_status(order, "Cancelled"))
    await looks(watch, 2)
    assert world.broker.cancelled == []
    assert world.pager.sent == []


async def test_each_of_several_is_looked_after() -> None:
    world = World()
    watch = a_watch(world)
    for number in (1, 2):
        await world.gateway.submit(a_bracket(number, quantity=D(number)))
    stops = [row for row in members(world) if row.terms.order_type == "STP"]
    for stop in stops:
        world.say(refused(stop))
    watch.look()
    assert world.broker.cancelled == [OrderId(stop.order_id - 2) for stop in stops]
