"""After a kill what adds risk is cancelled until nothing of it works; closing needs a policy."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.engine.world import World, a_status, an_exit, an_intent, running
from trader.core.halts import HaltCause
from trader.core.ids import OrderId
from trader.engine.breaker_kill import BreakerKill
from trader.engine.operator import Answer
from trader.ports import WorldError


def a_kill(world: World, *, must_flatten: bool = False) -> tuple[BreakerKill, asyncio.Event]:
    killed = asyncio.Event()
    kill = BreakerKill(world.services, desk=world.desk, killed=killed, must_flatten=must_flatten)
    return kill, killed


def obliging(world: World) -> None:
    """Have the broker confirm each cancel."""

    def confirm(order_id: OrderId) -> None:
        world.inbox.put(a_status(world.book.orders[order_id], "Cancelled"))
        asyncio.get_running_loop().call_soon(world.inbox.handle_queued)

    world.broker.on_cancel = confirm


async def test_a_kill_cancels_what_adds_and_keeps_what_shrinks() -> None:
    world = World(held=100)
    obliging(world)
    kill, killed = a_kill(world)
    adding = await world.working(an_intent(1))
    exiting = await world.working(an_exit(2))
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")
    with running(kill.run):
        killed.set()
        await asyncio.sleep(1)
        assert list(world.book.live_orders) == [exiting.order_id]
        assert world.broker.cancelled == [adding.order_id]
        assert len(world.broker.placed) == 2, "nothing was closed"


async def test_what_a_crash_left_is_cancelled_though_nobody_says_so_again() -> None:
    world = World()
    obliging(world)
    kill, _ = a_kill(world)
    adding = await world.working()
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")
    with running(kill.run):
        await asyncio.sleep(6)
        assert world.broker.cancelled == [adding.order_id]


async def test_a_policy_that_says_so_closes_everything() -> None:
    world = World(held=100)
    kill, _ = a_kill(world, must_flatten=True)
    world.broker.on_place = lambda order: None
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")
    await kill.act()
    assert [row.order.terms.quantity for row in world.broker.placed] == [100]
    assert world.broker.placed[0].order.terms.side == "SELL"


@pytest.mark.parametrize("cause", [HaltCause.OPERATOR, HaltCause.BREAKER_TRIPPED])
async def test_no_other_halt_cancels_anything(cause: HaltCause) -> None:
    world = World()
    kill, _ = a_kill(world)
    await world.working()
    world.guard.set_level(cause, "because")
    await kill.act()
    assert world.broker.cancelled == []


async def test_without_a_way_to_the_broker_it_waits() -> None:
    world = World()
    kill, _ = a_kill(world)
    await world.working()
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")
    world.upstream(1100)
    await kill.act()
    assert world.broker.cancelled == []


async def test_a_world_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    obliging(world)
    kill, _ = a_kill(world)
    order = await world.working()
    world.guard.latch(HaltCause.BREAKER, "-0.06", by="breaker loss_kill")

    async def failing(*, by: str, keeps_exits: bool = False) -> Answer:
        raise WorldError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(world.desk, "cancel_orders", failing)
        await kill.act()
    assert world.broker.cancelled == []
    await kill.act()
    assert world.broker.cancelled == [order.order_id]
