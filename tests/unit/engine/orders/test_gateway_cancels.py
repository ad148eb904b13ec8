"""Cancels: first in line, no faster than the broker reads, and until nothing is left."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.unit.engine.world import (
    CLIENT,
    CON,
    World,
    a_status,
    an_echo,
    an_intent,
    an_open_row,
)
from trader.core import events as ev
from trader.core.halts import HaltCause, Lane
from trader.core.ids import PermId
from trader.core.orders import Order, OrderState
from trader.core.risk.change import Revision
from trader.ports import LinkDown


async def crowd(count: int) -> tuple[World, tuple[Order, ...]]:
    """Return a world in which ``count`` orders work and no slot is left for a message."""
    world = World(rate_per_s=10.0, burst=10.0)
    orders = []
    for number in range(1, count + 1):
        await world.clock.sleep(5)
        world.quote()
        intent = an_intent(number, limit_price=Decimal(100) - Decimal(number) / 100)
        orders.append(await world.working(intent))
    while world.pacer.try_take(Lane.CANCEL):
        pass
    return world, tuple(orders)


async def test_a_cancel_without_a_slot_waits_and_leaves_in_its_turn() -> None:
    world, orders = await crowd(3)
    for order in orders:
        assert world.gateway.cancel(order.order_id, "stop") is None
    assert world.broker.cancelled == []
    world.link.check_answers()
    assert world.broker.cancelled == []
    await world.clock.sleep(0.21)
    world.link.check_answers()
    assert world.broker.cancelled == [row.order_id for row in orders[:2]]
    await world.clock.sleep(0.2)
    world.link.check_answers()
    assert world.broker.cancelled == [row.order_id for row in orders]
    assert len(world.journal.events(ev.CancelSent)) == 3


async def test_a_waiting_cancel_is_told_once_and_dropped_when_the_order_is_over() -> None:
    world, (order,) = await crowd(1)
    world.gateway.cancel(order.order_id, "stop")
    world.gateway.cancel(order.order_id, "stop again")
    world.say(a_status(order, "Cancelled"))
    await world.clock.sleep(5)
    world.link.check_answers()
    assert world.broker.cancelled == []


async def test_a_waiting_cancel_survives_a_lost_link() -> None:
    world, (order,) = await crowd(1)
    world.gateway.cancel(order.order_id, "stop")
    await world.clock.sleep(5)
    world.broker.cancel_error = LinkDown("gone")
    world.link.check_answers()
    world.broker.cancel_error = None
    world.link.check_answers()
    assert world.broker.cancelled == [order.order_id]


async def test_an_order_that_is_about_to_be_cancelled_is_not_changed() -> None:
    world, (order,) = await crowd(1)
    world.gateway.cancel(order.order_id, "stop")
    await world.clock.sleep(5)
    outcome = await world.gateway.modify(order.order_id, Revision(quantity=Decimal(5)))
    assert outcome.code == "ORDER_NOT_WORKING"
    assert world.broker.changed == []


async def test_two_orders_under_one_id_are_cancelled_until_none_is_left() -> None:
    """INC-085: the cancel of one confirms, and hours later the other fills."""
    world = World()
    order = await world.working()
    first = an_open_row(order)
    second = replace(first, perm_id=PermId(77))
    world.broker.word = world.mirror(open_orders=(first, second))
    await world.reconciler.run_once("test")
    assert [row.kind for row in world.book.tickets.values()] == ["duplicated"]
    # Both count: ours as what works, the other beside it.
    assert world.book.workings.of(CON).buys == 10
    assert world.book.workings.foreign_of(CON).buys == 10
    assert world.broker.cancelled == [order.order_id]
    world.say(a_status(order, "Cancelled"))
    assert world.order().state is OrderState.CANCELLED
    world.broker.word = world.mirror(open_orders=(second,))
    await world.reconciler.run_once("test")
    assert world.broker.cancelled == [order.order_id] * 2
    assert HaltCause.TICKET in world.guard.causes()
    # The order is over in the book, and what lives of it counts all the same.
    assert world.book.workings.foreign_of(CON).buys == 10
    assert world.book.foreign[PermId(77)].client_id == CLIENT
    world.broker.word = world.mirror(open_orders=())
    await world.reconciler.run_once("test")
    assert world.broker.cancelled == [order.order_id] * 2
    assert world.book.workings.foreign_of(CON).buys == 0


async def test_an_echo_with_another_perm_id_is_looked_up_at_once() -> None:
    world = World()
    order = await world.working()
    woken: list[str] = []
    world.inbox.wake_reconciler = woken.append
    world.say(an_echo(order))
    assert woken == []
    world.say(an_echo(order, perm_id=PermId(77)))
    world.say(an_echo(order, perm_id=PermId(77)))
    assert woken == [f"order {order.order_id} has the permId 77 as well"]


async def test_an_order_that_no_cancel_ends_calls_a_person_and_is_seldom_asked_again() -> None:
    """CAP-20, INC-085: a gateway may not find the second order by its id."""
    world = World()
    order = await world.working()
    row = an_open_row(order)
    world.broker.word = world.mirror(open_orders=(row, replace(row, perm_id=PermId(77))))
    for _ in range(9):
        await world.reconciler.run_once("test")
    assert world.broker.cancelled == [order.order_id] * 5
    await world.clock.sleep(60)
    for _ in range(3):
        await world.reconciler.run_once("test")
    assert world.broker.cancelled == [order.order_id] * 6
    assert world.pager.titles().count(f"order {order.order_id} cannot be cancelled") == 1
    assert HaltCause.TICKET in world.guard.causes()
