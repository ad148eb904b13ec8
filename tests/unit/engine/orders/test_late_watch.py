"""What is late is taken off: once it works, as the policy says, and exits never."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.policies import bent
from tests.unit.engine.world import POLICY, World, a_status, an_exit, an_intent
from trader.core import events as ev
from trader.core.ids import OrderId, RunId
from trader.core.orders import Order, OrderState
from trader.core.policy import LateOrders, Policy
from trader.engine.orders.late_watch import LateWatch

D = Decimal
CANCEL = bent(POLICY, order__late_orders=LateOrders.CANCEL)
EXPIRING = bent(POLICY, order__entry_expiry_s=20.0)


def a_watch(world: World) -> LateWatch:
    watch = LateWatch(world.services, world.policy.order)
    watch.cancel, watch.cancel_ghost = world.gateway.cancel, world.gateway.cancel_duplicate
    watch.ghosts = world.reconciler.ghosts
    return watch


async def looks(watch: LateWatch, seconds: float) -> None:
    for _ in range(int(seconds)):
        watch.look()
        await asyncio.sleep(1)


async def answered_late(world: World, is_exit: bool = False) -> Order:
    """Have an order go unanswered, and then turn up and work."""
    intent = an_exit() if is_exit else an_intent()
    await world.gateway.submit(intent)
    order = world.order(intent.intent_id)
    assert world.gateway.mark_unanswered(0.0, "no answer") == (order.order_id,)
    assert world.state(order.order_id) is OrderState.UNKNOWN
    return order


async def test_an_entry_that_turns_up_late_is_cancelled_once_it_works() -> None:
    """INC-004: nobody wants it any more."""
    world = World(policy=CANCEL)
    order, watch = await answered_late(world), a_watch(world)
    await looks(watch, 3)
    assert world.broker.cancelled == [], "of what nobody has answered nothing is known yet"
    world.say(a_status(order))
    await looks(watch, 3)
    assert world.broker.cancelled == [order.order_id]
    assert world.pager.titles() == [f"order {order.order_id} taken off"]
    world.say(a_status(order, "Cancelled"))
    await looks(watch, 60)
    assert world.broker.cancelled == [order.order_id]


async def test_a_cancel_that_nobody_answers_is_sent_again_seldom() -> None:
    world = World(policy=CANCEL)
    order, watch = await answered_late(world), a_watch(world)
    world.say(a_status(order))
    await looks(watch, 65)
    assert world.broker.cancelled == [order.order_id] * 3
    assert len(world.pager.sent) == 1


@pytest.mark.parametrize("policy", [POLICY, CANCEL])
async def test_an_exit_that_turns_up_late_stays(policy: Policy) -> None:
    world = World(held=10, policy=policy)
    order, watch = await answered_late(world, is_exit=True), a_watch(world)
    world.say(a_status(order))
    await looks(watch, 60)
    assert world.broker.cancelled == []
    assert world.pager.sent == []


async def test_a_policy_that_keeps_late_orders_keeps_them() -> None:
    world = World()
    order, watch = await answered_late(world), a_watch(world)
    world.say(a_status(order))
    await looks(watch, 60)
    assert world.broker.cancelled == []


async def test_an_order_that_was_answered_in_time_stays() -> None:
    world = World(policy=CANCEL)
    await world.working()
    await looks(a_watch(world), 60)
    assert world.broker.cancelled == []


async def absent_and_alive(world: World) -> Order:
    """Have an order proven absent, and then seen at the broker."""
    order = await answered_late(world)
    world.ledger.record(ev.OrderProvenAbsent(order.order_id, RunId("r2"), RunId("r1")))
    assert world.state(order.order_id) is OrderState.CANCELLED
    return world.order()


@pytest.mark.parametrize(("policy", "sent"), [(POLICY, 0), (CANCEL, 1)])
async def test_what_was_proven_absent_and_lives_goes_by_the_policy(
    policy: Policy, sent: int
) -> None:
    world = World(policy=policy)
    order, watch = await absent_and_alive(world), a_watch(world)
    watch.ghosts = lambda: (order.order_id,)
    await looks(watch, 20)
    assert world.broker.cancelled == [order.order_id] * sent


async def test_an_entry_is_sent_with_its_end_and_an_exit_without() -> None:
    world = World(held=10, policy=EXPIRING)
    await world.gateway.submit(an_exit(1))
    await world.gateway.submit(an_intent(2))
    leaving, entry = (planned.terms for planned in world.journal.events(ev.OrderPlanned))
    assert leaving.good_till_utc is None
    assert (leaving.told_time_in_force, entry.told_time_in_force) == ("DAY", "GTD")
    ends = entry.good_till_utc
    assert ends is not None
    assert 20 <= (ends - world.clock.utc()).total_seconds() <= 21


async def test_what_outlives_its_end_is_cancelled_by_us() -> None:
    """INC-082: a broker that forgets the end must not fill it at the next open."""
    world = World(policy=EXPIRING)
    order, watch = await world.working(), a_watch(world)
    await looks(watch, 30)
    assert world.broker.cancelled == [], "the broker's clock may be behind"
    await looks(watch, 10)
    assert world.broker.cancelled == [order.order_id]
    assert "should have expired" in world.pager.sent[0][2]


async def test_while_the_link_is_down_nothing_is_asked_and_nothing_told() -> None:
    world = World(policy=CANCEL)
    order, watch = await answered_late(world), a_watch(world)
    world.say(a_status(order))
    world.broker.is_connected = False
    await looks(watch, 5)
    assert world.pager.sent == []
    world.broker.is_connected = True
    await looks(watch, 2)
    assert world.broker.cancelled == [order.order_id]


async def test_before_there_is_a_gateway_nothing_is_cancelled() -> None:
    world = World(policy=CANCEL)
    order, watch = await answered_late(world), LateWatch(world.services, world.policy.order)
    watch.ghosts = lambda: (OrderId(99),)
    world.say(a_status(order))
    watch.look()
    assert world.broker.cancelled == []


async def test_since_when_an_order_had_no_answer_is_kept_over_its_answer() -> None:
    world = World()
    order = await answered_late(world)
    since = world.order().unanswered_utc
    assert since is not None
    world.say(a_status(order))
    assert world.order().unanswered_utc == since
    assert replace(world.order(), unanswered_utc=None) != world.order()
