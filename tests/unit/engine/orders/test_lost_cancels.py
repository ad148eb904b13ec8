"""A cancel that was lost with the link is sent again, and one that was answered is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.engine.world import World, a_status, an_open_row
from trader.core import events as ev
from trader.core.orders import Order, OrderState
from trader.engine.orders.lost_cancels import LostCancels
from trader.ports import LinkDown, LinkWord


async def cancelling() -> tuple[World, Order]:
    """Return a world in which a cancel has left and nobody has answered it."""
    world = World()
    order = await world.working()
    assert world.gateway.cancel(order.order_id, "stop") is None
    assert world.broker.cancelled == [order.order_id]
    return world, order


async def lost_and_back(world: World, **word: Any) -> None:
    """Lose the link, have it again, and compare book and broker."""
    world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
    world.link.check_answers()
    world.arm()
    world.broker.word = world.mirror(**word)
    await world.reconciler.run_once("connected")
    world.link.check_answers()


async def test_a_cancel_that_was_lost_with_the_link_is_sent_again() -> None:
    """Found by the simulation: CANCELLING in the book for ever, and working at the broker."""
    world, order = await cancelling()
    await lost_and_back(world, open_orders=(an_open_row(order),))
    assert world.state(order.order_id) is OrderState.CANCELLING
    assert world.broker.cancelled == [order.order_id] * 2
    world.link.check_answers()
    assert world.broker.cancelled == [order.order_id] * 2
    await lost_and_back(world, open_orders=(an_open_row(order),))
    assert world.broker.cancelled == [order.order_id] * 3
    reasons = [row.reason for row in world.journal.events(ev.CancelSent)]
    assert reasons == ["stop", *["again, the link was lost: stop"] * 2]


async def test_nothing_is_cancelled_again_before_book_and_broker_were_compared() -> None:
    world, order = await cancelling()
    world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
    assert not world.guard.is_compared
    world.link.check_answers()
    assert world.broker.cancelled == [order.order_id]


async def test_what_the_broker_has_ended_is_not_cancelled_again() -> None:
    world, order = await cancelling()
    world.say(a_status(order, "Cancelled"))
    await lost_and_back(world)
    assert world.broker.cancelled == [order.order_id]


async def test_a_cancel_that_the_broker_has_taken_or_refused_is_not_sent_again() -> None:
    world, order = await cancelling()
    world.say(a_status(order, "PendingCancel"))
    await lost_and_back(world, open_orders=(an_open_row(order, status="PendingCancel"),))
    assert world.broker.cancelled == [order.order_id]
    world, order = await cancelling()
    text, evidence = "OrderId that needs to be cancelled is not found", ev.Evidence.REFUSES_CANCEL
    world.say(ev.OrderErrorSeen(order.order_id, 10147, text, evidence))
    await lost_and_back(world, open_orders=(an_open_row(order),))
    assert world.state(order.order_id) is OrderState.WORKING
    assert world.broker.cancelled == [order.order_id]


async def test_a_cancel_that_cannot_leave_again_is_tried_again() -> None:
    world, order = await cancelling()
    world.broker.cancel_error = LinkDown("gone")
    await lost_and_back(world, open_orders=(an_open_row(order),))
    assert world.broker.cancelled == [order.order_id]
    world.broker.cancel_error = None
    world.link.check_answers()
    assert world.broker.cancelled == [order.order_id] * 2


@pytest.mark.parametrize("is_open", [True, False])
async def test_what_was_being_cancelled_at_the_end_of_a_process_is_at_the_next_start(
    is_open: bool,
) -> None:
    world, order = await cancelling()
    sent: list[str] = []
    # As the next process builds it, from the book that it restores.
    after_start = LostCancels(world.services, lambda order_id, reason: sent.append(reason))
    if not is_open:
        world.say(a_status(order, "Cancelled"))
    after_start.repeat()
    assert sent == (["again, the link was lost: stop"] if is_open else [])
